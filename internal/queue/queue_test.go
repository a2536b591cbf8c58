package queue

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"posthorn/internal/mail"
	"posthorn/store"
)

// about checks that the attempts were when they should have been, give or take
// the spread and a little.
func about(t *testing.T, begin time.Time, tries []try, want ...time.Duration) {
	t.Helper()
	if len(tries) != len(want) {
		t.Errorf("%d attempts, want %d: %v", len(tries), len(want), tries)
		return
	}
	at := begin
	for i, w := range want {
		got := tries[i].at.Sub(at)
		if got < w*9/10-time.Second || got > w*11/10+time.Second {
			t.Errorf("attempt %d came %v after the one before, want about %v", i+1, got, w)
		}
		at = tries[i].at
	}
}

func TestDelivers(t *testing.T) {
	inBubble(t, func(t *testing.T, p *postoffice) {
		p.run()
		synctest.Wait()
		p.send(outbound("alice@crepes.fr", "bob@hamburger.edu"))
		p.after(time.Second)
		about(t, p.begin, p.hops.tries, 0)
		if len(p.queued()) != 0 || len(p.inbox()) != 0 {
			t.Errorf("queue %v, reports %q", p.queued(), p.inbox())
		}
	})
}

// TestHandsOver: the next hop is asked for all that the client asked for.
func TestHandsOver(t *testing.T) {
	inBubble(t, func(t *testing.T, p *postoffice) {
		out := outbound("alice@crepes.fr", "bob@hamburger.edu", "carol@hamburger.edu")
		out.Body, out.UTF8, out.RequireTLS, out.Return, out.EnvelopeID = mail.Body8BitMIME, true, true, mail.ReturnHeaders, "QQ314159"
		out.Recipients[0].Notify = mail.NotifySuccess | mail.NotifyDelay
		out.Recipients[0].OriginalType, out.Recipients[0].Original = "rfc822", "Bob@hamburger.edu"
		var got mail.Outgoing
		var text strings.Builder
		p.hops.answer["hamburger.edu"] = func(m *mail.Outgoing) []mail.Result {
			got = *m
			if err := m.Content.WriteRange(&text, 0, m.Size); err != nil {
				t.Error(err)
			}
			return repeat(ok, len(m.To))
		}
		id := p.send(out)
		p.run()
		p.after(time.Second)
		want := mail.Outgoing{
			Envelope: mail.Envelope{
				From: out.From, To: out.Recipients, Size: got.Size, Body: mail.Body8BitMIME, UTF8: true, RequireTLS: true,
				Return: mail.ReturnHeaders, EnvelopeID: "QQ314159",
			},
			Content: got.Content, Queue: int64(id),
		}
		if !reflect.DeepEqual(got, want) || !strings.Contains(text.String(), "Subject: hello") {
			t.Errorf("handed over %+v of %q, not %+v", got, text.String(), want)
		}
	})
}

// TestHopDownForAWhile is the course's row C3: the other server is down, and
// gets the message when it is back.
func TestHopDownForAWhile(t *testing.T) {
	inBubble(t, func(t *testing.T, p *postoffice) {
		p.hops.down["hamburger.edu"] = &noAnswer
		p.send(outbound("alice@crepes.fr", "bob@hamburger.edu"))
		p.run()
		p.after(15 * time.Minute)
		if q := p.queued(); len(q) != 1 || q[0].Attempts != 3 || !strings.Contains(q[0].LastError, "connection refused") {
			t.Errorf("queue: %+v", q)
		}
		p.hops.set(func() { delete(p.hops.down, "hamburger.edu") })
		p.after(time.Hour)
		about(t, p.begin, p.hops.tries, 0, time.Minute, 5*time.Minute, 15*time.Minute)
		if len(p.queued()) != 0 || len(p.inbox()) != 0 {
			t.Errorf("queue %v, reports %q", p.queued(), p.inbox())
		}
	})
}

