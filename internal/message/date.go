package message

import (
	"bytes"
	"time"
)

// ParseDate reads a Date field's value (RFC 5322 §3.3) as leniently as it can be
// done without guessing: obsolete zones and two-digit years (§4.3), comments,
// a missing weekday, zone or time, and the forms that programs have used
// instead: "Thu Jan  1 00:00:00 1970", "1-Jan-1970", "1970-01-01T00:00:00Z". It
// returns the zero time when there is no date to be read.
func ParseDate(v []byte) time.Time {
	d := dateParser{zone: time.UTC}
	v = joinColons(stripComments(v[:min(len(v), 200)]))
	for _, word := range bytes.FieldsFunc(v, func(r rune) bool {
		return r <= ' ' || r == ',' || r == '(' || r == ')' || r == ';' || r == '"'
	}) {
		d.word(string(word))
	}
	return d.time()
}

// joinColons removes white space round colons: "09 : 55 : 06" (RFC 5322 §4.3).
func joinColons(v []byte) []byte {
	out := make([]byte, 0, len(v))
	for i, c := range v {
		if c == ' ' || c == '\t' {
			next := bytes.TrimLeft(v[i:], " \t")
			if len(out) > 0 && out[len(out)-1] == ':' || len(next) > 0 && next[0] == ':' {
				continue
			}
		}
		out = append(out, c)
	}
	return out
}

type dateParser struct {
	day, month, year  int
	hour, minute, sec int
	haveYear, clock   bool
	zone              *time.Location
}

func (d *dateParser) word(w string) {
	switch {
	case isClock(w) && !d.clock:
		d.timeOfDay(w)
	case isDigit(w[0]):
		d.number(w)
	case w[0] == '+' || w[0] == '-':
		d.offset(w)
	default:
		d.name(w)
	}
}

