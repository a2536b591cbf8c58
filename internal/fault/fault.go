// Package fault has the faults that a teacher can have a server make on demand,
// so that a class sees what becomes of them. A server asks at a few named places
// whether one is armed there; while none is, that costs an atomic load.
package fault

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"posthorn/internal/explain"
)

// Kinds of fault, by protocol; Kinds has the whole table.
const (
	Connect     = "connect"     // smtp: 421 in place of the greeting, and the end
	Reply       = "reply"       // smtp: Code at Command
	Drop        = "drop"        // smtp: the connection is cut in the middle of DATA; pop3: of RETR; imap: of FETCH's answer
	Full        = "full"        // smtp: Code (452 or 552) at RCPT; imap: NO [OVERQUOTA] at APPEND, COPY and MOVE
	Slow        = "slow"        // the client gets SlowRate octets a second
	InUse       = "in-use"      // pop3: -ERR [IN-USE] at login
	Bye         = "bye"         // imap: * BYE at the next command, and the end
	UIDValidity = "uidvalidity" // imap: SELECT tells another UIDVALIDITY
)

// SlowRate is how many octets a second a slow link carries to the client.
const SlowRate = 100

// maxArmed is how many faults may be armed at once.
const maxArmed = 50

// maxTimes is how often a fault may go off, where it is not for ever.
const maxTimes = 1000

// EndOfData is the Command of a reply to a message, after its final dot.
const EndOfData = "."

// Fault is a fault on demand.
type Fault struct {
	ID int `json:"id,omitempty"`
	// Server is where; empty is on each.
	Server string `json:"server,omitempty"`
	// Protocol is "smtp" (submission too), "pop3" or "imap".
	Protocol string `json:"protocol"`
	Kind     string `json:"kind"`
	// Command is the verb at which it goes off, for Reply; "." is the end of a
	// message.
	Command string `json:"command,omitempty"`
	// Code is the SMTP reply to give, for Reply and Full.
	Code int `json:"code,omitempty"`
	// Times it is still to go off; 0 is until it is removed.
	Times int `json:"times"`
	// NextSession: it goes off only in the session that begins next, and is
	// removed when that ends.
	NextSession bool `json:"next_session,omitempty"`
	// Session is the session that this has come to be, once it has begun.
	Session string `json:"session,omitempty"`
}

// Kind is a fault that can be armed.
type Kind struct {
	Protocol string   `json:"protocol"`
	Kind     string   `json:"kind"`
	Commands []string `json:"commands,omitempty"`
	Codes    []int    `json:"codes,omitempty"`
	// Replies are those of Codes that each of Commands may be answered with.
	Replies map[string][]int `json:"replies,omitempty"`
}

// replyKind is Reply: no command is ever answered with a code that the protocol
// does not have there, on demand neither.
func replyKind() Kind {
	k := Kind{Protocol: "smtp", Kind: Reply, Commands: []string{"EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", EndOfData},
		Replies: map[string][]int{}}
	for _, command := range k.Commands {
		row := command
		if row == EndOfData {
			row = "DATA"
		}
		for _, code := range []int{421, 450, 451, 452, 454, 455, 530, 535, 538, 550, 551, 552, 553, 554, 555} {
			if !explain.MayAnswer(row, code) {
				continue
			}
			k.Replies[command] = append(k.Replies[command], code)
			if !slices.Contains(k.Codes, code) {
				k.Codes = append(k.Codes, code)
			}
		}
	}
	slices.Sort(k.Codes)
	return k
}

// Kinds are all faults that can be armed.
func Kinds() []Kind {
	return []Kind{
		{Protocol: "smtp", Kind: Connect},
		replyKind(),
		{Protocol: "smtp", Kind: Drop},
		{Protocol: "smtp", Kind: Full, Codes: []int{452, 552}},
		{Protocol: "smtp", Kind: Slow},
		{Protocol: "pop3", Kind: InUse},
		{Protocol: "pop3", Kind: Drop},
		{Protocol: "pop3", Kind: Slow},
		{Protocol: "imap", Kind: Bye},
		{Protocol: "imap", Kind: UIDValidity},
		{Protocol: "imap", Kind: Full},
		{Protocol: "imap", Kind: Drop},
		{Protocol: "imap", Kind: Slow},
	}
}

// ErrUnknown: there is no such fault.
var ErrUnknown = errors.New("fault: there is no such fault")

