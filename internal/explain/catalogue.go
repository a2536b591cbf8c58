package explain

import (
	"embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
)

//go:embed data/*.toml
var files embed.FS

// Each file of entries holds one kind of one protocol.
var sources = []struct {
	file, protocol string
	kind           Kind
}{
	{"smtp_classes", SMTP, KindReply},
	{"smtp_commands", SMTP, KindCommand},
	{"smtp_parameters", SMTP, KindParameter},
	{"smtp_capabilities", SMTP, KindCapability},
	{"smtp_status", SMTP, KindStatus},
	{"pop3_commands", POP3, KindCommand},
	{"pop3_replies", POP3, KindReply},
	{"pop3_status", POP3, KindStatus},
	{"pop3_capabilities", POP3, KindCapability},
	{"imap_commands", IMAP, KindCommand},
	{"imap_parameters", IMAP, KindParameter},
	{"imap_replies", IMAP, KindReply},
	{"imap_status", IMAP, KindStatus},
	{"imap_capabilities", IMAP, KindCapability},
}

type table struct {
	entries []Entry
	byKey   map[string]int
	codes   []Code
	rows    []Row
}

// catalogue reads the files once, when somebody first asks. They are part of
// the program: a test reads them, so they cannot be wrong here.
var catalogue = sync.OnceValue(func() *table {
	t, err := load()
	if err != nil {
		panic(err)
	}
	return t
})

func load() (*table, error) {
	t := &table{byKey: map[string]int{}}
	if err := t.loadCodes(); err != nil {
		return nil, err
	}
	for _, s := range sources {
		var file struct{ Entry []Entry }
		if err := decode(s.file, &file); err != nil {
			return nil, err
		}
		for _, e := range file.Entry {
			e.Protocol, e.Kind = s.protocol, s.kind
			if err := t.add(e); err != nil {
				return nil, err
			}
		}
	}
	var file struct{ Row []Row }
	if err := decode("smtp_rows", &file); err != nil {
		return nil, err
	}
	t.rows = file.Row
	return t, nil
}

// decode reads a file; a key that nothing has a place for is an error.
func decode(name string, into any) error {
	meta, err := toml.DecodeFS(files, "data/"+name+".toml", into)
	if err != nil {
		return fmt.Errorf("explain: %s: %w", name, err)
	}
	if extra := meta.Undecoded(); len(extra) > 0 {
		return fmt.Errorf("explain: %s: unknown key %s", name, extra[0])
	}
	return nil
}

func (t *table) add(e Entry) error {
	e.Name = strings.ToUpper(e.Name)
	if _, twice := t.byKey[e.Key()]; twice {
		return fmt.Errorf("explain: %s is there twice", e.Key())
	}
	t.byKey[e.Key()] = len(t.entries)
	t.entries = append(t.entries, e)
	return nil
}

func (t *table) find(protocol string, kind Kind, name string) (Entry, bool) {
	i, ok := t.byKey[protocol+"/"+string(kind)+"/"+strings.ToUpper(name)]
	if !ok {
		return Entry{}, false
	}
	return t.entries[i], true
}

// codeSource is a Code as its file has it.
type codeSource struct {
	Code     int
	Folklore bool
	Given    bool
	RFC      string
	Title    Text
	Meaning  Text
	Here     Text
	Origin   Text
	Instead  []string
	Show     []struct {
		ID, Ends, Steps, Needs string
		Title                  Text
	}
}

func (t *table) loadCodes() error {
	var file struct{ Code []codeSource }
	if err := decode("smtp_codes", &file); err != nil {
		return err
	}
	for _, s := range file.Code {
		c := Code{
			Entry: Entry{Protocol: SMTP, Kind: KindReply, Name: strconv.Itoa(s.Code), Title: s.Title, Meaning: s.Meaning, Here: s.Here, RFC: s.RFC},
			Code:  s.Code, Standard: !s.Folklore, Origin: s.Origin, Instead: s.Instead, Given: s.Given,
		}
		for _, show := range s.Show {
			steps, err := ParseSteps(show.Steps)
			if err != nil {
				return fmt.Errorf("%w: show %s", err, show.ID)
			}
			c.Shows = append(c.Shows, Show{ID: show.ID, Title: show.Title, Steps: steps, Ends: show.Ends, Needs: show.Needs})
		}
		if err := t.add(c.Entry); err != nil {
			return err
		}
		t.codes = append(t.codes, c)
	}
	slices.SortFunc(t.codes, func(a, b Code) int { return a.Code - b.Code })
	return nil
}
