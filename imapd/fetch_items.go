package imapd

// itemKind is one of FETCH's data items (RFC 9051 §6.4.5, RFC 3501 §6.4.5).
type itemKind uint8

const (
	itemFlags itemKind = iota
	itemUID
	itemInternalDate
	itemSize          // RFC822.SIZE
	itemEnvelope      //
	itemBody          // BODY: the structure without extension data
	itemBodyStructure //
	itemSection       // BODY[section]<partial> and BODY.PEEK[…]
	itemRFC822        // RFC822, of RFC 3501 alone, as the next two
	itemRFC822Header
	itemRFC822Text
	itemBinary     // BINARY[part]<partial> and BINARY.PEEK[…]
	itemBinarySize // BINARY.SIZE[part]
	itemModSeq     // MODSEQ (RFC 7162 §3.1.4.2)
	itemEmailID    // EMAILID (RFC 8474 §5.3)
	itemThreadID   // THREADID
	itemSaveDate   // SAVEDATE (RFC 8514 §4.2)
	itemPreview    // PREVIEW (RFC 8970 §3)

	itemKinds // how many there are
)

// fetchItem is one data item asked for; macros come as the items that they
// stand for.
type fetchItem struct {
	kind    itemKind
	section section // of itemSection, itemBinary and itemBinarySize
	lazy    bool    // of itemPreview: the modifier LAZY (RFC 8970 §4)
}

// brief: store.Brief has what it takes.
func (it *fetchItem) brief() bool {
	switch it.kind {
	case itemFlags, itemUID, itemModSeq, itemInternalDate, itemSize, itemEnvelope, itemBodyStructure, itemRFC822Header, itemPreview, itemThreadID:
		return true
	case itemSection:
		return it.section.ofHeader()
	}
	return false
}

// section is what stands in BODY[…] or BINARY[…].
type section struct {
	// part is the part's number, empty for the message itself.
	part []int
	text sectionText
	// fields are the names after HEADER.FIELDS, as the client wrote them.
	fields []string
	// partial: <offset.length> was given.
	partial        bool
	offset, length int64
	peek           bool
}

// sectionText is the word at the end of a section.
type sectionText uint8

const (
	wholePart sectionText = iota // none
	headerText
	headerFields
	headerFieldsNot
	bodyText // TEXT
	mimeText
)