func TestGivesUp(t *testing.T) {
	inBubble(t, func(t *testing.T, p *postoffice) {
		p.hops.answer["hamburger.edu"] = p.hops.always(notNow)
		p.send(outbound("alice@crepes.fr", "bob@hamburger.edu"))
		p.run()
		p.after(3 * time.Hour)
		if len(p.inbox()) != 0 {
			t.Errorf("reported too early: %q", p.inbox())
		}
		p.after(5*24*time.Hour - time.Hour)
		reports := p.inbox()
		if len(reports) != 1 || !strings.Contains(reports[0], "Action: delayed") || !strings.Contains(reports[0], "Will-Retry-Until: Thu, 6 Jan 2000") {
			t.Errorf("reports of delay: %q", reports)
		}
		p.after(6 * 24 * time.Hour)
		reports = p.inbox()
		if len(reports) != 2 {
			t.Fatalf("%d reports", len(reports))
		}
		for _, want := range []string{"Return-Path: <>\r\n", "Action: failed", "Status: 5.4.7", "Diagnostic-Code: smtp; 451 4.3.0 Not now",
			"Final-Recipient: rfc822; bob@hamburger.edu", "In-Reply-To: <orig@crepes.fr>", "the content\r\n", "Content-Type: message/rfc822"} {
			if !strings.Contains(reports[1], want) {
				t.Errorf("the bounce lacks %q:\n%s", want, reports[1])
			}
		}
		if len(p.queued()) != 0 {
			t.Errorf("queue: %v", p.queued())
		}
		last := p.hops.tries[len(p.hops.tries)-1].at.Sub(p.begin)
		if last < 5*24*time.Hour || last > 5*24*time.Hour+time.Minute {
			t.Errorf("the last attempt was after %v", last)
		}
	})
}

func TestFailsForSome(t *testing.T) {
	inBubble(t, func(t *testing.T, p *postoffice) {
		p.hops.answer["hamburger.edu"] = func(m *mail.Outgoing) []mail.Result { return []mail.Result{ok, noUser, notNow}[:len(m.To)] }
		out := outbound("alice@crepes.fr", "bob@hamburger.edu", "nobody@hamburger.edu", "later@hamburger.edu", "x@example.org")
		out.EnvelopeID = "env1"
		p.send(out)
		p.run()
		p.after(30 * time.Second)
		if q := p.queued(); len(q) != 1 || q[0].To.Address.Local != "later" || q[0].LastError != "mx: 451 4.3.0 Not now" {
			t.Errorf("queue: %+v", q)
		}
		reports := p.inbox()
		if len(reports) != 1 || !strings.Contains(reports[0], "Original-Envelope-Id: env1") || !strings.Contains(reports[0], "Final-Recipient: rfc822; nobody@") ||
			strings.Contains(reports[0], "bob@") || strings.Contains(reports[0], "later@") {
			t.Errorf("reports: %q", reports)
		}
		p.after(10 * time.Minute) // "later" is then the first of its transaction: ok
		if len(p.queued()) != 0 {
			t.Errorf("queue: %v", p.queued())
		}
	})
}

// TestBounceOfBounce: a report that cannot be delivered ends in the log.
func TestBounceOfBounce(t *testing.T) {
	inBubble(t, func(t *testing.T, p *postoffice) {
		p.hops.answer["hamburger.edu"] = p.hops.always(noUser)
		p.hops.answer["example.com"] = p.hops.always(noUser)
		p.send(outbound("sender@example.com", "bob@hamburger.edu")) // as an alias forwards it
		p.send(outbound("nobody@crepes.fr", "carol@hamburger.edu")) // whose account is gone
		p.run()
		p.after(time.Minute)
		if len(p.queued()) != 0 || len(p.inbox()) != 0 {
			t.Errorf("queue %v, reports %q", p.queued(), p.inbox())
		}
		var got []string
		for _, try := range p.hops.tries {
			got = append(got, try.to...)
		}
		slices.Sort(got)
		if want := []string{"bob@hamburger.edu", "carol@hamburger.edu", "sender@example.com"}; !slices.Equal(got, want) {
			t.Errorf("tried %v, want %v", got, want)
		}
		for _, want := range []string{"bounce dropped", "report dropped"} {
			if !strings.Contains(p.log.String(), want) {
				t.Errorf("the log lacks %q:\n%s", want, p.log.String())
			}
		}
	})
}

func TestBatches(t *testing.T) {
	for _, perHop := range []int{1, 4} {
		inBubble(t, func(t *testing.T, p *postoffice) { batches(t, p, perHop) })
	}
}

