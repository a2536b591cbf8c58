package stall

import (
	"slices"
	"strings"
)

// checkWhole: undisturbed, the exchange does what it should.
func (p *play) checkWhole() {
	var want []string
	for _, part := range p.exchange.Parts {
		if part.Replaces {
			want = want[:len(want)-1]
		}
		if part.Keeps != "" {
			want = append(want, part.Keeps)
		}
	}
	switch {
	case p.done != len(p.exchange.Parts) || p.quiet:
		p.t.Errorf("part %d was not answered as it must be", p.done-1)
	case !p.inStep():
		p.t.Errorf("the probe was answered %q", p.probed)
	case !slices.Equal(p.kept, want):
		p.t.Errorf("kept %q, not %q", p.kept, want)
	}
	p.checkAlways()
	if p.t.Failed() {
		p.t.Logf("heard %q", p.heard)
	}
}

// check holds what must hold however it went.
func (p *play) check() {
	p.checkAlways()
	bye := pattern(p.server.Bye).MatchString(lastLine(p.heard)) || p.dumb
	switch {
	case p.way.leaves:
	case p.way.ends && p.left, p.way.ends && p.way.mute:
		if !p.over {
			p.t.Error("the server does not hang up")
		}
	case p.way.ends, p.way.downs:
		if !p.over {
			p.t.Error("the server does not hang up")
		} else if !bye && (p.way.downs || !p.server.Silent) {
			p.t.Errorf("it hangs up without a word: %q", lastLine(p.heard))
		}
	case p.over:
		if !bye || p.way.name == "pause" {
			p.t.Errorf("it hangs up: %q", lastLine(p.heard))
		}
	case !p.inStep():
		p.t.Errorf("out of step: the probe was answered %q", p.probed)
	}
	if p.way.name == "pause" && (p.quiet || p.done < len(p.exchange.Parts)) {
		p.t.Errorf("part %d is not answered as it is without a pause", p.done-1)
	}
}

func (p *play) inStep() bool { return pattern(`\A(?:` + p.server.Probed + `)\z`).MatchString(p.probed) }

func lastLine(b []byte) string {
	s := strings.TrimSuffix(string(b), "\n")
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// checkAlways holds what must hold with and without a fault.
func (p *play) checkAlways() {
	x, heard := p.exchange, p.heard[p.base:]
	if pattern(p.server.Ran).Match(heard) {
		p.t.Error("a body ran as a command")
	}
	if p.clung {
		p.t.Error("the server did not notice that the client left")
	}
	if x.Secret != "" && strings.Contains(p.seen, x.Secret) {
		p.t.Errorf("the secret is seen: %s", p.seen)
	}
	if strings.Contains(p.seen, "panic") {
		p.t.Errorf("it panicked: %s", p.seen)
	}
	if n := len(pattern(p.server.Refused).FindAll(p.heard[p.good:], -1)); p.way.inserts && n > max(p.done-p.goodParts, 1) {
		p.t.Errorf("%d refusals of %d parts", n, p.done-p.goodParts)
	}
	said := x.Parts[:p.done]
	for _, part := range x.Parts {
		if part.Hear == "" {
			continue
		}
		most := 0
		for _, other := range said {
			if other.Hear == part.Hear {
				most++
			}
		}
		if n := len(pattern(part.Hear).FindAll(heard, -1)); n > most {
			p.t.Errorf("%s was heard %d times, for %d that was asked", part.Hear, n, most)
		}
	}
	p.checkKept(said)
}

// checkKept: what was kept is whole, once, and what was told.
func (p *play) checkKept(said []Part) {
	told := 0
	if p.exchange.Kept != "" {
		told = len(pattern(p.exchange.Kept).FindAll(p.heard[p.base:], -1)) * max(p.exchange.Together, 1)
	}
	if n := len(p.kept); n%max(p.exchange.Together, 1) != 0 {
		p.t.Errorf("%d are kept of %d that go together", n, p.exchange.Together)
	}
	for _, part := range said {
		if part.Replaces && pattern(part.Hear).Match(p.heard[p.base:]) && !slices.Equal(p.kept, []string{part.Keeps}) {
			p.t.Errorf("told of a replacement, and kept %q", p.kept)
		}
	}
	if told > len(p.kept) || told < len(p.kept) && !p.way.leaves {
		p.t.Errorf("told of %d that are kept, of %q", told, p.kept)
	}
	i := 0
	for _, what := range p.kept {
		for i < len(said) && said[i].Keeps != what {
			i++
		}
		if i == len(said) {
			p.t.Errorf("kept what was not said, or not whole: %q", what)
			return
		}
		i++
	}
}
