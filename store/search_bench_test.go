package store

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// benchBox is a mailbox of 10,000 messages of 20 kB: the size at which SEARCH
// must still feel like nothing.
func benchBox(b *testing.B, s *Store) MailboxID {
	const messages, size, batch = 10000, 20000, 100
	id := addUser(b, s, "alice@crepes.fr")
	words := strings.Fields("the quarterly report is attached please review before our meeting on Thursday and let me know " +
		"if any of these numbers look wrong we will ship on Monday unless the supplier changes delivery terms again " +
		"Kính gửi quý khách chúng tôi xin thông báo đơn hàng của bạn đã được xác nhận cuộc họp tuần này dời sang thứ Năm")
	rnd := rand.New(rand.NewPCG(1, 2))
	var ds []Delivery
	for i := range messages {
		var m strings.Builder
		fmt.Fprintf(&m, "Received: from mail%d.example.org (mail.example.org [192.0.2.%d])\r\n\tby mx.crepes.fr with ESMTPS id %x\r\n"+
			"\tfor <alice@crepes.fr>; Thu, 1 Jan 2026 00:00:00 +0000\r\nDKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=mail;\r\n\tb=%x%x%x%x\r\n"+
			"From: Bob <bob%d@example.org>\r\nTo: Alice <alice@crepes.fr>\r\nSubject: message %d about %s\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n"+
			"Message-ID: <%x@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n",
			i, i%250, rnd.Uint64(), rnd.Uint64(), rnd.Uint64(), rnd.Uint64(), rnd.Uint64(), i, i, words[i%len(words)], rnd.Uint64())
		for m.Len() < size {
			for range 12 {
				m.WriteString(words[rnd.IntN(len(words))] + " ")
			}
			m.WriteString("\r\n")
		}
		ds = append(ds, Delivery{Body: writeBody(b, s, m.String()), Copies: []Copy{{
			Account: id, Trace: []byte("Return-Path: <bob@example.org>\r\nDelivered-To: alice@crepes.fr\r\n"),
		}}})
		if len(ds) == batch {
			if _, err := s.Accept(b.Context(), ds...); err != nil {
				b.Fatal(err)
			}
			ds = ds[:0]
		}
	}
	return inboxOf(b, s, id).ID
}

func BenchmarkSearch(b *testing.B) {
	s := openTest(b)
	mb := benchBox(b, s)
	for _, bench := range []struct {
		name string
		q    Query
		hits int
	}{
		{"flag", Not{HasFlag{`\Seen`}}, 10000},
		{"subject", HasText{InHeader, "Subject", "message 1234 "}, 1},
		{"subject-common", HasText{InHeader, "Subject", "about"}, 10000},
		{"from", HasText{InHeader, "From", "bob77@"}, 1},
		{"body-none", HasText{InBody, "", "khủnglongxanh"}, 0},
		{"body-ascii-none", HasText{InBody, "", "entertainment"}, 0},
		{"body-all", HasText{InBody, "", "supplier"}, 10000},
		{"text-none", HasText{InText, "", "zebra"}, 0},
		{"flag-and-body", And{HasText{InBody, "", "zebra"}, HasFlag{`\Seen`}}, 0},
	} {
		b.Run(bench.name, func(b *testing.B) {
			report := processorTime(b)
			for b.Loop() {
				hits, err := s.Search(b.Context(), mb, bench.q)
				if err != nil || len(hits) != bench.hits {
					b.Fatal(len(hits), err)
				}
			}
			report(b.N)
		})
	}
}
