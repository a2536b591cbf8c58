package stall

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/xdg-go/scram"

	"posthorn/auth"
	"posthorn/internal/daemontest"
	"posthorn/internal/mail"
	"posthorn/store"
)

// Login and Password are those of a House's only account.
const (
	Login    = "bob@hamburger.edu"
	Password = "ketchup and pickles"
)

// House is what stands behind a daemon.
type House struct {
	Store *store.Store
	Auth  *auth.Authenticator
	Bob   store.Account

	t  testing.TB
	db *sql.DB // a way in that the store does not know of
}

// NewHouse opens a store, which passes its check at the end.
func NewHouse(t testing.TB) *House {
	ctx, dir := context.Background(), t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	st, err := store.Open(ctx, store.Config{Dir: dir})
	must(err)
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "posthorn.db")+"?_busy_timeout=10000")
	must(err)
	t.Cleanup(func() {
		must(db.Close())
		daemontest.CloseStore(t, st)
	})
	must(st.AddDomain(ctx, "hamburger.edu"))
	bob, err := st.AddAccount(ctx, mail.Address{Local: "bob", Domain: "hamburger.edu"}, []store.Credential{daemontest.Credential(t, Password)})
	must(err)
	return &House{Store: st, Auth: auth.New(st, auth.Config{NoLockout: true}), Bob: bob, t: t, db: db}
}

// received is the trace field that delivery puts in front.
var received = regexp.MustCompile(`\AReceived: [^;]*;\r\n\t[^\r]*\r\n`)

// Take returns the messages in bob's mailboxes, without the fields that delivery
// added, and the names of the mailboxes that were not there at the beginning. It
// removes both.
func (h *House) Take() (all []string) {
	ctx := context.Background()
	boxes, err := h.Store.Mailboxes(ctx, h.Bob.ID)
	h.check(err)
	for _, box := range boxes {
		for m, err := range h.Store.Messages(ctx, box.ID, mail.AllUIDs(), 0) {
			h.check(err)
			c, err := h.Store.Content(ctx, m.Content)
			h.check(err)
			var b bytes.Buffer
			h.check(c.WriteRange(&b, 0, c.Size()))
			all = append(all, received.ReplaceAllString(b.String(), ""))
		}
		if box.Messages > 0 {
			_, _, err = h.Store.Expunge(ctx, box.ID, mail.AllUIDs(), true)
			h.check(err)
		}
		if strings.HasPrefix(box.Name, "new") {
			all = append(all, "mailbox "+box.Name)
			h.check(h.Store.DeleteMailbox(ctx, h.Bob.ID, box.Name))
		}
	}
	return all
}

func (h *House) check(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// Full makes the account's quota so small that nothing fits in, or undoes that.
func (h *House) Full(on bool) {
	q := store.Quota{}
	if on {
		q.Bytes = 1
	}
	h.check(h.Store.SetQuota(context.Background(), h.Bob.ID, q))
}

// Broken makes every write of a message or mailbox fail in the middle of its
// transaction, or undoes that.
func (h *House) Broken(on bool) {
	for _, table := range []string{"messages", "mailboxes", "queue_messages"} {
		statement := "DROP TRIGGER IF EXISTS broken_" + table
		if on {
			statement = "CREATE TRIGGER IF NOT EXISTS broken_" + table + " BEFORE INSERT ON " + table + " BEGIN SELECT RAISE(ABORT, 'as the test wants'); END"
		}
		_, err := h.db.Exec(statement)
		h.check(err)
	}
}

// SCRAM returns the client's two messages of SCRAM-SHA-256, in base64; the
// second answers the last challenge in what was heard.
func SCRAM() (first string, final func(heard string) string) {
	sc := scramClient()
	begin := func() (*scram.ClientConversation, string) {
		c := sc.NewConversation()
		text, err := c.Step("")
		if err != nil {
			panic(err)
		}
		return c, base64.StdEncoding.EncodeToString([]byte(text))
	}
	_, first = begin()
	return first, func(heard string) string {
		// The nonce is always the same, so this conversation is that one.
		c, _ := begin()
		lines := strings.Split(strings.TrimSpace(heard), "\r\n")
		_, challenge, _ := strings.Cut(lines[len(lines)-1], " ")
		text, err := base64.StdEncoding.DecodeString(challenge)
		answer := ""
		if err == nil {
			answer, err = c.Step(string(text))
		}
		if err != nil {
			return "*\r\n" // the server refused before: nothing of it is waited for
		}
		return base64.StdEncoding.EncodeToString([]byte(answer)) + "\r\n"
	}
}

var scramClient = sync.OnceValue(func() *scram.Client {
	c, err := scram.SHA256.NewClient(Login, Password, "")
	if err != nil {
		panic(err)
	}
	return c.WithNonceGenerator(func() string { return "abcdefghijkl" }).WithMinIterations(1)
})

// ErrBroken is a store's error that is nobody's business.
var ErrBroken = errors.New("open /var/lib/secret/path: I/O error")
