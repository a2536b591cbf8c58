package wire

import (
	"bufio"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func refusal(err error) string { return "-ERR " + err.Error() }

// drip writes a piece again and again until the connection ends.
func drip(client net.Conn, piece string, every time.Duration) {
	for {
		if _, err := io.WriteString(client, piece); err != nil {
			return
		}
		time.Sleep(every)
	}
}

// How long does a client live that behaves so in such a phase?
func TestDeadlines(t *testing.T) {
	const s, m = time.Second, time.Minute
	for _, tt := range []struct {
		name     string
		protocol string
		phase    Phase
		loggedIn bool
		piece    string // sent again and again; empty: silence
		every    time.Duration
		from, to time.Duration // how long it lives
	}{
		{"silent before login", "pop3", Login, false, "", 0, 3 * m, 3 * m},
		{"trickle before login", "pop3", Login, false, "x", 3 * s, m, m},
		{"trickle of lines before login", "pop3", Login, false, "\r\nCAPA", 3 * s, m, m},
		{"lines before login", "imap", Login, false, "a NOOP\r\n", 10 * s, 3 * m, 3 * m},
		{"body before login", "imap", Data, false, "0123456789abcdef0123456789abcdef0123456789abcdef", s / 10, m, m},
		{"commands before login", "submission", Commands, false, "NOOP\r\n", 10 * s, 3 * m, 3 * m},
		{"silent on 25", "smtp", Commands, false, "", 0, 5 * m, 5 * m},
		{"trickle on 25", "smtp", Commands, false, "x", 3 * s, m, m},
		{"silent on submission", "submission", Commands, true, "", 0, 5 * m, 5 * m},
		{"silent pop3", "pop3", Commands, true, "", 0, 10 * m, 10 * m},
		{"silent imap", "imap", Commands, true, "", 0, 30 * m, 30 * m},
		{"lines in pop3", "pop3", Commands, true, "NOOP\r\n", 9 * m, 10 * time.Hour, 0},
		{"trickle in imap", "imap", Commands, true, "x", 3 * s, m, m},
		{"idle", "imap", Idle, true, "", 0, 35 * m, 35 * m},
		{"silent body", "smtp", Data, false, "", 0, 3 * m, 3 * m},
		{"trickle of a body", "smtp", Data, false, "x", 3 * s, 50 * s, m},
		{"slow body", "smtp", Data, false, "0123456789", s / 20, time.Hour, time.Hour},
		{"body in bursts", "smtp", Data, false, string(make([]byte, 30000)), 2 * m, time.Hour, time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, client := pipe(t, &Config{Protocol: tt.protocol, Refusal: refusal})
				if tt.loggedIn {
					c.Authenticated("a")
				}
				c.SetPhase(tt.phase)
				begun := time.Now()
				var dripping sync.WaitGroup
				if tt.piece != "" {
					dripping.Go(func() { drip(client, tt.piece, tt.every) })
				}
				defer dripping.Wait()
				said := make(chan string)
				go func() {
					line, _ := bufio.NewReader(client).ReadString('\n')
					said <- line
				}()
				err := readOn(c, tt.phase, 11*time.Hour)
				lived := time.Since(begun)
				client.Close()
				if tt.to == 0 {
					if lived < tt.from {
						t.Errorf("%v after %v", err, lived)
					}
					<-said
					return
				}
				if err != ErrTimeout || lived < tt.from || lived > tt.to {
					t.Errorf("%v after %v, not between %v and %v", err, lived, tt.from, tt.to)
				}
				if line := <-said; line != "-ERR wire: timed out\r\n" {
					t.Errorf("said %q", line)
				}
				if _, _, err := c.ReadLine(10); err != ErrTimeout {
					t.Errorf("not latched: %v", err)
				}
			})
		})
	}
}

// readOn reads lines or body octets until that fails, or time is up.
func readOn(c *Conn, p Phase, most time.Duration) error {
	for begun := time.Now(); time.Since(begun) < most; {
		if p == Data {
			b, err := c.Fill()
			if err != nil {
				return err
			}
			c.Consume(len(b))
		} else if _, _, err := c.ReadLine(1 << 20); err != nil {
			return err
		}
	}
	return nil
}

// A good start buys no slow end.
func TestBodySlowsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, client := pipe(t, &Config{Protocol: "smtp"})
		c.SetPhase(Data)
		var dripping sync.WaitGroup
		dripping.Go(func() {
			for range 100 {
				client.Write(make([]byte, 20000))
				time.Sleep(time.Second)
			}
			drip(client, "x", 3*time.Second)
		})
		begun := time.Now()
		err := readOn(c, Data, time.Hour)
		if lived := time.Since(begun); err != ErrTimeout || lived < 150*time.Second || lived > 220*time.Second {
			t.Errorf("%v after %v", err, lived)
		}
		client.Close()
		dripping.Wait()
	})
}

// What the server does meanwhile is not held against the client, and being
// interrupted gives no new time.
func TestCommandsDeadlineCountsWaitingOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, client := pipe(t, &Config{Protocol: "pop3"})
		c.Authenticated("a")
		time.Sleep(20 * time.Minute) // a long answer
		begun := time.Now()
		stop := make(chan bool)
		go func() {
			for {
				select {
				case <-time.After(time.Minute):
					c.Interrupt()
				case <-stop:
					return
				}
			}
		}()
		var err error
		for err = ErrInterrupted; err == ErrInterrupted; {
			_, _, err = c.ReadLine(10)
		}
		if lived := time.Since(begun); err != ErrTimeout || lived != 10*time.Minute {
			t.Errorf("%v after %v", err, lived)
		}
		close(stop)
		client.Close()
	})
}

