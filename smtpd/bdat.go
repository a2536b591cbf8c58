package smtpd

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"posthorn/internal/wire"
)

// chunk is the BDAT command in hand (RFC 3030 §2).
type chunk struct {
	size, left int64
	last       bool
}

// parseChunk reads BDAT's argument: a size, and perhaps LAST.
func parseChunk(arg string) (chunk, bool) {
	size, end, more := strings.Cut(arg, " ")
	n, err := strconv.ParseUint(size, 10, 63)
	if err != nil || size[0] == '+' || len(size) > 20 {
		return chunk{}, false
	}
	if end = strings.Trim(end, " \t"); more && !strings.EqualFold(end, "LAST") {
		return chunk{}, false
	}
	return chunk{size: int64(n), left: int64(n), last: more}, true
}

// badChunk answers a BDAT whose chunk cannot be told from commands: nothing
// that follows may be taken for one.
func badChunk() reply {
	r := syntax("Syntax: BDAT size [LAST]. Closing, since the size of the chunk is not known")
	r.closes = true
	return r
}

// bdat runs BDAT. To go-smtp the whole sequence is one DATA; the later
// commands of it are read by the body (nextChunk).
func (f *front) bdat(arg string) reply {
	c, ok := parseChunk(arg)
	if !ok {
		return badChunk()
	}
	r := f.needRecipients()
	if r.code == 0 {
		f.body = f.newBody(&c)
		return f.ask("DATA", reply{})
	}
	// RFC 3030 §2: the chunk of a refused BDAT is read away.
	if err := f.discardChunk(c.left); err != nil {
		return reply{}
	}
	return r
}

// discardChunk reads octets of a chunk away. With an error the session is over.
func (f *front) discardChunk(n int64) error {
	if n > maxDrain {
		f.say(errDrain.reply)
		return errGone
	}
	if err := f.Discard(n); err != nil {
		f.lost()
		return errGone
	}
	return nil
}

// readChunk gives what is there of the chunk, or goes on to the next.
func (b *body) readChunk(p []byte) (n int, err error) {
	c := b.chunk
	if c.left > b.f.cfg.MaxMessage-b.size {
		return 0, errTooLarge
	}
	if c.left == 0 {
		if !c.last {
			return 0, b.nextChunk()
		}
		if rest := b.lines.finish(b.few[:0]); len(rest) > 0 && !b.binary {
			b.lines.state = atStart
			return copy(p, rest), nil
		}
		return 0, io.EOF
	}
	in, err := b.fill()
	if err != nil {
		return 0, err
	}
	in = in[:min(int64(len(in)), c.left)]
	used := 0
	if b.binary {
		used = copy(p, in)
		n = used
	} else {
		n, used = b.lines.decode(p, in)
	}
	b.f.Consume(used)
	c.left -= int64(used)
	return n, nil
}

// nextChunk answers a chunk that is not the last, and runs what the client
// says until it sends the next, or gives the message up.
func (b *body) nextChunk() error {
	f := b.f
	f.verb = "BDAT"
	f.say(reply{code: 250, enhanced: "2.0.0", text: fmt.Sprintf("%d octets received", b.chunk.size)})
	f.SetPhase(wire.Commands)
	defer f.SetPhase(wire.Data)
	for {
		line, ok := f.readCommand()
		if !ok {
			return errGone
		}
		verb, arg := cutVerb(line)
		switch verb {
		case "BDAT":
			f.verb = verb
			c, ok := parseChunk(arg)
			switch {
			case !ok:
				f.say(badChunk())
				return errGone
			case time.Since(b.since) > maxChunks:
				f.say(f.closing("4.4.2", "The message takes too long: closing"))
				return errGone
			}
			*b.chunk = c
			return nil
		case "RSET", "QUIT", "HELO", "EHLO":
			if f.endsTransaction(verb, arg) {
				f.again = line
				return errAborted
			}
			f.say(f.dispatch(line)) // refuses it
		case "MAIL", "RCPT", "DATA", "AUTH", "STARTTLS":
			f.verb = verb
			if verb == "AUTH" {
				f.hide(arg)
			}
			f.say(f.mistake(badSequence("Not between the chunks of a message: BDAT goes on, RSET gives it up")))
		default:
			f.say(f.dispatch(line))
		}
		if f.gone {
			return errGone
		}
	}
}

// endsTransaction tells whether the command, run, ends the transaction: a
// command that is refused leaves all as it is (RFC 5321 §4.1.4).
func (f *front) endsTransaction(verb, arg string) bool {
	switch verb {
	case "RSET", "QUIT":
		return arg == ""
	}
	return f.checkHello(verb, arg).code == 0
}

// drainChunk reads the rest of the chunk in hand away. If the client gave the
// sequence up, there is none.
func (b *body) drainChunk() error {
	if b.f.again != "" {
		return errAborted
	}
	n := b.chunk.left
	b.chunk.left = 0
	return b.f.discardChunk(n)
}
