package store

import "time"

// A zoned time is a moment in seconds with the zone that it was written in, in
// one number that sorts by the moment: seconds since 1970 << 11 | minutes east
// of UTC + 1024. SEARCH compares days as they were written (RFC 9051 §6.4.4),
// and FETCH INTERNALDATE gives back what APPEND brought.
const (
	zoneBits = 11
	zoneBias = 1 << (zoneBits - 1)
)

// zonedTime is t as a number. A zone that does not fit becomes UTC.
func zonedTime(t time.Time) int64 {
	_, east := t.Zone()
	minutes := int64(east / 60)
	if minutes < -zoneBias || minutes >= zoneBias {
		minutes = 0
	}
	return t.Unix()<<zoneBits | (minutes + zoneBias)
}

// zones makes times of such numbers, and keeps the zones that it has met.
type zones map[int64]*time.Location

func (z zones) time(n int64) time.Time {
	minutes := n&(1<<zoneBits-1) - zoneBias
	t := time.Unix(n>>zoneBits, 0)
	if minutes == 0 {
		return t.UTC()
	}
	loc := z[minutes]
	if loc == nil {
		loc = time.FixedZone("", int(minutes)*60)
		z[minutes] = loc
	}
	return t.In(loc)
}
