package message

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// outline is the tree's types, each with its content.
func outline(b []byte, p *Part) string {
	var w strings.Builder
	w.WriteString(p.Type + "/" + p.Subtype)
	if len(p.Children) == 0 {
		w.WriteString("=" + string(b[p.Body:p.End]))
		return w.String()
	}
	w.WriteString("(")
	for i, child := range p.Children {
		if i > 0 {
			w.WriteString(" ")
		}
		w.WriteString(outline(b, child))
	}
	w.WriteString(")")
	return w.String()
}

func TestTree(t *testing.T) {
	const mixed = "Content-Type: multipart/mixed; boundary=b\n\n"
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "\nx\n", "text/plain=x\n"},
		{"two parts", mixed + "preamble\n--b\n\none\n--b\n\ntwo\n\n--b--\nepilogue\n", "multipart/mixed(text/plain=one text/plain=two\n)"},
		{"not closed", mixed + "--b\n\none\n", "multipart/mixed(text/plain=one\n)"},
		{"not opened", mixed + "text\n--b--\nmore\n", "text/plain=text\n--b--\nmore\n"},
		{"no delimiter", mixed + "text\n", "text/plain=text\n"},
		{"no boundary", "Content-Type: multipart/mixed\n\n--b\n\nx\n--b--\n", "text/plain=--b\n\nx\n--b--\n"},
		{"empty boundary", "Content-Type: multipart/mixed; boundary=\"\"\n\n--\nx\n----\n", "text/plain=--\nx\n----\n"},
		{"white space after", mixed + "--b  \t\n\none\n--b-- \nepilogue", "multipart/mixed(text/plain=one)"},
		{"words after", mixed + "--b words\n\none\n--b-- words\nepilogue", "multipart/mixed(text/plain=one)"},
		{"longer boundary", mixed + "--b\n\none\n--bb\n--b-1\n--b--x\n--b--\n", "multipart/mixed(text/plain=one\n--bb\n--b-1\n--b--x)"},
		{"not at the line's beginning", mixed + "--b\n\none --b\n --b\n--b--\n", "multipart/mixed(text/plain=one --b\n --b)"},
		{"empty part", mixed + "--b\n--b\n\n--b\n\n\n--b--\n", "multipart/mixed(text/plain= text/plain= text/plain=)"},
		{"header without a body", mixed + "--b\nContent-Type: text/html\n--b--\n", "multipart/mixed(text/html=)"},
		{"part without a header or blank line", mixed + "--b\nHello\n--b--\n", "multipart/mixed(text/plain=Hello)"},
		{"delimiter at the end", mixed + "--b\n\none\n--b", "multipart/mixed(text/plain=one text/plain=)"},
		{"closed at the end", mixed + "--b\n\none\n--b--", "multipart/mixed(text/plain=one)"},
		{"after the end", mixed + "--b\n\none\n--b--\n--b\n\ntwo\n--b--\n", "multipart/mixed(text/plain=one)"},
		{"boundary of dashes", "Content-Type: multipart/mixed; boundary=-\n\n---\n\none\n-----\n", "multipart/mixed(text/plain=one)"},
		{"quoted boundary", "Content-Type: multipart/mixed; boundary=\"b c:d\"\n\n--b c:d\n\none\n--b c:d--\n", "multipart/mixed(text/plain=one)"},

		{"nested", mixed + "--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\none\n--c\n\ntwo\n--c--\n--b\n\nthree\n--b--\n",
			"multipart/mixed(multipart/alternative(text/plain=one text/plain=two) text/plain=three)"},
		{"nested, not closed", mixed + "--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\none\n--b\n\nthree\n--b--\n",
			"multipart/mixed(multipart/alternative(text/plain=one) text/plain=three)"},
		{"nested, boundary begins alike", mixed + "--b\nContent-Type: multipart/alternative; boundary=b1\n\n--b1\n\none\n--b1--\n--b--\n",
			"multipart/mixed(multipart/alternative(text/plain=one))"},
		{"nested, same boundary", mixed + "--b\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\none\n--b--\n--b\n\ntwo\n--b--\n",
			"multipart/mixed(multipart/alternative(text/plain=one) text/plain=two)"},
		{"nested, empty", mixed + "--b\nContent-Type: multipart/alternative; boundary=c\n\nno parts\n--b--\n", "multipart/mixed(text/plain=no parts)"},
		{"nested, header cut off", mixed + "--b\nContent-Type: multipart/alternative; boundary=c\n--b--\n", "multipart/mixed(text/plain=)"},

		{"message", "Content-Type: message/rfc822\n\nSubject: x\n\nbody\n", "message/rfc822(text/plain=body\n)"},
		{"global message", "Content-Type: message/global\n\nSubject: x\n\nbody\n", "message/global(text/plain=body\n)"},
		{"message in a multipart", mixed + "--b\nContent-Type: message/rfc822\n\n" + mixed[:len(mixed)-2] + "1\n\n--b1\n\none\n--b1--\n--b--\n",
			"multipart/mixed(message/rfc822(multipart/mixed(text/plain=one)))"},
		{"message without a body", mixed + "--b\nContent-Type: message/rfc822\n\nSubject: x\n--b--\n", "multipart/mixed(message/rfc822(text/plain=))"},
		{"message without anything", mixed + "--b\nContent-Type: message/rfc822\n--b--\n", "multipart/mixed(message/rfc822(text/plain=))"},
		{"message in base64", "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeAoK\n", "application/octet-stream=U3ViamVjdDogeAoK\n"},
		{"multipart in base64", "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n--b\n\none\n--b--\n", "multipart/mixed(text/plain=one)"},
		{"report", mixed + "--b\nContent-Type: message/delivery-status\n\nA: b\n\nC: d\n--b--\n", "multipart/mixed(message/delivery-status=A: b\n\nC: d)"},
		{"digest", "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\none\n--b\nContent-Type: text/plain\n\ntwo\n--b--\n",
			"multipart/digest(message/rfc822(text/plain=one) text/plain=two)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := crlf([]byte(tt.in))
			m := parse(b)
			if got, want := outline(b, m.Root), strings.ReplaceAll(tt.want, "\n", "\r\n"); got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			checkInvariants(t, tt.name, b, m)
			// The same with bare LFs, as APPEND may bring it.
			lf := []byte(tt.in)
			m = parse(lf)
			if got := outline(lf, m.Root); got != tt.want {
				t.Errorf("with LF: got  %q\nwant %q", got, tt.want)
			}
			checkInvariants(t, tt.name, lf, m)
			checkChunks(t, tt.name, lf, m, func() int { return 1 })
		})
	}
}

