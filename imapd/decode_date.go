package imapd

import (
	"strings"
	"time"
)

// date decodes a date such as 1-Feb-1994, quoted or not: midnight UTC of it.
func (d *decoder) date() time.Time {
	const what = "a date such as 1-Feb-1994"
	quoted := d.take('"')
	day := d.fixedDigits(1, 2, what)
	t := d.monthAndYear(day, what)
	if quoted {
		d.expect('"')
	}
	if d.err != nil {
		return time.Time{}
	}
	return t
}

// dateTime decodes a date-time such as "17-Jul-1996 02:44:25 -0700".
func (d *decoder) dateTime() time.Time {
	const what = `a date and time such as "17-Jul-1996 02:44:25 -0700"`
	if !d.take('"') {
		d.fail(what)
	}
	var day int
	if d.take(' ') { // date-day-fixed = (SP DIGIT) / 2DIGIT
		day = d.fixedDigits(1, 1, what)
	} else {
		day = d.fixedDigits(2, 2, what)
	}
	t := d.monthAndYear(day, what)
	d.sp()
	hour := d.fixedDigits(2, 2, what)
	d.expect(':')
	minute := d.fixedDigits(2, 2, what)
	d.expect(':')
	second := d.fixedDigits(2, 2, what)
	d.sp()
	east := d.take('+')
	if !east && !d.take('-') {
		d.fail(what)
	}
	zoneHour := d.fixedDigits(2, 2, what)
	zoneMinute := d.fixedDigits(2, 2, what)
	// RFC 3339 knows a second 60, so does the formal syntax.
	if hour > 23 || minute > 59 || second > 60 || zoneHour > 23 || zoneMinute > 59 {
		d.fail(what)
	}
	d.expect('"')
	if d.err != nil {
		return time.Time{}
	}
	offset := zoneHour*3600 + zoneMinute*60
	if !east {
		offset = -offset
	}
	return time.Date(t.Year(), t.Month(), t.Day(), hour, minute, second, 0, time.FixedZone("", offset))
}

// monthAndYear decodes "-" date-month "-" date-year after a day.
func (d *decoder) monthAndYear(day int, what string) time.Time {
	d.expect('-')
	month := d.month(what)
	d.expect('-')
	year := d.fixedDigits(4, 4, what)
	t := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	if d.err == nil && (day < 1 || t.Day() != day) {
		d.fail("a date that is in the calendar")
	}
	return t
}

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

func (d *decoder) month(what string) time.Month {
	if d.err == nil && len(d.b)-d.pos >= 3 {
		name := string(d.b[d.pos : d.pos+3])
		for i := 0; i < len(months); i += 3 {
			if strings.EqualFold(name, months[i:i+3]) {
				d.pos += 3
				return time.Month(i/3 + 1)
			}
		}
	}
	d.fail(what)
	return 0
}

// fixedDigits decodes a number of at least least and at most most digits.
func (d *decoder) fixedDigits(least, most int, what string) int {
	if d.err != nil {
		return 0
	}
	n, i := 0, 0
	for i < most && d.pos+i < len(d.b) && isDigit(d.b[d.pos+i]) {
		n = n*10 + int(d.b[d.pos+i]-'0')
		i++
	}
	if i < least {
		d.fail(what)
		return 0
	}
	d.pos += i
	return n
}
