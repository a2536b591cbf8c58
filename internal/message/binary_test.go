package message

import (
	"reflect"
	"testing"
)

// TestReadFirstVersion reads trees as they were stored once.
func TestReadFirstVersion(t *testing.T) {
	for stored, want := range map[string]*Part{
		"\x01\x00\x05\x0a\x02\x04text\x05plain\x047bit\x01\x01\x07charset\x05utf-8\x00": {
			Body: 5, End: 15, Lines: 2, Type: "text", Subtype: "plain", Encoding: "7bit", Params: []Param{{"charset", "utf-8"}},
		},
		"\x01\x00\x05\x80\x01\x02\x07message\x06rfc822\x047bit\x80\x03(x)\x01\x00\x03\x7d\x01\x05image\x03gif\x06base64\x10\x0aattachment\x01\x08filename\x05a.gif\x00": {
			Body: 5, End: 133, Lines: 2, Type: "message", Subtype: "rfc822", Encoding: "7bit", Envelope: []byte("(x)"),
			Children: []*Part{{Header: 5, Body: 8, End: 133, Lines: 1, Type: "image", Subtype: "gif", Encoding: "base64", Disposition: "attachment", DispParams: []Param{{"filename", "a.gif"}}}},
		},
	} {
		if got, err := ReadPart([]byte(stored)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q is read as %+v, %v", stored, got, err)
		}
	}
}

// TestTreeDamage: a bit that has turned over is found, wherever it is.
func TestTreeDamage(t *testing.T) {
	b := parse([]byte(rfcExample)).Root.AppendBinary(nil)
	for i := range 8 * len(b) {
		b[i/8] ^= 1 << (i % 8)
		if p, err := ReadPart(b); err == nil {
			t.Errorf("with bit %d turned over it is read as %+v", i, p)
		}
		b[i/8] ^= 1 << (i % 8)
	}
}

// TestTreeWords: a word that is there twice would be stored in two ways, and
// those beyond treeAgain not at all.
func TestTreeWords(t *testing.T) {
	if len(knownWords()) != len(treeWords) || len(treeWords) > treeAgain {
		t.Errorf("%d words, of which %d are different", len(treeWords), len(knownWords()))
	}
}