// rfcExample is a message of the structure that RFC 9051 §6.4.5.1 shows.
const rfcExample = `Subject: top
Content-Type: multipart/mixed; boundary=a

--a

1
--a
Content-Type: application/octet-stream

2
--a
Content-Type: message/rfc822
X: 3.MIME

Subject: 3.HEADER
Content-Type: multipart/mixed; boundary=b

--b

3.1
--b
Content-Type: application/octet-stream

3.2
--b--
--a
Content-Type: multipart/mixed; boundary=c
X: 4.MIME

--c
Content-Type: image/gif
X: 4.1.MIME

4.1
--c
Content-Type: message/rfc822

Subject: 4.2.HEADER
Content-Type: multipart/mixed; boundary=d

--d

4.2.1
--d
Content-Type: multipart/alternative; boundary=e

--e

4.2.2.1
--e
Content-Type: text/richtext

4.2.2.2
--e--
--d--
--c--
--a--
`

func TestSection(t *testing.T) {
	b := crlf([]byte(rfcExample))
	root := parse(b).Root
	for _, tt := range []struct {
		path []int
		what Specifier
		want string // what the section is, or how it begins
	}{
		{nil, SectionHeader, "Subject: top\n"}, {nil, SectionText, "--a\n\n1\n"},
		{[]int{1}, SectionWhole, "1"}, {[]int{2}, SectionWhole, "2"}, {[]int{3}, SectionWhole, "Subject: 3.HEADER\n"},
		{[]int{1}, SectionMIME, "\n"}, {[]int{3}, SectionMIME, "Content-Type: message/rfc822\nX: 3.MIME\n\n"},
		{[]int{3}, SectionHeader, "Subject: 3.HEADER\n"}, {[]int{3}, SectionText, "--b\n\n3.1\n"},
		{[]int{3, 1}, SectionWhole, "3.1"}, {[]int{3, 2}, SectionWhole, "3.2"},
		{[]int{4}, SectionWhole, "--c\n"}, {[]int{4}, SectionMIME, "Content-Type: multipart/mixed; boundary=c\nX: 4.MIME\n\n"},
		{[]int{4, 1}, SectionWhole, "4.1"}, {[]int{4, 1}, SectionMIME, "Content-Type: image/gif\nX: 4.1.MIME\n\n"},
		{[]int{4, 2}, SectionHeader, "Subject: 4.2.HEADER\n"}, {[]int{4, 2}, SectionText, "--d\n"},
		{[]int{4, 2, 1}, SectionWhole, "4.2.1"}, {[]int{4, 2, 2}, SectionWhole, "--e\n"},
		{[]int{4, 2, 2, 1}, SectionWhole, "4.2.2.1"}, {[]int{4, 2, 2, 2}, SectionWhole, "4.2.2.2"},
		{[]int{4, 2, 2, 2}, SectionMIME, "Content-Type: text/richtext\n\n"},
	} {
		start, end, ok := root.Section(tt.path, tt.what)
		if !ok {
			t.Errorf("%v %d: nothing", tt.path, tt.what)
			continue
		}
		got := strings.ReplaceAll(string(b[start:end]), "\r\n", "\n")
		if got != tt.want && !(strings.HasSuffix(tt.want, "\n") && strings.HasPrefix(got, tt.want)) {
			t.Errorf("%v %d: %q, want %q", tt.path, tt.what, got, tt.want)
		}
	}
	if start, end, ok := root.Section(nil, SectionWhole); !ok || start != 0 || end != int64(len(b)) {
		t.Errorf("whole: %d to %d %v", start, end, ok)
	}
	for _, tt := range []struct {
		path []int
		what Specifier
	}{
		{nil, SectionMIME}, {[]int{0}, SectionWhole}, {[]int{5}, SectionWhole}, {[]int{-1}, SectionWhole}, {[]int{1, 1}, SectionWhole},
		{[]int{1}, SectionHeader}, {[]int{4}, SectionText}, {[]int{4, 1, 1}, SectionWhole}, {[]int{3, 3}, SectionMIME}, {[]int{3, 1, 1}, SectionWhole},
	} {
		if start, end, ok := root.Section(tt.path, tt.what); ok {
			t.Errorf("%v %d: %d to %d", tt.path, tt.what, start, end)
		}
	}
}

