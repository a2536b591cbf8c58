// Package dsn writes delivery status notifications: the message that tells a
// sender what became of theirs (RFC 3461 §6, RFC 3464, RFC 6522; with
// RFC 6533's forms where addresses or the returned header are UTF-8).
//
// A notification has three parts: what happened in plain words, the same for
// programs, and the message that it is about or its header.
package dsn

import (
	"bufio"
	"io"
	"strconv"
	"strings"
	"time"

	"posthorn/internal/mail"
)

// Action is what happened (RFC 3464 §2.3.3).
type Action string

const (
	Failed    Action = "failed"
	Delayed   Action = "delayed"
	Delivered Action = "delivered"
	Relayed   Action = "relayed"
	Expanded  Action = "expanded"
)

// Bounds of what a notification repeats of the message that it is about.
const (
	// maxHeader is how many octets of its header are returned. The header of
	// an honest message has a few thousand.
	maxHeader = 64 << 10
	// maxSubject is how many characters of its subject are in the subject.
	maxSubject = 120
)

// Report is one notification: one kind of event, for one message, to its
// sender.
type Report struct {
	// Hostname is this server's name, ID what is unique of the notification.
	Hostname, ID string
	Now          time.Time
	// To is the reverse-path of the message that the report is about. It must
	// not be null.
	To mail.Address
	// Arrived is when that message came; EnvelopeID what its sender called it.
	Arrived    time.Time
	EnvelopeID string
	Action     Action
	Recipients []Recipient
	// Header is the message's header. Original is the whole message, when it
	// is to be returned and not only its header; Body says what it is.
	Header   []byte
	Original mail.Content
	Body     mail.BodyType
	// UTF8: the header has UTF-8 in it (RFC 6532).
	UTF8 bool
	// RequireTLS: the message was under RFC 8689's REQUIRETLS. Then so is the
	// notification, and it has no more of the message than its header (§5).
	RequireTLS bool
}

// Recipient is one of those whom the report is about.
type Recipient struct {
	mail.Recipient
	// Result is how the (last) attempt ended.
	Result mail.Result
	// Status says what is reported where that is not Result's own status, as
	// when the time is up (5.4.7).
	Status string
	// LastTry is when that was, RetryUntil for how long there will be more;
	// zero where it says nothing.
	LastTry, RetryUntil time.Time
}

// status is what is reported of a recipient. What goes on being tried is of
// class 4, whatever the last reply was (RFC 3464 §2.3.4).
func (r *Report) status(to *Recipient) string {
	status := to.Result.Status
	if to.Status != "" {
		status = to.Status
	}
	if r.Action == Delayed && !strings.HasPrefix(status, "4") {
		_, detail, _ := strings.Cut(status, ".")
		status = "4." + detail
	}
	return status
}

// WriteTo writes the notification as a message with CRLF line ends. Its own
// header is ASCII unless To is not; it may have 8-bit lines (BodyType).
func (r *Report) WriteTo(w io.Writer) (int64, error) {
	n := &counter{w: w}
	b := bufio.NewWriterSize(n, 16<<10)
	r.header(b)
	r.explanation(b)
	r.forPrograms(b)
	if err := r.returned(b); err != nil {
		return n.n, err
	}
	b.WriteString("\r\n--" + r.boundary() + "--\r\n")
	err := b.Flush()
	return n.n, err
}

// BodyType is what MAIL must declare for the notification.
func (r *Report) BodyType() mail.BodyType {
	if r.global() || !isASCII(r.text()) || !isASCII(string(r.clippedHeader())) ||
		r.returnsAll() && r.Body == mail.Body8BitMIME {
		return mail.Body8BitMIME
	}
	return mail.Body7Bit
}

// NeedsUTF8 reports whether the notification can travel only with SMTPUTF8.
func (r *Report) NeedsUTF8() bool { return !r.To.IsASCII() }

func (r *Report) boundary() string { return "=_" + r.ID }

func (r *Report) header(b *bufio.Writer) {
	put := func(lines ...string) {
		for _, s := range lines {
			b.WriteString(s)
		}
		b.WriteString("\r\n")
	}
	put("From: Mail delivery <MAILER-DAEMON@", r.Hostname, ">")
	put("To: <", r.To.String(), ">")
	put("Subject: ", r.subject())
	put("Date: ", r.Now.Format(dateTime))
	put("Message-ID: <", r.ID, "@", r.Hostname, ">")
	if id := originalID(r.Header); id != "" {
		put("In-Reply-To: ", id)
		put("References: ", id)
	}
	// RFC 3834 §5: nobody's program may answer this.
	put("Auto-Submitted: auto-replied")
	put("MIME-Version: 1.0")
	put("Content-Type: multipart/report; report-type=delivery-status;")
	put("\tboundary=\"", r.boundary(), "\"")
	put()
	put("This is a report about a message that you sent, in parts that MIME describes.")
}

// part begins a part of the notification.
func (r *Report) part(b *bufio.Writer, contentType, description string, eightBit bool) {
	b.WriteString("\r\n--" + r.boundary() + "\r\nContent-Type: " + contentType + "\r\n")
	b.WriteString("Content-Description: " + description + "\r\n")
	if eightBit {
		b.WriteString("Content-Transfer-Encoding: 8bit\r\n")
	}
	b.WriteString("\r\n")
}

func (r *Report) explanation(b *bufio.Writer) {
	text := r.text()
	charset := "us-ascii"
	if !isASCII(text) {
		charset = "utf-8"
	}
	r.part(b, "text/plain; charset="+charset, "What happened", !isASCII(text))
	b.WriteString(text)
}

// returnsAll reports whether the message is returned and not its header alone.
// A binary message cannot stand inside one that is not; its header can.
func (r *Report) returnsAll() bool {
	return r.Original != nil && r.Body != mail.BodyBinaryMIME && !r.RequireTLS
}

// returned is the third part: the message, or its header (RFC 6522 §4).
func (r *Report) returned(b *bufio.Writer) error {
	header := r.clippedHeader()
	utf8 := r.UTF8 && !isASCII(string(header))
	if !r.returnsAll() {
		contentType := "text/rfc822-headers"
		if utf8 {
			contentType = "message/global-headers"
		}
		r.part(b, contentType, "The header of your message", !isASCII(string(header)))
		b.Write(header)
		return nil
	}
	contentType := "message/rfc822"
	if utf8 {
		contentType = "message/global"
	}
	r.part(b, contentType, "Your message", r.Body == mail.Body8BitMIME || !isASCII(string(header)))
	return r.Original.WriteRange(b, 0, r.Original.Size())
}

// global reports whether the second part must be RFC 6533's: some address is
// not ASCII.
func (r *Report) global() bool {
	for i := range r.Recipients {
		if !r.Recipients[i].Address.IsASCII() {
			return true
		}
	}
	return false
}

// smtpReply is a reply as it was received, enhanced status and all.
func smtpReply(res mail.Result) string {
	s := strconv.Itoa(res.Code) + " "
	if res.Status != "" {
		s += res.Status + " "
	}
	return s + res.Text
}

// counter counts what passes to w.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
