package imapd

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestAppendDate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		moment := time.Unix(r.Int64N(400e9)-100e9, 0).In(time.FixedZone("", 60*(r.IntN(2048)-1024)))
		if got, want := string(appendDate(nil, moment)), moment.Format(internalDate); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
}

func BenchmarkAppendDate(b *testing.B) {
	moment := time.Date(2006, 1, 2, 15, 4, 5, 0, time.FixedZone("", 7*3600))
	var buf []byte
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			buf = appendDate(buf[:0], moment)
		}
	})
	b.Run("format", func(b *testing.B) {
		for b.Loop() {
			buf = moment.AppendFormat(buf[:0], internalDate)
		}
	})
}
