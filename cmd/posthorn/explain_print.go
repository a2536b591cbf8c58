package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"posthorn/internal/explain"
)

// explainWidth is how wide explanations are: a terminal as it is opened.
const explainWidth = 80

// explanation prints parts of the catalogue in one language.
type explanation struct {
	out  io.Writer
	lang explain.Lang
	err  error
}

func (p *explanation) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format, args...)
	}
}

// say picks one of two texts that stand only here.
func (p *explanation) say(english, vietnamese string) string {
	return explain.Text{English: english, Vietnamese: vietnamese}.In(p.lang)
}

// entry prints all about one thing.
func (p *explanation) entry(e *explain.Entry) {
	p.printf("%s\n", wrap(e.Name+"  "+e.Title.In(p.lang), "", "  "))
	about := []string{p.kind(e)}
	code, isCode := p.code(e)
	switch {
	case e.RFC != "":
		about = append(about, e.RFC)
	case isCode && !code.Standard:
		about = append(about, p.say("in no standard", "không có trong tiêu chuẩn nào"))
	}
	p.printf("  %s\n", strings.Join(about, ", "))
	if e.Syntax != "" {
		p.printf("%s\n", wrap(e.Syntax, "  ", "    "))
	}
	p.paragraph("", e.Meaning.In(p.lang))
	p.paragraph(p.say("Posthorn: ", "Posthorn: "), e.Here.In(p.lang))
	if isCode {
		p.aboutCode(&code)
	}
	for _, part := range e.Parts {
		p.printf("\n%s\n", wrap(part.Name+"  "+part.Title.In(p.lang), "  ", "    "))
		if part.RFC != "" {
			p.printf("    %s\n", part.RFC)
		}
		p.printf("%s\n", wrap(part.Meaning.In(p.lang), "    ", "    "))
	}
}

func (p *explanation) paragraph(label, text string) {
	if text != "" {
		p.printf("\n%s\n", wrap(label+text, "  ", "  "))
	}
}

func (p *explanation) code(e *explain.Entry) (explain.Code, bool) {
	if e.Protocol != explain.SMTP || e.Kind != explain.KindReply {
		return explain.Code{}, false
	}
	n, err := strconv.Atoi(e.Name)
	if err != nil {
		return explain.Code{}, false
	}
	return explain.FindCode(n)
}

func (p *explanation) aboutCode(c *explain.Code) {
	p.paragraph(p.say("Where it comes from: ", "Nguồn gốc: "), c.Origin.In(p.lang))
	p.paragraph(p.say("Said instead: ", "Thay vào đó: "), strings.Join(c.Instead, ", "))
	if commands := answers(c.Code); len(commands) > 0 {
		p.paragraph(p.say("May answer: ", "Có thể trả lời: "), strings.Join(commands, ", "))
	} else if slices.Contains(explain.AnyCommand(), c.Code) {
		p.paragraph(p.say("May answer: ", "Có thể trả lời: "), p.say("any command", "mọi lệnh"))
	}
	for i := range c.Shows {
		p.show(&c.Shows[i])
	}
}

// answers are the commands that a code may answer.
func answers(code int) (commands []string) {
	for _, row := range explain.Rows() {
		if slices.Contains(explain.AnyCommand(), code) || !explain.MayAnswer(row.Command, code) {
			continue
		}
		name := row.Command
		if name == "" {
			name = "(TCP)"
		}
		commands = append(commands, name)
	}
	return commands
}

// show prints what to type to see a code, where that can be typed.
func (p *explanation) show(s *explain.Show) {
	if s.Needs != "" { // the demo cannot show it
		return
	}
	lines, ok := s.Typed()
	if !ok {
		p.paragraph(p.say("To see it: ", "Xem minh họa: "), s.Title.In(p.lang)+
			p.say(` ("show me" on the page of "posthorn demo")`, ` (nút "Xem minh họa" trên trang của "posthorn demo")`))
		return
	}
	p.paragraph(p.say("To see it: ", "Xem minh họa: "), s.Title.In(p.lang)+p.say(` (in "posthorn demo")`, ` (trong "posthorn demo")`))
	for _, line := range lines {
		p.printf("    %s\n", line)
	}
}