// Check says what is wrong with a fault that is to be armed, and fills in what
// may be left out. ErrUnknown.
func (f *Fault) Check() error {
	i := slices.IndexFunc(Kinds(), func(k Kind) bool { return k.Protocol == f.Protocol && k.Kind == f.Kind })
	if i < 0 {
		return fmt.Errorf("%w: %s %s", ErrUnknown, f.Protocol, f.Kind)
	}
	k := Kinds()[i]
	f.Command = strings.ToUpper(f.Command)
	if f.Kind == Full && f.Protocol == "smtp" && f.Code == 0 {
		f.Code = 452
	}
	if !slices.Contains(k.Commands, f.Command) && (f.Command != "" || k.Commands != nil) {
		return fmt.Errorf("%w: %s at %q", ErrUnknown, f.Kind, f.Command)
	}
	if codes, ok := k.Replies[f.Command]; ok {
		k.Codes = codes
	}
	if !slices.Contains(k.Codes, f.Code) && (f.Code != 0 || k.Codes != nil) {
		return fmt.Errorf("%w: %s with %d", ErrUnknown, f.Kind, f.Code)
	}
	if f.Times < 0 || f.Times > maxTimes {
		return fmt.Errorf("%w: %d times", ErrUnknown, f.Times)
	}
	f.Session = ""
	return nil
}

// String is the fault in few words.
func (f *Fault) String() string {
	words := []string{f.Protocol, f.Kind}
	if f.Command != "" {
		words = append(words, f.Command)
	}
	if f.Code != 0 {
		words = append(words, fmt.Sprint(f.Code))
	}
	return strings.Join(words, " ")
}

// Set is what is armed on one server. A nil Set has nothing. Any goroutine may
// use it.
type Set struct {
	armed atomic.Int32
	// Spent is told of each fault that will not go off again; nil: nobody. It is
	// called without a lock.
	Spent func(Fault)

	mu   sync.Mutex
	list []Fault
}

// Arm arms a fault that Check has passed. False: there are too many.
func (s *Set) Arm(f Fault) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) >= maxArmed {
		return false
	}
	s.list = append(s.list, f)
	s.armed.Store(int32(len(s.list)))
	return true
}

// Remove disarms the fault of an ID, or all with 0, and returns what it was.
func (s *Set) Remove(id int) []Fault {
	if s == nil {
		return nil
	}
	return s.remove(func(f *Fault) bool { return id == 0 || f.ID == id })
}

func (s *Set) remove(gone func(f *Fault) bool) (removed []Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = slices.DeleteFunc(s.list, func(f Fault) bool {
		if !gone(&f) {
			return false
		}
		removed = append(removed, f)
		return true
	})
	s.armed.Store(int32(len(s.list)))
	return removed
}

// Armed lists what is armed.
func (s *Set) Armed() []Fault {
	if s == nil || s.armed.Load() == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.list)
}

// family is the protocol as faults name it.
func family(protocol string) string {
	if protocol == "submission" {
		return "smtp"
	}
	return protocol
}

// Begin tells of a session that begins: faults for the next one are for it.
func (s *Set) Begin(session, protocol string) {
	if s == nil || s.armed.Load() == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.list {
		if f := &s.list[i]; f.NextSession && f.Session == "" && f.Protocol == family(protocol) {
			f.Session = session
		}
	}
}

// End tells of a session that has ended.
func (s *Set) End(session string) {
	if s == nil || s.armed.Load() == 0 {
		return
	}
	s.tellSpent(s.remove(func(f *Fault) bool { return f.Session == session }))
}

// Hit asks whether a fault goes off here, and counts it where it does. command
// is the verb at hand.
func (s *Set) Hit(session, protocol, kind, command string) (Fault, bool) {
	if s == nil || s.armed.Load() == 0 {
		return Fault{}, false
	}
	hit, spent, ok := s.hit(session, family(protocol), kind, command)
	if spent {
		s.tellSpent([]Fault{hit})
	}
	return hit, ok
}

func (s *Set) hit(session, protocol, kind, command string) (hit Fault, spent, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.list {
		f := &s.list[i]
		if f.Protocol != protocol || f.Kind != kind || f.Command != "" && !strings.EqualFold(f.Command, command) {
			continue
		}
		if f.NextSession && f.Session != session {
			continue
		}
		hit = *f
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				spent = true
				s.list = slices.Delete(s.list, i, i+1)
				s.armed.Store(int32(len(s.list)))
			}
		}
		return hit, spent, true
	}
	return Fault{}, false, false
}

func (s *Set) tellSpent(list []Fault) {
	if s.Spent == nil {
		return
	}
	for _, f := range list {
		s.Spent(f)
	}
}

// Parse reads what String writes: protocol, kind, and where there are any
// command and code. The fault goes off once. ErrUnknown.
func Parse(s string) (Fault, error) {
	words := strings.Fields(s)
	f := Fault{Times: 1}
	if len(words) < 2 {
		return f, fmt.Errorf("%w: %q", ErrUnknown, s)
	}
	f.Protocol, f.Kind = words[0], words[1]
	for _, w := range words[2:] {
		if n, err := strconv.Atoi(w); err == nil {
			f.Code = n
		} else {
			f.Command = w
		}
	}
	return f, f.Check()
}
