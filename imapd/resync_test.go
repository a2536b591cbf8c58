package imapd

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"posthorn/internal/daemontest"
	"posthorn/internal/mail"
	"posthorn/store"
)

// step is a random command, which may be cut off.
func (k *keeper) step() {
	if k.conn == nil {
		k.connect(k.cut)
		return
	}
	n := len(k.order)
	if n == 0 {
		k.run("IDLE", -1)
		return
	}
	from := 1 + k.rand.IntN(n)
	set := fmt.Sprintf("%d:%d", from, min(n, from+k.rand.IntN(4)))
	uid := 1 + k.rand.IntN(k.upTo+1)
	uids := fmt.Sprintf("%d:%d", uid, uid+k.rand.IntN(6))
	command := "NOOP"
	switch k.rand.IntN(18) {
	case 0:
		command = "FETCH " + set + " (UID FLAGS MODSEQ)"
	case 1:
		command = "UID FETCH " + uids + " (FLAGS MODSEQ)"
	case 2:
		command = "FETCH " + set + " (UID BODY[9])" // sets \Seen
	case 3, 4, 5, 6, 7:
		command = k.store(set, uids)
	case 8:
		command = "EXPUNGE"
	case 9:
		command = "UID EXPUNGE " + uids
	case 10:
		command = "COPY " + set + " INBOX"
	case 11:
		command = "MOVE " + set + " " + []string{"INBOX", "Trash"}[k.rand.IntN(2)]
	case 12:
		command = fmt.Sprintf("SEARCH MODSEQ %d", k.modSeq)
	case 13:
		command = "IDLE"
	case 14:
		command = fmt.Sprintf("UID FETCH 1:* FLAGS (CHANGEDSINCE %d)", max(1, k.modSeq/2))
	case 15:
		command = "APPEND INBOX (\\Flagged) {17+}\r\nSubject: x\r\n\r\nx\r\n"
	case 16:
		if k.run("CLOSE", -1) {
			k.leave()
		}
		return
	}
	if k.run(command, k.cut()) && k.rand.IntN(2) == 0 {
		k.fetchNew(k.cut)
	}
}

// store is STORE in all its forms. A silent one the client reckons itself, for
// the messages that are told with MODSEQ alone.
func (k *keeper) store(set, uids string) string {
	op := []string{"+", "-", ""}[k.rand.IntN(3)]
	flags := [][]string{{`\Seen`}, {`\Deleted`}, {`\Flagged`, "$Label1"}, {`\Draft`, "$Label2", `\Deleted`}, nil}[k.rand.IntN(5)]
	command, item := "STORE "+set, op+"FLAGS"
	if k.rand.IntN(2) == 0 {
		command = "UID STORE " + uids
	}
	if k.rand.IntN(2) == 0 {
		command += fmt.Sprintf(" (UNCHANGEDSINCE %d)", max(0, int(k.modSeq)-k.rand.IntN(5)))
	}
	if k.rand.IntN(2) == 0 {
		item += ".SILENT"
		k.silent = func(uid int) {
			if have, known := k.flags[uid]; known {
				k.flags[uid] = applied(have, op, flags)
			}
		}
	}
	return fmt.Sprintf("%s %s (%s)", command, item, strings.Join(flags, " "))
}

// compare brings the client in step and holds its cache to what is there. of a
// client that has just come back nothing more is asked. What sessions that were
// cut off are doing still is waited for: it may change what is there.
func (k *keeper) compare() {
	synctest.Wait()
	never := func() int { return -1 }
	if k.conn != nil {
		k.run("NOOP", -1)
		k.fetchNew(never)
	} else {
		k.connect(never)
	}
	if k.err != nil {
		return
	}
	ctx := context.Background()
	mb, err := k.f.store.MailboxByName(ctx, k.f.account("alice").ID, "INBOX")
	check(k.f.t, err)
	truth := map[int]string{}
	for m, err := range k.f.store.Messages(ctx, mb.ID, mail.UIDSet{{From: 1, To: 1<<32 - 1}}, store.Brief) {
		check(k.f.t, err)
		truth[int(m.UID)] = sortedFlags(strings.Fields(m.Flags.String()))
	}
	if !maps.Equal(k.flags, truth) {
		k.fail("believed %v\nis       %v", k.flags, truth)
	}
	if order := slices.Sorted(maps.Keys(truth)); !slices.Equal(order, k.order) {
		k.fail("believed %v\nis       %v", k.order, order)
	}
}

// TestResync has clients that keep caches change one mailbox, be cut off in the
// middle of answers, and come back. Then each must believe what is so: when
// nobody else does anything meanwhile, and after all did so at the same time.
// RESYNC=full runs more of it.
func TestResync(t *testing.T) {
	daemontest.Localhost(t) // not in a bubble
	seeds, _ := strconv.ParseUint(cmp.Or(strings.Replace(os.Getenv("RESYNC"), "full", "300", 1), "5"), 10, 64)
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { resyncTest(t, seed) })
		})
	}
}

func resyncTest(t *testing.T, seed uint64) {
	f := newFixture(t)
	r := rand.New(rand.NewPCG(seed, 0))
	var clients []*keeper
	for i := range 4 {
		k := &keeper{f: f, rand: rand.New(rand.NewPCG(seed, uint64(i)+1)), qresync: i%2 == 0, flags: map[int]string{}}
		clients = append(clients, k)
	}
	defer func() {
		for _, k := range clients {
			if k.conn != nil {
				k.conn.Close()
			}
		}
		synctest.Wait() // sessions that were cut off may be at work still
	}()
	deliver := func() { check(t, f.deliver("alice", "INBOX", []byte("Subject: x\r\n\r\nx\r\n"))) }
	for round := range 6 {
		for range 3 {
			deliver()
		}
		if round%2 == 0 {
			for range 60 {
				if k := clients[r.IntN(len(clients))]; r.IntN(8) == 0 {
					deliver()
				} else if r.IntN(8) == 0 {
					k.compare()
				} else {
					k.step()
				}
			}
		} else {
			var wg sync.WaitGroup
			for _, k := range clients {
				wg.Go(func() {
					for range 20 {
						k.step()
					}
				})
			}
			wg.Go(func() {
				for range 5 {
					deliver()
				}
			})
			wg.Wait()
		}
		for i, k := range clients {
			if k.compare(); k.err != nil {
				t.Fatalf("client %d: %v", i, k.err)
			}
		}
	}
}