func (p *explanation) kind(e *explain.Entry) string {
	kinds := map[explain.Kind]explain.Text{
		explain.KindCommand:    {English: "command", Vietnamese: "lệnh"},
		explain.KindParameter:  {English: "word in commands and answers", Vietnamese: "từ trong lệnh và câu trả lời"},
		explain.KindReply:      {English: "reply", Vietnamese: "phản hồi"},
		explain.KindStatus:     {English: "status code", Vietnamese: "mã trạng thái"},
		explain.KindCapability: {English: "extension", Vietnamese: "phần mở rộng"},
	}
	return strings.ToUpper(e.Protocol) + ": " + kinds[e.Kind].In(p.lang)
}

// table prints all reply codes, and which each command may be answered with.
func (p *explanation) table() error {
	for _, c := range explain.Codes() {
		mark := " "
		if !c.Standard {
			mark = "*"
		}
		p.printf("%s\n", wrap(fmt.Sprintf("%d%s %s", c.Code, mark, c.Title.In(p.lang)), "", "     "))
	}
	p.paragraph("* ", p.say("in no standard: it stands in lists of codes that circulate",
		"không có trong tiêu chuẩn nào: chỉ có trong các bảng mã lưu truyền"))
	p.printf("\n%s\n\n", wrap(p.say("Which codes a command may be answered with; 421, 500 and 501 may answer any. What stands behind a + is in other sections and RFCs.",
		"Mỗi lệnh có thể được trả lời bằng những mã nào; 421, 500 và 501 có thể trả lời mọi lệnh. Phần sau dấu + nằm ở các mục và RFC khác."), "", ""))
	for _, r := range explain.Rows() {
		p.row(&r)
	}
	p.printf("\n%s\n", wrap(p.say(`"posthorn explain CODE" says all about one; commands and whole lines work, too.`,
		`"posthorn explain MÃ" giải thích đầy đủ một mã; cũng dùng được với lệnh và cả dòng.`), "", ""))
	return p.err
}

func (p *explanation) row(r *explain.Row) {
	name := r.Command
	if name == "" {
		name = "(TCP)"
	}
	text := fmt.Sprintf("%-9s %s", name, joinCodes(append(slices.Clone(r.Positive), r.Negative...)))
	more := ""
	for _, x := range r.Exceptions {
		more += fmt.Sprintf(" %d", x.Code)
	}
	if more != "" {
		text = strings.TrimRight(text, " ") + " +" + more
	}
	p.printf("%s\n", wrap(text, "", strings.Repeat(" ", 10)))
	for i, x := range r.Exceptions {
		codes := []int{x.Code}
		for _, y := range r.Exceptions[i+1:] { // those with the same reason together
			if y.Why == x.Why && y.RFC == x.RFC {
				codes = append(codes, y.Code)
			}
		}
		if slices.ContainsFunc(r.Exceptions[:i], func(y explain.Exception) bool { return y.Why == x.Why && y.RFC == x.RFC }) {
			continue
		}
		p.printf("%s\n", wrap(fmt.Sprintf("%s: %s (%s)", joinCodes(codes), x.Why.In(p.lang), x.RFC), strings.Repeat(" ", 10), strings.Repeat(" ", 15)))
	}
}

func joinCodes(codes []int) string {
	var words []string
	for _, c := range codes {
		words = append(words, strconv.Itoa(c))
	}
	return strings.Join(words, " ")
}

// list prints the commands and status codes of a protocol.
func (p *explanation) list(protocol string) error {
	for _, e := range explain.Entries() {
		if e.Protocol == protocol && e.Kind != explain.KindParameter && e.Kind != explain.KindCapability {
			p.printf("%s\n", wrap(fmt.Sprintf("%-20s %s", e.Name, e.Title.In(p.lang)), "", strings.Repeat(" ", 21)))
		}
	}
	return p.err
}

// wrap breaks a text into lines of explainWidth columns. Spaces within a line
// stay as they are; every letter of the catalogue takes one column.
func wrap(text, first, later string) string {
	var b strings.Builder
	b.WriteString(first)
	width, indent := utf8.RuneCountInString(first), true
	for len(text) > 0 {
		gap := len(text) - len(strings.TrimLeft(text, " "))
		end := strings.IndexByte(text[gap:], ' ')
		if end < 0 {
			end = len(text) - gap
		}
		word := text[gap : gap+end]
		n := utf8.RuneCountInString(word)
		if !indent && width+gap+n > explainWidth {
			b.WriteString("\n" + later)
			width, gap = utf8.RuneCountInString(later), 0
		}
		b.WriteString(strings.Repeat(" ", gap) + word)
		width, indent = width+gap+n, false
		text = text[min(len(text), len(text)-len(strings.TrimLeft(text, " "))+end):]
	}
	return b.String()
}