// TestSectionOne names the part 1 of messages that are not multipart.
func TestSectionOne(t *testing.T) {
	for _, tt := range []struct {
		in   string
		path []int
		what Specifier
		want string
		ok   bool
	}{
		{"A: b\r\n\r\nbody", []int{1}, SectionWhole, "body", true},
		{"A: b\r\n\r\nbody", []int{1}, SectionMIME, "A: b\r\n\r\n", true},
		{"A: b\r\n\r\nbody", []int{1, 1}, SectionWhole, "", false},
		{"A: b\r\n\r\nbody", []int{1}, SectionHeader, "", false},
		{"A: b\r\n\r\nbody", []int{2}, SectionWhole, "", false},
		{"Content-Type: message/rfc822\r\n\r\nC: d\r\n\r\nbody", []int{1}, SectionWhole, "C: d\r\n\r\nbody", true},
		{"Content-Type: message/rfc822\r\n\r\nC: d\r\n\r\nbody", []int{1}, SectionHeader, "C: d\r\n\r\n", true},
		{"Content-Type: message/rfc822\r\n\r\nC: d\r\n\r\nbody", []int{1, 1}, SectionWhole, "body", true},
		{"Content-Type: message/rfc822\r\n\r\nC: d\r\n\r\nbody", []int{1, 1}, SectionMIME, "C: d\r\n\r\n", true},
		{"Content-Type: message/rfc822\r\n\r\nC: d\r\n\r\nbody", []int{1, 1, 1}, SectionWhole, "", false},
	} {
		start, end, ok := parse([]byte(tt.in)).Root.Section(tt.path, tt.what)
		if ok != tt.ok || ok && tt.in[start:end] != tt.want {
			t.Errorf("%q %v %d: %q %v", tt.in, tt.path, tt.what, tt.in[start:end], ok)
		}
	}
}

