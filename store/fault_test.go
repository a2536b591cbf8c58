package store

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"

	"posthorn/internal/mail"
)

// childDir is set in the environment of a test binary that is run once more,
// as a process of its own, to be killed or crippled.
const childDir = "POSTHORN_STORE_TEST_DIR"

// child starts the test of the same name again in a process of its own.
func child(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

// Whatever was answered before a kill is there after it, and nothing is half
// there.
func TestKilledUnderLoad(t *testing.T) {
	if dir := os.Getenv(childDir); dir != "" {
		deliverForEver(t, dir)
		return
	}
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(7, 8))
	var acknowledged []string
	for range 3 {
		cmd := child(t, dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		left := 20 + r.IntN(100)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if what, ok := strings.CutPrefix(lines.Text(), "acknowledged "); ok {
				acknowledged = append(acknowledged, what)
				if left--; left == 0 {
					cmd.Process.Kill() // what is in the pipe already counts too
				}
			}
		}
		cmd.Wait()
		if left > 0 {
			t.Fatal("the child ended by itself")
		}
		s, err := Open(t.Context(), Config{Dir: dir, Report: func(msg string, args ...any) { t.Error(msg, args) }})
		if err != nil {
			t.Fatal(err)
		}
		there := make(map[string]int)
		id, err := s.Account(t.Context(), mustParse("alice@crepes.fr"))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list(t, s, inboxOf(t, s, id.ID).ID, everything, WantHeader) {
			there[strings.TrimSpace(string(m.Header))]++
		}
		for _, what := range acknowledged {
			if there["Message-ID: "+what] != 1 {
				t.Errorf("%s was acknowledged and is there %d times", what, there["Message-ID: "+what])
			}
		}
		closeChecked(t, s)
	}
}

// deliverForEver is the child: it says what was acknowledged.
func deliverForEver(t *testing.T, dir string) {
	s, err := Open(t.Context(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	account, err := s.Account(t.Context(), mustParse("alice@crepes.fr"))
	if errors.Is(err, mail.ErrNoSuchUser) {
		account.ID = addUser(t, s, "alice@crepes.fr")
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				what := fmt.Sprintf("<%d.%d.%d@x>", os.Getpid(), w, i)
				size := 1000
				if i%10 == 5 {
					size = 2 << 20
				}
				deliver(t, s, "Message-ID: "+what+"\r\n\r\n"+string(incompressible(size)), Copy{Account: account.ID})
				mu.Lock()
				fmt.Println("acknowledged " + what)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

// When the disk fails a commit, nothing is answered as kept, nothing more is
// written, and what is there can be read.
func TestCommitFails(t *testing.T) {
	if dir := os.Getenv(childDir); dir != "" {
		failACommit(t, dir)
		return
	}
	dir := t.TempDir()
	cmd := child(t, dir)
	cmd.Stdout = os.Stdout
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	s := openTestIn(t, Config{Dir: dir})
	id, err := s.Account(t.Context(), mustParse("alice@crepes.fr"))
	if err != nil {
		t.Fatal(err)
	}
	if n := inboxOf(t, s, id.ID).Messages; n != 1 {
		t.Errorf("%d messages are there, 1 was acknowledged", n)
	}
}

// failACommit is the child: it lets no file grow any more, so that writing the
// log fails with EFBIG.
func failACommit(t *testing.T, dir string) {
	signal.Ignore(syscall.SIGXFSZ)
	s, err := Open(t.Context(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	id := addUser(t, s, "alice@crepes.fr")
	kept := deliver(t, s, someMessage, Copy{Account: id})
	info, err := os.Stat(s.cfg.Dir + "/" + databaseFile + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	limit := syscall.Rlimit{Cur: uint64(info.Size()), Max: uint64(info.Size())}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		_, err := s.Accept(t.Context(), Delivery{Body: writeBody(t, s, someMessage), Copies: []Copy{{Account: id}}})
		if !errors.Is(err, mail.ErrUnavailable) {
			t.Errorf("delivery %d: %v", i, err)
		}
	}
	select {
	case <-s.Failed():
	case <-time.After(time.Minute):
		t.Error("Failed is not closed")
	}
	if octets(t, s, kept.Content) != someMessage {
		t.Error("what is there cannot be read")
	}
}

func TestErrorKinds(t *testing.T) {
	errIO := sqlite3.ErrIoErr
	for _, tt := range []struct {
		err               sqlite3.Error
		kind              error
		fatal, fatalAtEnd bool
	}{
		{sqlite3.Error{Code: sqlite3.ErrFull}, mail.ErrNoSpace, false, false},
		{sqlite3.Error{Code: errIO, SystemErrno: syscall.EDQUOT}, mail.ErrNoSpace, false, false},
		{sqlite3.Error{Code: errIO, SystemErrno: syscall.EROFS}, mail.ErrUnavailable, false, false},
		{sqlite3.Error{Code: sqlite3.ErrReadonly}, mail.ErrUnavailable, false, false},
		{sqlite3.Error{Code: errIO, ExtendedCode: errIO.Extend(4), SystemErrno: syscall.EIO}, mail.ErrUnavailable, true, true},
		{sqlite3.Error{Code: errIO, ExtendedCode: errIO.Extend(5), SystemErrno: syscall.EIO}, mail.ErrUnavailable, true, true},
		{sqlite3.Error{Code: errIO, ExtendedCode: errIO.Extend(3), SystemErrno: syscall.EIO}, mail.ErrUnavailable, false, true},
		{sqlite3.Error{Code: errIO, ExtendedCode: errIO.Extend(1), SystemErrno: syscall.EIO}, mail.ErrUnavailable, false, true},
		{sqlite3.Error{Code: sqlite3.ErrCorrupt}, mail.ErrCorrupt, false, false},
	} {
		wrapped := fmt.Errorf("somewhere: %w", tt.err)
		if !errors.Is(classify(wrapped), tt.kind) {
			t.Errorf("%#v is classified as %v", tt.err, classify(wrapped))
		}
		if isFatal(wrapped, false) != tt.fatal || isFatal(wrapped, true) != tt.fatalAtEnd {
			t.Errorf("%#v is fatal: %t, at COMMIT %t", tt.err, isFatal(wrapped, false), isFatal(wrapped, true))
		}
	}
	if err := errors.New("mine"); classify(err) != err || isFatal(err, true) {
		t.Error("another error is taken for SQLite's")
	}
}

// The log is begun anew however busy the writer is, and also when readers hold
// it up for a while.
func TestLogIsBounded(t *testing.T) {
	s := openTest(t)
	const start = 2 << 20
	s.checkpointer.start = start
	id := addUser(t, s, "alice@crepes.fr")
	most := int64(0)
	for i := range 40 {
		b := s.NewBody(t.Context())
		writeAll(t, b, incompressible(500_000))
		if _, err := s.Accept(t.Context(), Delivery{Body: b, Copies: []Copy{{Account: id}}}); err != nil {
			t.Fatal(err)
		}
		if i%10 == 5 { // a reader that is slow
			err := s.read(t.Context(), func(tx *readTx) error {
				if err := tx.row("SELECT count(*) FROM messages").Scan(new(int)); err != nil {
					return err
				}
				deliver(t, s, someMessage, Copy{Account: id})
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		info, err := os.Stat(s.cfg.Dir + "/" + databaseFile + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, info.Size())
	}
	if most > 3*start {
		t.Errorf("the log grew to %d octets", most)
	}
}
