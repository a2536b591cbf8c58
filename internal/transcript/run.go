package transcript

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Fixture is the server that a transcript is run against.
//
// A transcript runs in a synctest bubble: time passes only when everybody
// waits, and all goroutines of the server must have ended when the cleanups
// (t.Cleanup) have. Connections should be pipes then; on real sockets time does
// not pass, so that "advance" and time-outs cannot be tested.
type Fixture struct {
	// Dial opens a connection; args is what stands behind "open".
	Dial func(args string) (net.Conn, error)
	// TLS is the client's configuration for "tls".
	TLS *tls.Config
	// Hooks are the daemon's own steps. What one returns is compared with the
	// "=" steps behind it.
	Hooks map[string]func(args string) (string, error)
	// Vars are variables that are there from the beginning.
	Vars map[string]string
}

// Run runs the transcripts that pattern names, each a subtest with its own
// Fixture.
func Run(t *testing.T, pattern string, setup func(t *testing.T) *Fixture) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %s %v", pattern, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				if err := play(text, setup(t)); err != nil {
					t.Errorf("%s:%v", file, err)
				}
			})
		})
	}
}

// player runs one transcript.
type player struct {
	*script
	fix     *Fixture
	clients map[string]*client
	vars    map[string]string
	forbid  map[string][]*regexp.Regexp // by connection, until its next send
	output  []string                    // of the last hook
	log     []string                    // what was said, for a failure's report
}

// play runs a transcript. Its error begins with the line that failed.
func play(text []byte, fix *Fixture) error {
	s, err := parse(text)
	if err != nil {
		return err
	}
	p := &player{script: s, fix: fix, clients: map[string]*client{}, vars: map[string]string{}, forbid: map[string][]*regexp.Regexp{}}
	for k, v := range fix.Vars {
		p.vars[k] = v
	}
	defer func() {
		for _, c := range p.clients {
			c.close()
		}
	}()
	for i := 0; i < len(s.steps); {
		n, err := p.step(s.steps[i:])
		if err != nil {
			return fmt.Errorf("%d: %w\n%s", s.steps[i].line, err, strings.Join(p.log[max(0, len(p.log)-40):], "\n"))
		}
		i += n
	}
	return nil
}

// step runs the first of steps, with those that belong to it, and says how many
// they were.
func (p *player) step(steps []step) (n int, err error) {
	st := steps[0]
	together := func(ops ...string) int {
		n := 0
		for n < len(steps) && steps[n].conn == st.conn && slices.Contains(ops, steps[n].op) {
			n++
		}
		return n
	}
	switch {
	case st.op == "=":
		n = together("=")
		return n, p.compareOutput(steps[:n])
	case st.conn == "":
		return 1, p.hook(st)
	}
	c, err := p.client(st)
	if err != nil {
		return 1, err
	}
	switch {
	case st.op[0] == '-':
		return 1, p.send(c, st)
	case strings.HasPrefix(st.op, "<*"):
		n = together("<*", "<*~")
		return n, p.anyOrder(c, steps[:n])
	case st.op[0] == '<':
		return 1, p.receive(c, st)
	}
	return 1, p.act(c, st)
}

// client finds the step's connection, or opens it.
func (p *player) client(st step) (*client, error) {
	c := p.clients[st.conn]
	if c != nil && st.op != "open" {
		return c, nil
	}
	if c != nil {
		c.close()
	}
	args := ""
	if st.op == "open" {
		args = st.text
	}
	conn, err := p.fix.Dial(args)
	if err != nil {
		return nil, err
	}
	p.clients[st.conn] = newClient(conn)
	return p.clients[st.conn], nil
}

func (p *player) note(format string, args ...any) {
	p.log = append(p.log, "\t"+fmt.Sprintf(format, args...))
}

func (p *player) send(c *client, st step) error {
	if err := p.checkForbidden(c, st.conn); err != nil {
		return err
	}
	delete(p.forbid, st.conn)
	text, err := p.expand(st.text, p.vars, verbatim)
	if err != nil {
		return err
	}
	switch st.op {
	case "->":
		text += "\r\n"
	case "->q":
		text, err = strconv.Unquote(text)
	case "->@":
		text, err = p.block(text)
	case "->.":
		var lines []string
		lines, err = p.lines(text, true)
		text = strings.Join(lines, "\r\n") + "\r\n"
	}
	if err != nil {
		return err
	}
	p.note("%s -> %q", st.conn, text)
	return c.send(text)
}

func verbatim(s string) string { return s }

// receive runs a step that reads.
func (p *player) receive(c *client, st step) error {
	switch st.op {
	case "<!":
		re, err := p.pattern(st.text)
		p.forbid[st.conn] = append(p.forbid[st.conn], re)
		return err
	case "<@", "<.":
		lines, err := p.lines(st.text, st.op == "<.")
		for _, want := range lines {
			if err = p.expect(c, st.conn, literally(want), want); err != nil {
				break
			}
		}
		return err
	case "<q":
		want, err := strconv.Unquote(st.text)
		if err != nil {
			return err
		}
		got, err := c.octets(len(want))
		p.note("%s <- %q", st.conn, got)
		if err == nil && got != want {
			err = fmt.Errorf("got %q, want %q", got, want)
		}
		return err
	}
	match, err := p.matcher(st)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(st.op, "<...") {
		return p.expect(c, st.conn, match, st.text)
	}
	for {
		line, err := p.line(c, st.conn)
		if err != nil {
			return fmt.Errorf("looking for %s: %w", st.text, err)
		}
		if match(line) {
			return nil
		}
	}
}

