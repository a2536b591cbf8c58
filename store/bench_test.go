package store

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"posthorn/internal/mail"
)

// benchMessage makes a message of about size octets as they come: a header, a
// text, and above 8 kB an attachment in base64.
func benchMessage(r *rand.Rand, size int) []byte {
	words := []string{"report", "attached", "please", "review", "meeting", "Thursday", "invoice", "delivery", "th=C3=B4ng b=C3=A1o", "=C4=91=C6=A1n h=C3=A0ng"}
	var b bytes.Buffer
	fmt.Fprintf(&b, "Received: from mx%d.ext.example (mx%d.ext.example [192.0.2.1])\r\n\tby relay.ext.example with ESMTPS id %x\r\n\tfor <bob@hamburger.edu>; Mon, 01 Jan 2024 08:00:00 +0700\r\n", r.IntN(9), r.IntN(9), r.Uint64())
	fmt.Fprintf(&b, "From: =?utf-8?q?Nguy=E1=BB=85n_V=C4=83n_An?= <fr%d@ext.example>\r\nTo: <bob@hamburger.edu>\r\nSubject: Re: %s %s %d\r\nDate: Mon, 01 Jan 2024 08:00:00 +0700\r\nMessage-ID: <%x@ext.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_b\"\r\n\r\n", r.IntN(1e6), words[r.IntN(8)], words[r.IntN(8)], r.IntN(1e6), r.Uint64())
	fmt.Fprintf(&b, "--=_b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
	for text := min(size, 6<<10); b.Len() < text; {
		for range 8 {
			b.WriteString(words[r.IntN(len(words))] + " ")
		}
		b.WriteString("\r\n")
	}
	if b.Len() < size-300 {
		fmt.Fprintf(&b, "\r\n--=_b\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"a.pdf\"\r\n\r\n")
		for b.Len() < size {
			var line [57]byte
			for i := range line {
				line[i] = byte(r.Uint32())
			}
			b.WriteString(base64.StdEncoding.EncodeToString(line[:]) + "\r\n")
		}
	}
	b.WriteString("\r\n--=_b--\r\n")
	return b.Bytes()
}

func benchMessages(n, size int) [][]byte {
	r := rand.New(rand.NewPCG(1, uint64(size)))
	var all [][]byte
	for range n {
		all = append(all, benchMessage(r, size))
	}
	return all
}

func benchOpen(b *testing.B) *Store {
	b.Helper()
	s, err := Open(context.Background(), Config{Dir: b.TempDir(), Report: func(msg string, args ...any) { b.Error(msg, args) }})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

func benchUsers(b *testing.B, s *Store, n int) (ids []AccountID) {
	b.Helper()
	for i := range n {
		ids = append(ids, addUser(b, s, fmt.Sprintf("u%03d@bench.test", i)))
	}
	return ids
}

// processorTime reports the processor's time per operation too: on a shared
// machine it says more than the clock's.
func processorTime(b *testing.B) (report func(ops int)) {
	used := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	before := used()
	return func(ops int) { b.ReportMetric(float64(used()-before)/1000/float64(ops), "cpu-µs/op") }
}

// diskUse is the size of what is in the store's folder, but for the log.
func diskUse(b *testing.B, s *Store) int64 {
	s.checkpointer.checkpoint("PRAGMA wal_checkpoint(TRUNCATE)")
	info, err := os.Stat(filepath.Join(s.cfg.Dir, databaseFile))
	if err != nil {
		b.Fatal(err)
	}
	return info.Size()
}

// BenchmarkDeliver is from the first octet to the answer: parsing, compressing
// and hashing included.
func BenchmarkDeliver(b *testing.B) {
	for _, bm := range []struct{ producers, recipients, size int }{{1, 1, 20 << 10}, {8, 1, 20 << 10}, {32, 1, 20 << 10}, {8, 10, 20 << 10}, {32, 1, 4 << 10}} {
		b.Run(fmt.Sprintf("producers=%d/copies=%d/size=%d", bm.producers, bm.recipients, bm.size), func(b *testing.B) {
			s := benchOpen(b)
			users := benchUsers(b, s, 60)
			messages := benchMessages(200, bm.size)
			empty := diskUse(b, s)
			var next, octets atomic.Int64
			b.SetParallelism((bm.producers + 1) / 2)
			report := processorTime(b)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					n := int(next.Add(1))
					body := s.NewBody(context.Background())
					m := messages[n%len(messages)]
					octets.Add(int64(len(m)))
					body.Write(m)
					copies := make([]Copy, bm.recipients)
					for i := range copies {
						copies[i] = Copy{Account: users[(n+i)%len(users)], Trace: []byte("Return-Path: <alice@crepes.fr>\r\nDelivered-To: bob@hamburger.edu\r\n")}
					}
					if _, err := s.Accept(context.Background(), Delivery{Body: body, Copies: copies}); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.StopTimer()
			report(b.N)
			b.ReportMetric(float64(b.N*bm.recipients)/b.Elapsed().Seconds(), "copies/s")
			b.ReportMetric(float64(diskUse(b, s)-empty)/float64(octets.Load()), "disk/octet")
		})
	}
}

// benchMailbox makes an INBOX of n small messages.
func benchMailbox(b *testing.B, s *Store, n int) (AccountID, MailboxID, []ContentID) {
	b.Helper()
	id := benchUsers(b, s, 1)[0]
	messages := benchMessages(200, 4<<10)
	var contents []ContentID
	for len(contents) < n {
		var ds []Delivery
		for range min(500, n-len(contents)) {
			body := s.NewBody(context.Background())
			body.Write(messages[len(ds)%len(messages)])
			ds = append(ds, Delivery{Body: body, Copies: []Copy{{Account: id}}})
		}
		as, err := s.Accept(context.Background(), ds...)
		if err != nil {
			b.Fatal(err)
		}
		for _, a := range as {
			contents = append(contents, a.Content)
		}
	}
	return id, inboxOf(b, s, id).ID, contents
}

func BenchmarkList(b *testing.B) {
	s := benchOpen(b)
	const n = 20_000
	_, mb, _ := benchMailbox(b, s, n)
	for _, bm := range []struct {
		name string
		want Want
	}{{"plain", 0}, {"envelope", WantEnvelope}, {"header", WantHeader}, {"brief", Brief},
		{"brief-envelope", Brief | WantEnvelope}, {"brief-structure", Brief | WantStructure}, {"brief-header", Brief | WantStructure | WantHeader}} {
		b.Run(bm.name, func(b *testing.B) {
			report := processorTime(b)
			for b.Loop() {
				got := 0
				for _, err := range s.Messages(context.Background(), mb, everything, bm.want) {
					if err != nil {
						b.Fatal(err)
					}
					got++
				}
				if got != n {
					b.Fatalf("%d messages", got)
				}
			}
			report(b.N * n)
			b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
	b.Run("uids", func(b *testing.B) {
		report := processorTime(b)
		for b.Loop() {
			if uids, _, err := s.UIDList(context.Background(), mb); err != nil || len(uids) != n {
				b.Fatal(err)
			}
		}
		report(b.N * n)
		b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	})
}

func BenchmarkRead(b *testing.B) {
	for _, size := range []int{4 << 10, 20 << 10} {
		b.Run(fmt.Sprint("size=", size), func(b *testing.B) {
			s := benchOpen(b)
			id := benchUsers(b, s, 1)[0]
			var contents []ContentID
			for _, m := range benchMessages(1000, size) {
				contents = append(contents, deliver(b, s, string(m), Copy{Account: id}).Content)
			}
			report := processorTime(b)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					c, err := s.WholeContent(context.Background(), contents[rand.IntN(len(contents))])
					if err == nil {
						err = c.WriteRange(io.Discard, 0, c.Size())
						c.Close()
					}
					if err != nil {
						b.Error(err)
					}
				}
			})
			report(b.N)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// BenchmarkThousand changes 1,000 messages of a mailbox of 10,000 at once.
func BenchmarkThousand(b *testing.B) {
	s := benchOpen(b)
	id, mb, _ := benchMailbox(b, s, 10_000)
	to := mailboxOf(b, s, id, "Archive").ID
	thousand := mail.UIDSet{{From: 5001, To: 6000}}
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	b.Run("store", func(b *testing.B) {
		report := processorTime(b)
		defer func() { report(b.N) }()
		for n := 0; b.Loop(); n++ {
			_, _, err := s.SetFlags(context.Background(), mb, thousand, FlagOp(1+n%2), mail.NewFlags(`\Flagged`), Unconditionally)
			must(err)
		}
	})
	b.Run("copy", func(b *testing.B) {
		report := processorTime(b)
		defer func() { report(b.N) }()
		for b.Loop() {
			_, err := s.CopyMessages(context.Background(), mb, thousand, to)
			must(err)
		}
	})
	b.Run("move", func(b *testing.B) {
		report := processorTime(b)
		defer func() { report(b.N) }()
		from, into, set := mb, to, thousand
		for b.Loop() {
			c, err := s.MoveMessages(context.Background(), from, set, into)
			must(err)
			from, into, set = into, from, mail.UIDSet{{From: c.To[0], To: c.To[len(c.To)-1]}}
		}
	})
	b.Run("expunge", func(b *testing.B) {
		report := processorTime(b)
		defer func() { report(b.N) }()
		for b.Loop() {
			b.StopTimer()
			c, err := s.CopyMessages(context.Background(), mb, mail.UIDSet{{From: 1, To: 1000}}, to)
			must(err)
			b.StartTimer()
			_, _, err = s.Expunge(context.Background(), to, mail.UIDs(c.To...), true)
			must(err)
		}
	})
	b.Run("changes-100", func(b *testing.B) {
		report := processorTime(b)
		defer func() { report(b.N) }()
		before, err := s.MailboxByID(context.Background(), mb)
		must(err)
		_, _, err = s.SetFlags(context.Background(), mb, mail.UIDSet{{From: 1, To: 100}}, FlagsAdd, mail.NewFlags("x"), Unconditionally)
		must(err)
		for b.Loop() {
			c, err := s.ChangesSince(context.Background(), mb, before.HighestModSeq, 1000)
			must(err)
			if len(c.Changed) != 100 {
				b.Fatal(len(c.Changed))
			}
		}
	})
}