func batches(t *testing.T, p *postoffice, perHop int) {
	if perHop > 1 {
		p.Config.MaxPerHop = perHop
	}
	p.Config.MaxConnections = 32
	p.hops.perSlot = time.Second
	var many []string
	for i := range 250 {
		many = append(many, fmt.Sprintf("u%d@big.example", i))
	}
	p.send(outbound("alice@crepes.fr", many...))
	for range 40 {
		p.send(outbound("alice@crepes.fr", "a@hamburger.edu", "b@hamburger.edu"))
	}
	for i := range 50 {
		p.send(outbound("alice@crepes.fr", fmt.Sprintf("x@d%d.example", i)))
	}
	p.run()
	p.after(time.Minute)
	if n := len(p.queued()); n != 0 {
		t.Errorf("%d are still queued", n)
	}
	count := make(map[string]int)
	for _, try := range p.hops.tries {
		count[try.hop]++
		if len(try.to) > 100 {
			t.Errorf("%d recipients in a transaction", len(try.to))
		}
	}
	if count["big.example"] != 3 || count["hamburger.edu"] != 40 || len(p.hops.tries) != 3+40+50 {
		t.Errorf("transactions: %v", count)
	}
	if m := p.hops.most; m["hamburger.edu"] != perHop || m[""] > 32 || m[""] < 8 {
		t.Errorf("connections at a time: %v", m)
	}
}

// TestStalledHops: hops that take minutes for each message, many at a time,
// delay no other.
func TestStalledHops(t *testing.T) {
	inBubble(t, func(t *testing.T, p *postoffice) {
		for i := range 80 {
			hop := fmt.Sprintf("slow%d.example", i)
			p.hops.answer[hop] = func(m *mail.Outgoing) []mail.Result {
				time.Sleep(10 * time.Minute)
				return repeat(ok, len(m.To))
			}
			p.send(outbound("alice@crepes.fr", "x@"+hop))
			p.send(outbound("alice@crepes.fr", "x@"+hop))
		}
		p.run()
		p.after(time.Second)
		for range 5 {
			p.send(outbound("alice@crepes.fr", "x@quick.example"))
		}
		p.after(2 * time.Second)
		if n := len(p.queued()); n != 160 {
			t.Errorf("%d are queued, not what the slow hops have", n)
		}
		p.after(time.Hour)
		if n := len(p.queued()); n != 0 {
			t.Errorf("%d are queued at last", n)
		}
	})
}

// TestHeldIsBounded: a backlog is taken in pieces, and a hop that is down or
// slow does not keep others waiting.
func TestHeldIsBounded(t *testing.T) {
	for _, down := range []bool{true, false} {
		inBubble(t, func(t *testing.T, p *postoffice) {
			p.Config.MaxHeld, p.Config.MaxPerHop = 12, 1
			if down {
				p.hops.down["slow.example"] = &noAnswer
			}
			p.hops.answer["slow.example"] = func(m *mail.Outgoing) []mail.Result {
				time.Sleep(time.Minute)
				return repeat(ok, len(m.To))
			}
			for range 35 {
				p.send(outbound("alice@crepes.fr", "x@slow.example"))
			}
			p.run()
			p.after(time.Second)
			for i := range 8 { // each has the scheduler look what is due
				p.send(outbound("alice@crepes.fr", "x@quick.example"))
				p.after(time.Duration(2+i) * time.Second)
			}
			if n := len(p.queued()); n != 35 {
				t.Errorf("%d are queued", n)
			}
			if n := len(p.hops.tries); n > 21 {
				t.Errorf("%d attempts", n)
			}
			p.hops.set(func() { delete(p.hops.down, "slow.example") })
			p.after(50 * time.Minute)
			if n := len(p.queued()); n != 0 {
				t.Errorf("%d are queued at last", n)
			}
		})
	}
}