// expect reads a line that must match.
func (p *player) expect(c *client, conn string, match func(string) bool, want string) error {
	line, err := p.line(c, conn)
	if err != nil {
		return fmt.Errorf("want %q: %w", want, err)
	}
	if !match(line) {
		return fmt.Errorf("got %q, want %q", line, want)
	}
	return nil
}

// anyOrder reads as many lines as there are steps, and pairs them.
func (p *player) anyOrder(c *client, steps []step) error {
	left := slices.Clone(steps)
	for range steps {
		line, err := p.line(c, steps[0].conn)
		if err != nil {
			return fmt.Errorf("want %s: %w", texts(left), err)
		}
		i := 0
		for ; i < len(left); i++ {
			match, err := p.matcher(left[i])
			if err != nil {
				return err
			}
			if match(line) {
				break
			}
		}
		if i == len(left) {
			return fmt.Errorf("got %q, want one of %s", line, texts(left))
		}
		left = slices.Delete(left, i, i+1)
	}
	return nil
}

func texts(steps []step) string {
	var all []string
	for _, st := range steps {
		all = append(all, strconv.Quote(st.text))
	}
	return strings.Join(all, ", ")
}

// line reads a line and holds it against what is forbidden.
func (p *player) line(c *client, conn string) (string, error) {
	line, err := c.line()
	if err != nil {
		return "", err
	}
	p.note("%s <- %s", conn, line)
	return line, p.forbidden(conn, line)
}

func (p *player) forbidden(conn, line string) error {
	for _, re := range p.forbid[conn] {
		if re.MatchString(line) {
			return fmt.Errorf("%q came, which must not: %v", line, re)
		}
	}
	return nil
}

// checkForbidden looks at the lines that have come and were not read.
func (p *player) checkForbidden(c *client, conn string) error {
	if len(p.forbid[conn]) == 0 {
		return nil
	}
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	for line := range strings.SplitSeq(string(c.unread), "\r\n") {
		if err := p.forbidden(conn, line); err != nil {
			return err
		}
	}
	return nil
}

// matcher is the test of a line that a step makes.
func (p *player) matcher(st step) (func(string) bool, error) {
	if !strings.HasSuffix(st.op, "~") {
		want, err := p.expand(st.text, p.vars, verbatim)
		return literally(want), err
	}
	re, err := p.pattern(st.text)
	if err != nil {
		return nil, err
	}
	return func(line string) bool {
		m := re.FindStringSubmatch(line)
		for i, name := range re.SubexpNames() {
			if m != nil && name != "" {
				p.vars[name] = m[i]
			}
		}
		return m != nil
	}, nil
}

func literally(want string) func(string) bool {
	return func(line string) bool { return line == want }
}

func (p *player) pattern(text string) (*regexp.Regexp, error) {
	text, err := p.expand(text, p.vars, regexp.QuoteMeta)
	if err != nil {
		return nil, err
	}
	return regexp.Compile("^(?:" + text + ")$")
}

// act runs a step that is about the connection itself.
func (p *player) act(c *client, st step) error {
	p.note("%s %s", st.conn, st.op)
	switch st.op {
	case "open":
		return nil
	case "tls":
		return c.startTLS(p.fix.TLS)
	case "deflate", "inflate":
		return c.deflate(st.op == "deflate")
	case "close":
		err := p.checkForbidden(c, st.conn)
		c.close()
		delete(p.clients, st.conn)
		return err
	case "half":
		return c.halfClose()
	case "eof":
		return c.eof()
	case "quiet":
		synctest.Wait()
		return c.nothingUnread()
	}
	return fmt.Errorf("no step %q", st.op)
}

// hook runs a step that is about no connection.
func (p *player) hook(st step) error {
	text, err := p.expand(st.text, p.vars, verbatim)
	if err != nil {
		return err
	}
	p.note("%s %s", st.op, text)
	switch st.op {
	case "advance":
		d, err := time.ParseDuration(text)
		time.Sleep(d)
		synctest.Wait()
		return err
	case "wait":
		synctest.Wait()
		return nil
	}
	f := p.fix.Hooks[st.op]
	if f == nil {
		return fmt.Errorf("no hook %q", st.op)
	}
	out, err := f(text)
	p.output = nil
	if out = strings.TrimSuffix(out, "\n"); out != "" {
		p.output = strings.Split(out, "\n")
	}
	return err
}

func (p *player) compareOutput(steps []step) error {
	var want []string
	for _, st := range steps {
		text, err := p.expand(st.text, p.vars, verbatim)
		if err != nil {
			return err
		}
		want = append(want, text)
	}
	if !slices.Equal(p.output, want) {
		return errors.New("the hook returned\n\t\t" + strings.Join(p.output, "\n\t\t") + "\n\tbut should\n\t\t" + strings.Join(want, "\n\t\t"))
	}
	return nil
}