// isClock reports whether w begins as a time of day does: "9:" or "09:".
func isClock(w string) bool {
	_, rest := leading(w)
	n := len(w) - len(rest)
	return (n == 1 || n == 2) && rest != "" && rest[0] == ':'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// leading reads the number at the beginning of s.
func leading(s string) (n int, rest string) {
	i := 0
	for i < len(s) && i < 9 && isDigit(s[i]) {
		n = n*10 + int(s[i]-'0')
		i++
	}
	return n, s[i:]
}

// timeOfDay reads "15:04", "15:04:05", "15:04:05.678" and what may stick to
// it: a zone, AM or PM.
func (d *dateParser) timeOfDay(w string) {
	d.clock = true
	d.hour, w = leading(w)
	d.minute, w = leading(w[1:])
	if len(w) > 1 && w[0] == ':' && isDigit(w[1]) {
		d.sec, w = leading(w[1:])
	}
	if len(w) > 1 && w[0] == '.' {
		_, w = leading(w[1:])
	}
	if w != "" {
		d.word2(w)
	}
}

// word2 reads what sticks to another word.
func (d *dateParser) word2(w string) {
	if w[0] == '+' || w[0] == '-' {
		d.offset(w)
	} else {
		d.name(w)
	}
}

// number reads a day, a year, or a whole date.
func (d *dateParser) number(w string) {
	n, rest := leading(w)
	digits := len(w) - len(rest)
	switch {
	case rest != "" && (rest[0] == '-' || rest[0] == '.' || rest[0] == '/') && len(rest) > 1 && d.day == 0:
		d.date(n, digits, rest[0], rest[1:])
	case digits >= 3 && !d.haveYear:
		d.setYear(n, digits)
		if rest != "" {
			d.word2(rest)
		}
	case d.day == 0:
		d.day = n
		if rest != "" && isLetter(rest[0]) {
			d.name(rest)
		}
	case !d.haveYear:
		d.setYear(n, digits)
	}
}

// date reads what follows the first number of "2-Jan-2006", "2006-01-02",
// "2006-01-02T15:04:05Z" or "2.1.2006". A slash would have us guess whether the
// day or the month comes first.
func (d *dateParser) date(first, digits int, sep byte, w string) {
	if isLetter(w[0]) {
		d.day = first
		i := 0
		for i < len(w) && isLetter(w[i]) {
			i++
		}
		d.name(w[:i])
		if i+1 < len(w) {
			n, rest := leading(w[i+1:])
			d.setYear(n, len(w)-i-1-len(rest))
		}
		return
	}
	month, rest := leading(w)
	if len(rest) < 2 || rest[0] != sep {
		return
	}
	third, rest2 := leading(rest[1:])
	switch {
	case digits == 4:
		d.setYear(first, 4)
		d.month, d.day = month, third
		if len(rest2) > 1 && (rest2[0] == 'T' || rest2[0] == 't') && isClock(rest2[1:]) {
			d.timeOfDay(rest2[1:])
		}
	case sep == '.':
		d.day, d.month = first, month
		d.setYear(third, len(rest)-1-len(rest2))
	}
}

// setYear takes a year with two or three digits as RFC 5322 §4.3 has it.
func (d *dateParser) setYear(n, digits int) {
	switch {
	case digits <= 2 && n < 50:
		n += 2000
	case digits <= 3:
		n += 1900
	}
	d.year, d.haveYear = n, true
}

// offset reads "+0100", "+01:00" or "+1".
func (d *dateParser) offset(w string) {
	sign := 1
	if w[0] == '-' {
		sign = -1
	}
	n, rest := leading(w[1:])
	digits := len(w) - 1 - len(rest)
	if len(rest) > 2 && rest[0] == ':' {
		minutes, _ := leading(rest[1:])
		n, digits = n*100+minutes, 4
	}
	if digits == 0 {
		return
	}
	if digits <= 2 {
		n *= 100
	}
	seconds := (n/100*60 + n%100) * 60
	if n/100 > 24 || n%100 > 59 {
		return
	}
	d.zone = time.FixedZone("", sign*seconds)
}

// name reads a word: a month, a zone, AM or PM; weekdays say nothing new.
func (d *dateParser) name(w string) {
	b := []byte(w)
	if len(b) >= 3 && d.month == 0 {
		for i, m := range [...]string{"jan", "feb", "mar", "apr", "may", "jun",
			"jul", "aug", "sep", "oct", "nov", "dec"} {
			if equalFold(b[:3], m) {
				d.month = i + 1
				d.afterMonth(w)
				return
			}
		}
	}
	if !d.clock {
		return
	}
	switch {
	case equalFold(b, "pm") && d.hour < 12:
		d.hour += 12
	case equalFold(b, "am") && d.hour == 12:
		d.hour = 0
	default:
		d.zoneName(b)
	}
}

// afterMonth reads the day in "Jan-02-2006".
func (d *dateParser) afterMonth(w string) {
	i := 0
	for i < len(w) && isLetter(w[i]) {
		i++
	}
	if i+1 < len(w) && w[i] == '-' && isDigit(w[i+1]) && d.day == 0 {
		n, rest := leading(w[i+1:])
		d.day = n
		if len(rest) > 1 && rest[0] == '-' {
			y, r := leading(rest[1:])
			d.setYear(y, len(rest)-1-len(r))
		}
	}
}

// zoneName reads RFC 5322 §4.3's zones. Others, and the military ones that
// RFC 822 had wrong, say as much as -0000.
func (d *dateParser) zoneName(b []byte) {
	hours := 0
	switch {
	case len(b) > 3 && (equalFold(b[:3], "gmt") || equalFold(b[:3], "utc")) && (b[3] == '+' || b[3] == '-'):
		d.offset(string(b[3:]))
		return
	case equalFold(b, "edt"):
		hours = -4
	case equalFold(b, "est"), equalFold(b, "cdt"):
		hours = -5
	case equalFold(b, "cst"), equalFold(b, "mdt"):
		hours = -6
	case equalFold(b, "mst"), equalFold(b, "pdt"):
		hours = -7
	case equalFold(b, "pst"):
		hours = -8
	case equalFold(b, "cet"), equalFold(b, "met"), equalFold(b, "bst"):
		hours = 1
	case equalFold(b, "cest"), equalFold(b, "mest"):
		hours = 2
	case equalFold(b, "jst"):
		hours = 9
	default:
		return
	}
	d.zone = time.FixedZone("", hours*3600)
}

// time puts it together.
func (d *dateParser) time() time.Time {
	if d.day < 1 || d.day > 31 || d.month < 1 || d.month > 12 || !d.haveYear ||
		d.year < 1 || d.year > 9999 {
		return time.Time{}
	}
	if d.hour > 24 || d.minute > 59 || d.sec > 60 { // RFC 5256 §2.2
		d.hour, d.minute, d.sec = 0, 0, 0
	}
	t := time.Date(d.year, time.Month(d.month), d.day, d.hour, d.minute, d.sec, 0, d.zone)
	if t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}