// Who has thought for a minute and a half may send in pieces what was thought of.
func TestPiecesAfterThinking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, client := pipe(t, &Config{Protocol: "imap"})
		go func() {
			time.Sleep(90 * time.Second)
			for _, piece := range []string{"a", " LOGIN", " x y", "\r\n"} {
				time.Sleep(time.Second)
				io.WriteString(client, piece)
			}
		}()
		if line, _, err := c.ReadLine(100); err != nil || string(line) != "a LOGIN x y" {
			t.Errorf("%q, %v", line, err)
		}
		client.Close()
	})
}

// A literal before login, which is read with Fill, must come within the minute.
func TestTrickleOfALiteralBeforeLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, client := pipe(t, &Config{Protocol: "imap"})
		var dripping sync.WaitGroup
		dripping.Go(func() { drip(client, "x", 12*time.Second) })
		go io.Copy(io.Discard, client)
		begun := time.Now()
		for {
			b, err := c.Fill()
			if err != nil {
				if lived := time.Since(begun); err != ErrTimeout || lived != time.Minute {
					t.Errorf("%v after %v", err, lived)
				}
				break
			}
			c.Consume(len(b))
		}
		client.Close()
		dripping.Wait()
	})
}

func TestUnauthenticateStartsLoginAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, client := pipe(t, &Config{Protocol: "imap"})
		c.Authenticated("a")
		time.Sleep(time.Hour)
		c.Authenticated("")
		begun := time.Now()
		if _, _, err := c.ReadLine(10); err != ErrTimeout || time.Since(begun) != 3*time.Minute {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		client.Close()
	})
}

func TestWriteTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, client := pipe(t, &Config{Protocol: "imap"})
		begun := time.Now()
		var err error
		for err == nil {
			_, err = c.Write(make([]byte, 1000))
		}
		if !errors.Is(err, ErrTimeout) || time.Since(begun) != 5*time.Minute {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		if _, _, err := c.ReadLine(10); !errors.Is(err, ErrTimeout) {
			t.Errorf("the read goes on: %v", err)
		}
		client.Close()
	})
}

// A client has its five minutes for 64 KiB, however large the answer: who reads
// steadily gets all of it, who reads an octet now and then does not live by that.
func TestSlowReaders(t *testing.T) {
	for _, tt := range []struct {
		name  string
		piece int64
		every time.Duration
		lives bool
	}{
		{"64 KiB in four minutes", 64 << 10, 4 * time.Minute, true},
		{"16 KiB in two minutes", 16 << 10, 2 * time.Minute, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, client := pipe(t, &Config{Protocol: "imap"})
				wrote := make(chan error)
				begun := time.Now()
				go func() {
					_, err := c.WriteBody(make([]byte, 1<<20))
					wrote <- err
				}()
				go func() {
					for {
						if _, err := io.CopyN(io.Discard, client, tt.piece); err != nil {
							return
						}
						time.Sleep(tt.every)
					}
				}()
				err := <-wrote
				if lived := time.Since(begun); tt.lives && (err != nil || lived < time.Hour) || !tt.lives && (!errors.Is(err, ErrTimeout) || lived != 5*time.Minute) {
					t.Errorf("%v after %v", err, lived)
				}
				client.Close()
				time.Sleep(tt.every) // the reader's end
			})
		})
	}
}

// The farewell to a client that reads nothing is not waited for long.
func TestFarewellIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, client := pipe(t, &Config{Protocol: "pop3", Refusal: refusal})
		begun := time.Now()
		if _, _, err := c.ReadLine(10); err != ErrTimeout || time.Since(begun) != 3*time.Minute+2*time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		client.Close()
	})
}

// halfCloser is a pipe that can be closed for writing, as a socket can.
type halfCloser struct {
	net.Conn
	read int
}

func (h *halfCloser) CloseWrite() error { return nil }

func (h *halfCloser) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	h.read += n
	return n, err
}

// What a client goes on sending is read away after the last words, for a second
// and up to 256 KiB.
func TestLingerIsBounded(t *testing.T) {
	for _, tt := range []struct {
		name  string
		piece int
		every time.Duration
		most  int // octets
		lives time.Duration
	}{
		{"trickle", 1, 100 * time.Millisecond, 1 + 10, time.Second},
		{"flood", 4 << 10, 0, 256<<10 + 4<<10, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, client := net.Pipe()
				sock := &halfCloser{Conn: a}
				c := NewConn(sock, &Config{Protocol: "smtp"})
				c.SetPhase(Data)
				var dripping sync.WaitGroup
				dripping.Go(func() { drip(client, string(make([]byte, tt.piece)), tt.every) })
				c.Fill()
				begun := time.Now()
				c.Hangup("")
				if lived := time.Since(begun); lived != tt.lives || sock.read > tt.most || sock.read < tt.most*9/10 {
					t.Errorf("%d octets are read in %v, of at most %d in %v", sock.read, lived, tt.most, tt.lives)
				}
				dripping.Wait()
			})
		})
	}
}