func TestFilterHeader(t *testing.T) {
	const block = "From: a\r\nSubject: x\r\n\ty\r\nno field\r\n more\r\nTO : b\nsubject:\r\n\r\n"
	for _, tt := range []struct {
		names string
		not   bool
		want  string
	}{
		{"subject", false, "Subject: x\r\n\ty\r\nsubject:\r\n\r\n"},
		{"SUBJECT from", false, "From: a\r\nSubject: x\r\n\ty\r\nsubject:\r\n\r\n"},
		{"to", false, "TO : b\n\r\n"},
		{"sub", false, "\r\n"},
		{"subject", true, "From: a\r\nno field\r\n more\r\nTO : b\n\r\n"},
		{"", true, block},
		{"no", false, "\r\n"},
	} {
		if got := string(FilterHeader(nil, []byte(block), strings.Fields(tt.names), tt.not)); got != tt.want {
			t.Errorf("%s %v: %q, want %q", tt.names, tt.not, got, tt.want)
		}
		if got := copyHeader(t, []byte(block), 16, strings.Fields(tt.names), tt.not); got != tt.want {
			t.Errorf("copied: %s %v: %q, want %q", tt.names, tt.not, got, tt.want)
		}
	}
	if got := FilterHeader(nil, []byte("A: b"), []string{"c"}, false); len(got) > 0 {
		t.Errorf("no blank line: %q", got)
	}
	if got := FilterHeader(nil, []byte("A: b"), []string{"a"}, false); !bytes.Equal(got, []byte("A: b")) {
		t.Errorf("no line end: %q", got)
	}
}

// copyHeader is CopyHeader from a reader that holds so many octets, at least 16.
func copyHeader(t *testing.T, block []byte, held int, names []string, not bool) string {
	t.Helper()
	var b strings.Builder
	if err := CopyHeader(&b, bufio.NewReaderSize(iotest.OneByteReader(bytes.NewReader(block)), held), names, not); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestCopyHeader: lines that are longer than what is held of them go out whole,
// or not at all, and an error of the source is one of the copy.
func TestCopyHeader(t *testing.T) {
	long := strings.Repeat("long ", 20)
	block := "X: " + long + "\r\n " + long + "\r\nSubject: " + long + "\n\t" + long + "\r\n\r\r\n" + long + "\r\n\r\r\r\n"
	for _, names := range [][]string{{"subject"}, {"x"}, {"long"}, nil} {
		for _, not := range []bool{false, true} {
			want := string(FilterHeader(nil, []byte(block), names, not))
			if got := copyHeader(t, []byte(block), 16, names, not); got != want {
				t.Errorf("%q %v: %q, want %q", names, not, got, want)
			}
		}
	}
	gone := errors.New("gone")
	if err := CopyHeader(io.Discard, bufio.NewReader(iotest.ErrReader(gone)), nil, true); err != gone {
		t.Errorf("a source that fails gives %v", err)
	}
}
