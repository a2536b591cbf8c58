package transcript

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/tools/txtar"
)

// script is a parsed transcript.
type script struct {
	steps  []step
	blocks map[string]string // lines ended by CRLF
}

// step is one line of a transcript.
type step struct {
	line int    // in the file, from 1
	conn string // empty for hooks
	op   string // "->", "<~", "tls" …, or a hook's name
	text string
}

var connStep = regexp.MustCompile(`^([0-9]+) +(->[|q@.]?|<-|<~|<\*~?|<\.\.\.~?|<[!q@.]|[a-z]+)(?: (.*))?$`)

func parse(file []byte) (*script, error) {
	archive := txtar.Parse(file)
	s := &script{blocks: map[string]string{}}
	for _, f := range archive.Files {
		s.blocks[f.Name] = strings.ReplaceAll(string(f.Data), "\n", "\r\n")
	}
	for i, line := range strings.Split(string(archive.Comment), "\n") {
		if strings.TrimSpace(line) == "" || line[0] == '#' {
			continue
		}
		st := step{line: i + 1}
		if line[0] >= '0' && line[0] <= '9' {
			m := connStep.FindStringSubmatch(line)
			if m == nil {
				return nil, fmt.Errorf("line %d: not a step: %s", i+1, line)
			}
			st.conn, st.op, st.text = m[1], m[2], m[3]
		} else {
			st.op, st.text, _ = strings.Cut(line, " ")
		}
		s.steps = append(s.steps, st)
	}
	return s, nil
}

// block is the text of a named block.
func (s *script) block(name string) (string, error) {
	text, ok := s.blocks[name]
	if !ok {
		return "", fmt.Errorf("no block %q", name)
	}
	return text, nil
}

// lines are the lines of a block without their ends, dots doubled when stuffed.
func (s *script) lines(name string, stuffed bool) ([]string, error) {
	text, err := s.block(name)
	if err != nil {
		return nil, err
	}
	var out []string
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
		if stuffed && strings.HasPrefix(line, ".") {
			line = "." + line
		}
		out = append(out, line)
	}
	if text == "" {
		out = nil
	}
	if stuffed {
		out = append(out, ".")
	}
	return out, nil
}

var variable = regexp.MustCompile(`\$\{[^}]*\}`)

// expand replaces the variables in a step's text.
func (s *script) expand(text string, vars map[string]string, quote func(string) string) (string, error) {
	var bad error
	out := variable.ReplaceAllStringFunc(text, func(v string) string {
		name := v[2 : len(v)-1]
		value, ok := vars[name]
		var err error
		switch kind, arg, _ := strings.Cut(name, ":"); {
		case ok:
		case kind == "size":
			if value, err = s.block(arg); err != nil {
				bad = err
			}
			value = strconv.Itoa(len(value))
		case kind == "block":
			if value, err = s.block(arg); err != nil {
				bad = err
			}
		case kind == "b64":
			raw, err := strconv.Unquote(`"` + arg + `"`)
			if err != nil {
				bad = fmt.Errorf("%s: %w", v, err)
			}
			value = base64.StdEncoding.EncodeToString([]byte(raw))
		default:
			bad = fmt.Errorf("no variable %s", v)
		}
		return quote(value)
	})
	return out, bad
}
