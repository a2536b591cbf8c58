package wire

import (
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, client := pipe(t, &Config{Protocol: "imap"})
		got := make(chan string)
		read := func() {
			line, _, err := c.ReadLine(100)
			got <- fmt.Sprintf("%s %v", line, err)
		}
		go read()
		synctest.Wait()
		io.WriteString(client, "DO")
		synctest.Wait()
		c.Interrupt()
		if s := <-got; s != " wire: interrupted" {
			t.Error(s)
		}
		go read()
		io.WriteString(client, "NE\r\n")
		if s := <-got; s != "DONE <nil>" {
			t.Errorf("octets were lost: %s", s)
		}
		// Told before the read begins, and once.
		c.Interrupt()
		c.Interrupt()
		go read()
		if s := <-got; s != " wire: interrupted" {
			t.Error(s)
		}
		go read()
		synctest.Wait()
		io.WriteString(client, "a\r\n")
		if s := <-got; s != "a <nil>" {
			t.Error(s)
		}
		client.Close()
	})
}

// A body is never interrupted; the commands behind it are.
func TestInterruptWaitsForBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, client := pipe(t, &Config{Protocol: "imap"})
		c.SetPhase(Data)
		got := make(chan error)
		go func() { got <- c.Discard(4) }()
		io.WriteString(client, "ab")
		synctest.Wait()
		c.Interrupt()
		synctest.Wait()
		io.WriteString(client, "cd")
		if err := <-got; err != nil {
			t.Error(err)
		}
		c.SetPhase(Commands)
		if _, _, err := c.ReadLine(10); err != ErrInterrupted {
			t.Error(err)
		}
		client.Close()
	})
}

// Interruptions in any number, at any time, lose and double nothing.
func TestInterruptStorm(t *testing.T) {
	each(t, Config{Protocol: "imap"}, func(t *testing.T, c *Conn, client net.Conn) {
		const lines = 3000 // or more, until one was interrupted
		stop := make(chan bool)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					case <-time.After(50 * time.Microsecond):
						c.Interrupt()
					}
				}
			})
		}
		var interrupted atomic.Int64
		go func() {
			for i := 0; i < lines || interrupted.Load() == 0; i++ {
				fmt.Fprintf(client, "line ")
				fmt.Fprintf(client, "%d\r\n", i)
			}
			client.Close()
		}()
		i := 0
		for {
			line, _, err := c.ReadLine(100)
			switch {
			case err == ErrInterrupted:
				interrupted.Add(1)
				continue
			case err == io.EOF:
			case err != nil || string(line) != fmt.Sprintf("line %d", i):
				t.Fatalf("line %d: %q %v", i, line, err)
			default:
				i++
				continue
			}
			break
		}
		close(stop)
		wg.Wait()
		if i < lines {
			t.Errorf("the last line was number %d", i)
		}
	})
}

// Expel ends a connection wherever it is, with a word where one can be said.
func TestExpel(t *testing.T) {
	words := func(err error) string { return "* BYE " + err.Error() }
	for _, tt := range []struct {
		what string
		do   func(c *Conn) error
		said string
	}{
		{"waiting for a command", func(c *Conn) error { _, _, err := c.ReadLine(100); return err }, "* BYE wire: expelled\r\n"},
		{"idling", func(c *Conn) error { c.SetPhase(Idle); _, _, err := c.ReadLine(100); return err }, "* BYE wire: expelled\r\n"},
		{"within a body", func(c *Conn) error { c.SetPhase(Data); return c.Discard(100) }, "* BYE wire: expelled\r\n"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, client := pipe(t, &Config{Protocol: "imap", Refusal: words})
				got := make(chan error, 1)
				go func() { got <- tt.do(c) }()
				io.WriteString(client, "half a li")
				synctest.Wait()
				go c.Expel()
				said, _ := io.ReadAll(client)
				if err := <-got; err != ErrExpelled || string(said) != tt.said {
					t.Errorf("%v, said %q", err, said)
				}
				if err := tt.do(c); err == nil {
					t.Error("it goes on")
				}
				time.Sleep(time.Minute) // the timers
			})
		})
	}
	t.Run("writing to nobody", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, _ := pipe(t, &Config{Protocol: "imap", Refusal: words})
			got := make(chan error, 1)
			go func() {
				for {
					if _, err := c.Write(make([]byte, 64<<10)); err != nil {
						got <- err
						return
					}
				}
			}()
			synctest.Wait()
			began := time.Now()
			c.Expel()
			<-got
			if took := time.Since(began); took > cutTime {
				t.Errorf("it took %v", took)
			}
			time.Sleep(time.Minute)
		})
	})
	// One that takes all it gets is cut in the middle.
	t.Run("a long answer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, client := pipe(t, &Config{Protocol: "imap", Refusal: words})
			go io.Copy(io.Discard, client)
			c.Expel()
			began := time.Now()
			for {
				if _, err := c.Write(make([]byte, 64<<10)); err != nil {
					break
				}
				time.Sleep(time.Millisecond)
			}
			if took := time.Since(began); took > cutTime+lastWords+time.Second {
				t.Errorf("it took %v", took)
			}
			time.Sleep(time.Minute)
		})
	})
}
