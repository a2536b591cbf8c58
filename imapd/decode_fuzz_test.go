package imapd

import (
	"strings"
	"testing"

	"posthorn/store"
)

// entries are the decoder's ways in, by the command that uses them.
var entries = map[string]func(*decoder){
	"append":       func(d *decoder) { appendArgs(d) },
	"compress":     func(d *decoder) { d.compressArgs() },
	"replace":      func(d *decoder) { d.replaced(); appendArgs(d) },
	"authenticate": func(d *decoder) { d.authenticateArgs() },
	"copy":         func(d *decoder) { d.copyArgs() },
	"create":       func(d *decoder) { d.createArgs() },
	"delete":       func(d *decoder) { d.mailboxArg() },
	"enable":       func(d *decoder) { d.enableArgs() },
	"expunge":      func(d *decoder) { d.uidExpungeArgs().resolve(100) },
	"fetch":        func(d *decoder) { d.fetchArgs() },
	"id":           func(d *decoder) { d.idArgs() },
	"getmetadata":  func(d *decoder) { d.getMetadataArgs() },
	"getquota":     func(d *decoder) { d.quotaRootArg() },
	"list":         func(d *decoder) { d.listArgs() },
	"login":        func(d *decoder) { d.loginArgs() },
	"lsub":         func(d *decoder) { d.lsubArgs() },
	"rename":       func(d *decoder) { d.renameArgs() },
	"select":       func(d *decoder) { d.selectArgs() },
	"setmetadata":  func(d *decoder) { d.setMetadataArgs() },
	"setquota":     func(d *decoder) { d.setQuotaArgs() },
	"status":       func(d *decoder) { d.statusArgs() },
	"store":        func(d *decoder) { d.storeArgs() },
	"sort":         func(d *decoder) { d.sortArgs() },
	"thread":       func(d *decoder) { d.threadArgs() },
	"search": func(d *decoder) {
		if a := d.searchArgs(); d.end() == nil {
			a.key.query(func(s numSet, _ bool) store.InSet { return store.InSet{Set: s.resolve(100)} })
		}
	},
}

// fuzzEntry checks what holds for every decoding: it doesn't panic, it stays
// within its bytes, and once it failed it gives nothing more.
func fuzzEntry(f *testing.F, names ...string) {
	f.Fuzz(func(t *testing.T, b []byte, unicode bool) {
		for _, name := range names {
			d := newDecoder(b, unicode)
			entries[name](d)
			if d.pos < 0 || d.pos > len(b) {
				t.Fatalf("%s: at %d of %d", name, d.pos, len(b))
			}
			err := d.end()
			if err == nil && len(strings.Trim(string(b[d.pos:]), " ")) > 0 {
				t.Fatalf("%s: ended at %d of %d without an error", name, d.pos, len(b))
			}
			if err != nil {
				before := d.pos
				if d.astring("x") != "" || d.number64() != 0 || d.more() || d.take(' ') || d.pos != before || d.end() != err {
					t.Fatalf("%s: goes on after %v", name, err)
				}
				if strings.ContainsAny(err.Error(), "\r\n\x00") {
					t.Fatalf("%s: %q", name, err)
				}
			}
		}
	})
}

func FuzzDecodeFetch(f *testing.F) {
	f.Add([]byte(` 1:*,3 (FLAGS BODY.PEEK[1.2.HEADER.FIELDS.NOT ("a" {1}`+"\r\n"+`b)]<0.10> BINARY.SIZE[1] RFC822)`), false)
	f.Add([]byte(" $ FULL"), false)
	f.Add([]byte(" 1:* (FLAGS EMAILID THREADID SAVEDATE) (CHANGEDSINCE 12345 VANISHED PARTIAL -1:-30)"), false)
	fuzzEntry(f, "fetch")
}

func FuzzDecodeSearch(f *testing.F) {
	f.Add([]byte(` RETURN (MIN SAVE) CHARSET "UTF-8" OR (NOT FROM {3}`+"\r\n"+`a"b SEEN) UID 1:* SENTON "1-Feb-1994" HEADER X-A "" $`), false)
	f.Add([]byte(` MODSEQ "/flags/\\draft" all 620162338`), false)
	f.Add([]byte(` RETURN (PARTIAL -1:-10 SAVE) OR EMAILID M1-2 SAVEDON 1-Feb-1994`), false)
	f.Add([]byte(" UNSEEN YOUNGER 259200 NOT OLDER 4294967295"), false)
	f.Add([]byte(" NOT NOT KEYWORD x LARGER 9223372036854775807"), true)
	f.Add([]byte(` RETURN (MIN PARTIAL 1:2) (REVERSE DATE DISPLAYTO) "UTF-8" SUBJECT x`), false)
	f.Add([]byte(" REFERENCES us-ascii UID 1:*"), false)
	fuzzEntry(f, "search", "sort", "thread")
}

func FuzzDecodeList(f *testing.F) {
	f.Add([]byte(` (SUBSCRIBED RECURSIVEMATCH) "" ("a%" &AOk-* {1}`+"\r\n"+`b) RETURN (CHILDREN STATUS (MESSAGES SIZE))`), false)
	f.Add([]byte(` "" R&D`), true)
	fuzzEntry(f, "list", "lsub")
}

func FuzzDecodeStore(f *testing.F) {
	f.Add([]byte(` 1,2:4 +FLAGS.SILENT (\Seen $Junk)`), false)
	f.Add([]byte(` $ FLAGS \Seen \Foo a`), false)
	f.Add([]byte(` 7,5 (UNCHANGEDSINCE 320162338) +FLAGS.SILENT (\Deleted)`), false)
	fuzzEntry(f, "store")
}

func FuzzDecodeAppend(f *testing.F) {
	f.Add([]byte(` "x" (\Seen a) " 7-Feb-1994 21:52:25 -0800" {310+}`), false)
	f.Add([]byte(" {5}\r\nINBOX UTF8 (~{3}"), true)
	fuzzEntry(f, "append")
}

// FuzzDecodeSmall: the commands with few and plain arguments.
func FuzzDecodeSmall(f *testing.F) {
	for _, s := range []string{
		" PLAIN dGVzdA==", ` 1:* "R&-D"`, ` a/b/ (USE (\Sent \Junk))`, " IMAP4rev2 UTF8=ACCEPT", ` ("name" {3}` + "\r\nabc \"os\" NIL)",
		` user "pa\"ss"`, " INBOX {3+}\r\nabc", " INBOX (QRESYNC (1 2 3:4 (1,2 3:4)) CONDSTORE)", " inbox (X)", " a (MESSAGES UIDNEXT)", ` (MAXSIZE 1024 DEPTH infinity) "" (/shared/comment "/private/x")`, ` INBOX (DEPTH 1) /private`,
		" INBOX (/private/comment {3}\r\na\r\n /shared/comment NIL /private/vendor/a/b ~{2+}\r\na\x00)",
		` "#user/alice" (STORAGE 510 MESSAGE 9223372036854775807)`, ` "Entw` + "\u0308" + `rfe"`,
	} {
		f.Add([]byte(s), len(s)%2 == 0)
	}
	var names []string
	for name := range entries {
		switch name {
		case "fetch", "search", "sort", "thread", "list", "lsub", "store", "append":
		default:
			names = append(names, name)
		}
	}
	fuzzEntry(f, names...)
}
