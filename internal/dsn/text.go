package dsn

import (
	"bytes"
	"mime"
	"strings"
	"time"

	"posthorn/internal/mail"
	"posthorn/internal/message"
)

// textWidth is where the lines of the explanation break.
const textWidth = 72

// phrases are the words of one kind of report.
type phrases struct {
	subject string
	opening string // before the list of recipients
	closing string // after it
}

// words returns the words for a kind of report.
func words(a Action) phrases {
	switch a {
	case Delayed:
		return phrases{
			subject: "Not delivered yet",
			opening: "Your message has not reached the following address yet:",
			closing: "You need not do anything. Should it have to give up, this server tells you.",
		}
	case Delivered:
		return phrases{
			subject: "Delivered",
			opening: "Your message is in the mailbox of:",
			closing: "You get this report because your mail program asked for it. It does not say that somebody has read the message.",
		}
	case Relayed:
		return phrases{
			subject: "Passed on",
			opening: "Your message was passed on to a server that does not report deliveries, for:",
			closing: "You get this report because your mail program asked for one. Should the message fail from here on, you are told.",
		}
	case Expanded:
		return phrases{
			subject: "Passed on to several addresses",
			opening: "Your message reached the following address, which stands for several people, and was passed on to them:",
			closing: "You get this report because your mail program asked for it.",
		}
	}
	return phrases{
		subject: "Not delivered",
		opening: "Your message could not be delivered to:",
		closing: "It will not be tried again. If the reason above can be helped, send the message once more afterwards.",
	}
}

// text is the explanation for people.
func (r *Report) text() string {
	p := words(r.Action)
	var b strings.Builder
	b.WriteString("This is the mail server " + r.Hostname + ".\r\n\r\n")
	wrap(&b, "", p.opening)
	for i := range r.Recipients {
		to := &r.Recipients[i]
		b.WriteString("\r\n    " + to.Address.String() + "\r\n")
		r.reason(&b, to)
	}
	b.WriteString("\r\n")
	wrap(&b, "", p.closing)
	b.WriteString("\r\n")
	if subject := message.DecodeHeader(field(r.Header, "subject")); subject != "" {
		wrap(&b, "", "Your message's subject: "+clip(clean(subject, true)))
	}
	if !r.Arrived.IsZero() {
		wrap(&b, "", "It came here on: "+r.Arrived.Format(dateTime))
	}
	return b.String()
}

// reason says why, where there is a why.
func (r *Report) reason(b *strings.Builder, to *Recipient) {
	const indent = "        "
	if r.Action != Failed && r.Action != Delayed {
		return
	}
	wrap(b, indent, r.meaning(to))
	switch res := to.Result; {
	case res.Code != 0:
		wrap(b, indent, clean("The server "+res.MTA+" said: "+smtpReply(res), true))
	case res.Text != "":
		wrap(b, indent, clean("In detail: "+res.Text, true))
	}
	if r.Action == Delayed && !to.RetryUntil.IsZero() {
		wrap(b, indent, "This server keeps trying until "+to.RetryUntil.Format(time.RFC1123Z)+".")
	}
}

// meaning says in plain words what an enhanced status means (RFC 3463).
func (r *Report) meaning(to *Recipient) string {
	_, detail, _ := strings.Cut(r.status(to), ".")
	switch detail {
	case "1.1":
		return "There is no such address."
	case "1.2":
		return "There is no such domain."
	case "1.3":
		return "The address is not well-formed."
	case "1.6":
		return "The address has moved."
	case "1.10":
		return "The domain does not take mail."
	case "2.1":
		return "The mailbox is switched off."
	case "2.2":
		return "The mailbox is full."
	case "2.3", "3.4":
		return "The message is too large."
	case "4.1":
		return "The server for the address does not answer."
	case "4.2":
		return "The connection to the server for the address broke."
	case "4.4":
		return "This server does not know the way to the domain."
	case "4.6":
		return "The message goes round in a circle between servers."
	case "4.7":
		return "All attempts failed, and the time for which messages are kept is over."
	case "6.3", "6.1":
		return "The next server cannot take a message of this form, and it cannot be converted."
	case "6.7":
		return "The next server cannot take addresses or headers with international characters."
	case "7.10", "7.30":
		return "The message must be sent encrypted all the way, and the next server cannot."
	}
	switch {
	case strings.HasPrefix(detail, "7."):
		return "The other server's rules do not allow it."
	case strings.HasPrefix(detail, "4."), to.Result.Disposition == mail.Deferred:
		return "It could not be delivered for the time being."
	}
	return "The other server refused it."
}

// subject is the notification's subject, with that of the message it is about.
func (r *Report) subject() string {
	s := words(r.Action).subject
	if original := clip(clean(message.DecodeHeader(field(r.Header, "subject")), true)); original != "" {
		s += ": " + original
	}
	// a line for each word: together they may be longer than a line can be
	return strings.ReplaceAll(mime.QEncoding.Encode("utf-8", s), "?= =?", "?=\r\n =?")
}

// originalID is the Message-ID of the message that the report is about, when
// it can stand in a header.
func originalID(header []byte) string {
	id := strings.TrimSpace(string(field(header, "message-id")))
	if len(id) > 250 || !strings.HasPrefix(id, "<") || !strings.HasSuffix(id, ">") {
		return ""
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] >= 0x7f {
			return ""
		}
	}
	return id
}

// field is the value of a header's first field of that name, unfolded.
func field(header []byte, name string) []byte {
	var value []byte
	found := false
	for line := range bytes.Lines(header) {
		text := bytes.TrimRight(line, "\r\n")
		if found {
			if len(text) == 0 || text[0] != ' ' && text[0] != '\t' {
				break
			}
			value = append(value, text...)
			continue
		}
		key, rest, ok := bytes.Cut(text, []byte(":"))
		if len(text) == 0 {
			break
		}
		if ok && strings.EqualFold(strings.TrimSpace(string(key)), name) {
			found, value = true, append(value, bytes.TrimSpace(rest)...)
		}
	}
	return value
}

// clippedHeader is the header to return: without its blank line, and no more
// of it than maxHeader, to the end of a line.
func (r *Report) clippedHeader() []byte {
	h := r.Header
	if len(h) > maxHeader {
		h = h[:maxHeader]
		h = h[:bytes.LastIndexByte(h, '\n')+1]
	}
	return bytes.TrimSuffix(bytes.TrimSuffix(h, []byte("\r\n")), []byte("\r\n"))
}

// clip shortens a subject.
func clip(s string) string {
	if r := []rune(s); len(r) > maxSubject {
		return string(r[:maxSubject]) + "…"
	}
	return s
}

// wrap writes a paragraph with its lines broken at blanks.
func wrap(b *strings.Builder, indent, paragraph string) {
	width := 0
	for word := range strings.FieldsSeq(paragraph) {
		switch {
		case width == 0:
			b.WriteString(indent)
			width = len(indent)
		case width+1+len(word) > textWidth:
			b.WriteString("\r\n" + indent)
			width = len(indent)
		default:
			b.WriteByte(' ')
			width++
		}
		b.WriteString(word)
		width += len(word)
	}
	b.WriteString("\r\n")
}