func TestOperator(t *testing.T) {
	inBubble(t, func(t *testing.T, p *postoffice) {
		p.hops.down["hamburger.edu"] = &noAnswer
		p.send(outbound("alice@crepes.fr", "bob@hamburger.edu"))
		p.run()
		p.after(10 * time.Minute) // the next attempt is some 11 minutes off
		p.hops.set(func() { delete(p.hops.down, "hamburger.edu"); p.hops.tries = nil })
		if _, err := p.store.RetryQueue(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		p.after(10*time.Minute + time.Second)
		about(t, p.begin.Add(10*time.Minute), p.hops.tries, 0)

		// What is deleted while it waits for its turn is not sent.
		p.hops.set(func() { p.hops.perSlot, p.hops.tries = time.Second, nil })
		p.send(outbound("alice@crepes.fr", "first@hamburger.edu"))
		second := p.send(outbound("alice@crepes.fr", "second@hamburger.edu"), store.Copy{Account: p.alice.ID})
		time.Sleep(500 * time.Millisecond)
		if err := p.store.DeleteQueue(t.Context(), second); err != nil {
			t.Fatal(err)
		}
		p.after(20 * time.Minute)
		if len(p.hops.tries) != 1 || p.hops.tries[0].to[0] != "first@hamburger.edu" || len(p.queued()) != 0 {
			t.Errorf("tried %v, queued %v", p.hops.tries, p.queued())
		}
	})
}

// TestReportTooLarge: a message that is larger than those that are taken now is
// returned without its text.
func TestReportTooLarge(t *testing.T) {
	inBubble(t, func(t *testing.T, p *postoffice) {
		b := p.store.NewBody(t.Context())
		fmt.Fprintf(b, "Subject: hello\r\n\r\n%s", strings.Repeat("the content\r\n", 1000))
		if _, err := p.store.Accept(t.Context(), store.Delivery{Body: b, Queue: outbound("alice@crepes.fr", "bob@hamburger.edu")}); err != nil {
			t.Fatal(err)
		}
		p.store.SetMaxMessage(10_000)
		p.hops.answer["hamburger.edu"] = p.hops.always(noUser)
		p.run()
		p.after(time.Minute)
		if got := p.inbox(); len(got) != 1 || len(p.queued()) != 0 || strings.Contains(got[0], "the content") || !strings.Contains(got[0], "Subject: hello") {
			t.Errorf("queued %v, reports %q", p.queued(), got)
		}
	})
}

// TestDeletedUnderWay: what the operator deletes while it is being tried is not
// returned to its sender, either.
func TestDeletedUnderWay(t *testing.T) {
	inBubble(t, func(t *testing.T, p *postoffice) {
		id := p.send(outbound("alice@crepes.fr", "bob@hamburger.edu"))
		p.hops.answer["hamburger.edu"] = func(*mail.Outgoing) []mail.Result {
			if err := p.store.DeleteQueue(t.Context(), id); err != nil {
				t.Error(err)
			}
			return []mail.Result{noUser}
		}
		p.run()
		p.after(time.Minute)
		if len(p.hops.tries) != 1 || len(p.queued()) != 0 || len(p.inbox()) != 0 {
			t.Errorf("tried %v, queued %v, reports %q", p.hops.tries, p.queued(), p.inbox())
		}
	})
}

// TestPanic: a message that makes the transport panic is tried again later, and
// no other waits for that.
func TestPanic(t *testing.T) {
	inBubble(t, func(t *testing.T, p *postoffice) {
		p.hops.answer["poison.example"] = func(m *mail.Outgoing) []mail.Result {
			if m.To[0].Address.Local == "poison" && time.Since(p.begin) < 3*time.Minute {
				panic("a message that nobody thought of")
			}
			return []mail.Result{ok}
		}
		p.send(outbound("alice@crepes.fr", "poison@poison.example"))
		p.send(outbound("alice@crepes.fr", "bob@poison.example"))
		p.run()
		p.after(30 * time.Second)
		if q := p.queued(); len(q) != 1 || q[0].To.Address.Local != "poison" || q[0].Attempts != 1 || q[0].LastError != interrupted.Text {
			t.Errorf("queued %+v", q)
		}
		p.after(10 * time.Minute)
		if len(p.queued()) != 0 || len(p.inbox()) != 0 {
			t.Errorf("queued %v, reports %q", p.queued(), p.inbox())
		}
		p.halt()
		if !strings.Contains(p.log.String(), "a message that nobody thought of") {
			t.Errorf("the log says\n%s", &p.log)
		}
	})
}

// TestStop: what is under way ends, what waits stays, and a second Run takes
// it up.
func TestStop(t *testing.T) {
	inBubble(t, func(t *testing.T, p *postoffice) {
		p.hops.perSlot = 10 * time.Second
		for range 3 {
			p.send(outbound("alice@crepes.fr", "bob@hamburger.edu"))
		}
		p.run()
		p.after(time.Second)
		p.halt()
		if d := time.Since(p.begin); d < 10*time.Second || d > 11*time.Second {
			t.Errorf("it stopped after %v", d)
		}
		if n := len(p.queued()); n != 2 {
			t.Errorf("%d are queued", n)
		}
		p.run()
		p.after(time.Minute)
		if n := len(p.queued()); n != 0 || len(p.hops.tries) != 3 {
			t.Errorf("%d are queued, %d attempts", n, len(p.hops.tries))
		}
	})
}

// TestCutOff: what does not end within the grace is cut off, and tried again.
func TestCutOff(t *testing.T) {
	inBubble(t, func(t *testing.T, p *postoffice) {
		p.hops.perSlot = time.Hour
		p.send(outbound("alice@crepes.fr", "bob@hamburger.edu"))
		p.run()
		p.after(time.Second)
		p.halt()
		if d := time.Since(p.begin); d != 21*time.Second {
			t.Errorf("it stopped after %v", d)
		}
		p.hops.perSlot = 0
		p.run()
		p.after(10 * time.Minute)
		if n := len(p.queued()); n != 0 || len(p.hops.tries) != 1 || len(p.inbox()) != 0 {
			t.Errorf("%d are queued, %d attempts, reports %q", n, len(p.hops.tries), p.inbox())
		}
	})
}

// TestCutOffLate: what a hop has taken in the moment of the cut is recorded, with
// the report that its sender asked for, and does not go out twice.
func TestCutOffLate(t *testing.T) {
	inBubble(t, func(t *testing.T, p *postoffice) {
		out := outbound("alice@crepes.fr", "bob@hamburger.edu")
		out.Recipients[0].Notify = mail.NotifySuccess
		p.send(out)
		p.hops.answer["hamburger.edu"] = func(*mail.Outgoing) []mail.Result {
			time.Sleep(p.Config.withDefaults().Grace + 2*time.Second)
			return []mail.Result{ok}
		}
		p.run()
		p.after(time.Second)
		p.halt()
		if q := p.queued(); len(q) != 0 {
			t.Errorf("queued %+v", q)
		}
		if got := p.inbox(); len(got) != 1 || !strings.Contains(got[0], "Action: relayed") || !strings.Contains(got[0], "Subject: hello") {
			t.Errorf("reports %q", got)
		}
	})
}

// TestKilled: a process that ends in the middle of an attempt leaves the
// message as it was. It goes out again, and is never lost.
func TestKilled(t *testing.T) {
	inBubble(t, func(t *testing.T, p *postoffice) {
		p.send(outbound("alice@crepes.fr", "bob@hamburger.edu"))
		// What a scheduler takes, and then it dies.
		if due, err := p.store.DueEntries(t.Context(), time.Now(), 10, nil); err != nil || len(due) != 1 {
			t.Fatal(due, err)
		}
		if err := p.store.Close(); err != nil {
			t.Fatal(err)
		}
		p.open()
		p.run()
		p.after(time.Minute)
		if len(p.hops.tries) != 1 || len(p.queued()) != 0 {
			t.Errorf("%d attempts, %d queued", len(p.hops.tries), len(p.queued()))
		}
	})
}

// TestStoreGone: an attempt that cannot be recorded is not forgotten while
// there is time, and does not keep the scheduler from stopping.
func TestStoreGone(t *testing.T) {
	inBubble(t, func(t *testing.T, p *postoffice) {
		p.hops.perSlot = time.Second
		p.send(outbound("alice@crepes.fr", "bob@hamburger.edu"))
		p.run()
		p.after(time.Second / 2)
		if err := p.store.Close(); err != nil {
			t.Fatal(err)
		}
		p.after(10 * time.Minute)
		p.halt()
		if d := time.Since(p.begin); d != 10*time.Minute+20*time.Second {
			t.Errorf("it stopped after %v", d)
		}
		if n := strings.Count(p.log.String(), "record an attempt"); n < 10 || n > 20 {
			t.Errorf("%d attempts to record it", n)
		}
		p.open()
	})
}

// TestRequireTLS: RFC 8689 §5.
func TestRequireTLS(t *testing.T) {
	inBubble(t, func(t *testing.T, p *postoffice) {
		p.hops.answer["hamburger.edu"] = p.hops.always(noUser)
		p.hops.answer["example.com"] = p.hops.always(notNow)
		out := outbound("sender@example.com", "bob@hamburger.edu")
		out.RequireTLS = true
		p.send(out)
		p.run()
		p.after(time.Second)
		q := p.queued()
		if len(q) != 1 || !q[0].Envelope.RequireTLS || !q[0].Envelope.From.IsNull() {
			t.Fatalf("queue: %+v", q)
		}
		c, err := p.store.Content(t.Context(), q[0].Content)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := c.WriteRange(&b, 0, c.Size()); err != nil || strings.Contains(b.String(), "the content") || !strings.Contains(b.String(), "Subject: hello") {
			t.Errorf("%v, the bounce:\n%s", err, b.String())
		}
	})
}
