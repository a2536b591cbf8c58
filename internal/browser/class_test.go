//go:build browser

package browser

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"posthorn/internal/testserver"
)

// class is a class under way: the demo's two servers, their clients, a browser.
type class struct {
	clients
	meet  func(t *testing.T) *person
	texts map[string]map[string]string
	axe   string
}

// languages of the page; a browser here prefers the first.
var languages = []string{"en", "vi"}

// open opens the page in a language, unlocked.
func (c *class) open(t *testing.T, lang string) *tab {
	t.Helper()
	b := c.meet(t).open(c.demo.Page + "#token=" + c.demo.Token)
	c.speak(b, lang)
	return b
}

// speak switches the language, where the page speaks the other one.
func (c *class) speak(b *tab, lang string) {
	b.t.Helper()
	b.wait(`document.querySelector("#connection").classList.contains("good")`)
	if js[string](b, `document.documentElement.lang`) != lang {
		b.click("#language")
	}
	b.wait(`document.documentElement.lang === %s`, lang)
	b.wait(`document.querySelector("#setup").search === %s`, "?lang="+lang) // everything is drawn
}

// say is a text of the page's catalogue.
func (c *class) say(lang, key string, values ...string) string {
	text := c.texts[key][lang]
	for i := 0; i+1 < len(values); i += 2 {
		text = strings.ReplaceAll(text, "{"+values[i]+"}", values[i+1])
	}
	return text
}

// line waits for a line of the transcript that has some words, and returns a
// selector of it.
func (b *tab) line(words string) string {
	b.t.Helper()
	b.wait(`[...document.querySelectorAll("#lines .line .what")].some((e) => e.textContent.includes(%s))`, words)
	id := js[string](b, `[...document.querySelectorAll("#lines .line")].findLast((e) => e.querySelector(".what").textContent.includes(%s)).id`, words)
	return `[id="` + id + `"]`
}

// explained clicks a line and waits for words in what is said about it.
func (b *tab) explained(line string, words ...string) {
	b.t.Helper()
	js[bool](b, `(document.querySelector(%s).click(), true)`, b.line(line))
	for _, w := range words {
		b.wait(`document.querySelector("#explanation").textContent.includes(%s)`, w)
	}
}

func TestClass(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "class", "page", "assets", "text.json"))
	if err != nil {
		t.Fatal(err)
	}
	c := &class{meet: chromium(t), axe: axe(t)}
	if err := json.Unmarshal(raw, &c.texts); err != nil {
		t.Fatal(err)
	}
	c.clients = clients{t, testserver.StartDemo(t)}
	// run runs a part of the class whose clients are the part's own.
	run := func(name string, part func(c *class, t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			own := *c
			own.clients.t = t
			part(&own, t)
		})
	}
	for _, lang := range languages {
		for _, part := range []struct {
			name string
			run  func(c *class, t *testing.T, lang string)
		}{
			{"transcript", (*class).transcript}, {"playing", (*class).playing}, {"secrets", (*class).secrets}, {"way", (*class).way},
			{"message", (*class).message}, {"faults", (*class).faults}, {"codes", (*class).codes},
		} {
			run(part.name+"/"+lang, func(c *class, t *testing.T) { part.run(c, t, lang) })
		}
	}
	run("token", (*class).token)
	run("keyboard", (*class).keyboard)
	run("looks", (*class).looks)
	run("motion", (*class).motion)
	run("markup", (*class).markup)
	run("setup", (*class).setup)
	run("skipped", (*class).skipped)
	run("tabs", (*class).manyTabs)
	run("crowd", (*class).crowd)
}

// transcript: every session of all protocols shows without a click, with what
// it changed and where it stands, explained line by line, and filtered.
func (c *class) transcript(t *testing.T, lang string) {
	b := c.open(t, lang)
	subject := "Pickles " + lang
	c.send(subject, "\r\nDo you like ketchup?\r\n")
	b.line("RCPT TO:<" + bob)
	b.line(c.say(lang, "note-queued", "to", bob))
	b.line(strings.Split(c.say(lang, "note-delivered", "id", "\x00", "account", bob, "mailbox", "INBOX"), "\x00")[1][:20])
	b.explained("354 ", "RFC 5321", c.say(lang, "row-title", "command", "DATA"))
	b.explained("RCPT TO:<"+bob, "RFC 5321")
	if lang == "en" {
		b.shoot("explained")
	}

	b.click("#live")
	b.choose("#filter-protocol", "pop3")
	p := c.pop3()
	b.wait(`document.querySelector("#state .pop3 .state[data-now] text")?.textContent === %s`, c.say(lang, "phase-transaction"))
	p.say("DELE 1", "+OK")
	b.explained(c.say(lang, "note-marked", "count", "1"), c.say(lang, "explain-note"))
	p.say("RSET", "+OK")
	b.explained("DELE 1", "RFC 1939")
	p.say("QUIT", "+OK")

	b.click("#live")
	b.choose("#filter-protocol", "imap")
	i := c.imap()
	if _, err := i.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	b.wait(`document.querySelector("#state .imap .state[data-now] text")?.textContent === %s`, c.say(lang, "phase-selected"))
	if err := i.Store(imap.SeqSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagFlagged}}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	b.line(`+FLAGS`)
	b.wait(`document.querySelector("#facts details summary")?.textContent.includes("TLS 1.")`)

	b.choose("#filter-protocol", "pop3")
	b.wait(`[...document.querySelectorAll("#lines .line .who")].every((e) => e.textContent === "POP3") && document.querySelector("#lines .line")`)
	b.choose("#filter-protocol", "")
	b.choose("#filter-user", bob)
	b.wait(`document.querySelector("#lines .line") && !document.querySelector("#lines").textContent.includes("MAIL FROM")`)
	b.choose("#filter-user", "")
	b.click("#sessions li:first-child button")
	b.wait(`document.querySelector("#filter-session").value !== ""`)
	b.wait(`document.querySelector("#sessions [aria-pressed=true]")`)
	if err := i.Logout().Wait(); err != nil {
		t.Fatal(err)
	}
	c.noOtherLanguage(b, lang)
}

// playing: pause, step, replay, live; keep and download.
func (c *class) playing(t *testing.T, lang string) {
	b := c.open(t, lang)
	b.line("QUIT")
	b.click("#pause")
	place := strings.Split(c.say(lang, "place-paused"), "{")[0]
	b.wait(`document.querySelector("#place").textContent.startsWith(%s)`, place)
	c.dial(alices, "smtp").say("NOOP paused-"+lang, "250")
	// what comes is counted but not shown
	b.wait(`(() => { const [at, n] = document.querySelector("#place").textContent.match(/\d+/g).map(Number); return n > at; })()`)
	if js[bool](b, `document.querySelector("#lines").textContent.includes(%s)`, "paused-"+lang) {
		t.Error("a line shows while the transcript is paused")
	}
	at := js[int](b, `Number(document.querySelector("#place").textContent.match(/\d+/)[0])`)
	b.click("#step")
	b.wait(`Number(document.querySelector("#place").textContent.match(/\d+/)[0]) > %s`, at)
	b.click("#replay")
	b.wait(`document.querySelector("#place").textContent.startsWith(%s)`, strings.Split(c.say(lang, "place-playing"), "{")[0])
	b.wait(`Number(document.querySelector("#place").textContent.match(/\d+/)[0]) < %s`, at)
	b.click("#live")
	b.choose("#filter-session", js[string](b, `document.querySelector(%s).row.event.session`, b.line("NOOP paused-"+lang)))
	b.click("#pin")
	b.wait(`document.querySelector("#pin").getAttribute("aria-pressed") === "true"`)
	b.wait(`document.querySelector("#sessions [aria-pressed=true]")?.textContent.includes(%s)`, c.say(lang, "pinned"))
	js[bool](b, `(() => { const make = URL.createObjectURL; URL.createObjectURL = (blob) => { window.saved = blob.text(); return make(blob); }; return true; })()`)
	b.click("#download")
	b.wait(`window.saved !== undefined`)
	text := js[string](b, `(async () => { const a = document.querySelector("#session-text"); return a.checkVisibility() && a.hasAttribute("download") ? (await fetch(a.href)).text() : ""; })()`)
	if !strings.Contains(text, "NOOP paused-"+lang) || !strings.Contains(text, "S: 250") {
		t.Errorf("the session as text is\n%s", text)
	}
	if saved := js[string](b, `window.saved`); !strings.Contains(saved, "NOOP paused-"+lang) || !strings.Contains(saved, "250") {
		t.Errorf("the downloaded transcript is\n%s", saved)
	}
}

// secrets: masked, revealed with what base64 hides, and what an eavesdropper
// sees of them.
func (c *class) secrets(t *testing.T, lang string) {
	b := c.open(t, lang)
	password := c.demo.Passwords[bob]
	c.pop3().say("QUIT", "+OK")
	b.line("PASS ***")
	if strings.Contains(b.text("body"), password) {
		t.Error("a password shows")
	}
	b.choose("#view", "reveal")
	b.wait(`document.querySelector("#view-help").textContent === %s`, c.say(lang, "view-help-reveal"))
	b.line(c.say(lang, "switch-reveal-on"))
	c.pop3().say("QUIT", "+OK")
	b.line("PASS " + password)
	// what is masked stays so in files
	js[bool](b, `(() => { const make = URL.createObjectURL; URL.createObjectURL = (blob) => { window.saved = blob.text(); return make(blob); }; return true; })()`)
	b.click("#download")
	b.wait(`window.saved !== undefined`)
	if saved := js[string](b, `window.saved`); strings.Contains(saved, password) || !strings.Contains(saved, "PASS ***") {
		t.Error("a file has the password, or not the line that it was in")
	}
	c.send("secret", "\r\nin TLS\r\n")
	b.line(c.say(lang, "decoded", "text", "␀"+alice))
	b.choose("#view", "eavesdropper")
	b.line(strings.Split(c.say(lang, "cipher"), "{")[0])
	b.wait(`!document.querySelector("#lines").textContent.includes("in TLS\r\n")`)
	b.line("PASS " + password)
	b.shoot("eavesdropper")
	b.choose("#view", "programs")
	b.line(c.say(lang, "switch-reveal-off"))
	c.noOtherLanguage(b, lang)
}

// way: Bob's server is taken down, the queue tries in vain, and delivers when it
// is back.
func (c *class) way(t *testing.T, lang string) {
	b := c.open(t, lang)
	b.click(`#powers [data-server="hamburger.edu"]`)
	b.wait(`document.querySelector("#way").textContent.includes(%s)`, c.say(lang, "way-down"))
	c.send("Later "+lang, "\r\nlater\r\n")
	b.wait(`document.querySelector("#queues")?.textContent.includes(%s)`, bob)
	b.wait(`document.querySelector("#queues li")?.textContent.length > 8`)
	b.line(strings.Split(c.say(lang, "queue-later", "server", "crepes.fr", "to", bob), "{")[0])
	b.shoot("down")
	b.click("#tab-messages")
	b.click(`#messages [data-message^="crepes.fr/q"]`)
	b.wait(`document.querySelector("#message").textContent.includes(%s)`, strings.Split(c.say(lang, "o-created-under-way"), "} ")[1])
	b.click("#tab-live")
	c.noOtherLanguage(b, lang)
	b.click(`#powers [data-server="hamburger.edu"]`)
	b.wait(`!document.querySelector("#way").textContent.includes(%s)`, c.say(lang, "way-down"))
	// It is tried at once when the switch goes up; a click has the same effect.
	b.wait(`!document.querySelector("#queues").textContent.includes(%s)`, bob)
	b.line(strings.Split(c.say(lang, "queue-relayed", "server", "crepes.fr", "to", bob), "{")[0])
}

const parts = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nXin ch=C3=A0o Bob, =\r\nkh=E1=BB=8Fe kh=C3=B4ng?\r\n" +
	"--b\r\nContent-Type: text/plain; charset=utf-8; name=hello.txt\r\nContent-Disposition: attachment; filename=hello.txt\r\n" +
	"Content-Transfer-Encoding: base64\r\n\r\nSGVsbG8sIEJvYiE=\r\n--b--\r\n"

// message: taken apart, with encodings step by step.
func (c *class) message(t *testing.T, lang string) {
	subject := "Parts " + lang
	c.send(subject, parts)
	c.settle()
	b := c.open(t, lang)
	b.click("#tab-messages")
	b.wait(`[...document.querySelectorAll("#messages .subject")].some((e) => e.textContent === %s)`, subject)
	js[bool](b, `([...document.querySelectorAll("#messages button")].find((e) => e.textContent.includes(%s)).click(), true)`, subject)
	b.wait(`document.querySelector("#message").textContent.includes("laptop.test>")`)
	for _, words := range []string{c.say(lang, "unchecked"), "MAIL FROM", "<" + alice + ">", "<" + bob + ">", c.say(lang, "differs-not"), "hello.txt", "quoted-printable"} {
		if !strings.Contains(b.text("#message"), words) {
			t.Errorf("the message, taken apart, does not say %q", words)
		}
	}
	b.wait(`document.querySelector("#part").textContent.includes("Xin chào Bob")`)
	b.click("#part .row button:nth-of-type(2)")
	b.wait(`document.querySelector("#part .steps").textContent.includes("11000011")`)
	b.click(`.tree li li:last-child > button`)
	b.wait(`document.querySelector("#part .steps")?.textContent.includes("SGVs")`)
	b.wait(`document.querySelector("#part .steps").textContent.replace(/\s/g, "").includes("010010000110010101101100")`)
	b.click("#part .row button:nth-of-type(2)")
	b.wait(`document.querySelector("#part .row [role=status]").textContent === %s`, c.say(lang, "step-place", "at", "2", "n", "4"))
	b.shoot("parts")
	js[bool](b, `(() => { const e = document.querySelector("#coder-text"); e.value = "é"; e.dispatchEvent(new Event("input")); return true; })()`)
	b.wait(`document.querySelector("#coder output").textContent === "w6k="`)
	b.choose("#coder select", "quoted-printable")
	b.wait(`document.querySelector("#coder output").textContent === "=C3=A9"`)
	c.noOtherLanguage(b, lang)
}

// faults: prepared on the page, met by a client, seen in the transcript.
func (c *class) faults(t *testing.T, lang string) {
	c.settle() // or a letter under way would meet the fault
	b := c.open(t, lang)
	b.click("#tab-faults")
	b.choose("#fault-server", "hamburger.edu")
	b.choose("#fault-protocol", "smtp")
	b.choose("#fault-kind", "reply")
	b.choose("#fault-command", "RCPT")
	b.choose("#fault-code", "451")
	b.choose("#fault-times", "1")
	b.click("#fault-arm")
	b.wait(`document.querySelector("#faults-armed button")`)
	b.shoot("armed")
	c.noOtherLanguage(b, lang)
	s := c.dial(bobs, "smtp")
	s.say("EHLO client.test", "250")
	s.say("MAIL FROM:<"+alice+">", "250")
	s.say("RCPT TO:<"+bob+">", "451")
	s.say("RCPT TO:<"+bob+">", "250")
	s.say("QUIT", "221")
	b.wait(`!document.querySelector("#faults-armed button")`)
	b.click("#tab-live")
	b.explained("451 ", "451")
	b.line(c.say(lang, "note-fault", "fault", "SMTP: "+c.say(lang, "fault-reply-at", "code", "451", "command", "RCPT")))
	b.choose("#filter-protocol", "smtp")
	b.wait(`document.querySelector("#lines .refused")`)

	b.click("#tab-faults")
	b.choose("#fault-protocol", "pop3")
	b.choose("#fault-kind", "in-use")
	b.choose("#fault-times", "0")
	b.click("#fault-arm")
	b.wait(`document.querySelector("#faults-armed button")`)
	p := c.dial(bobs, "pop3")
	p.say("USER "+bob, "+OK")
	p.say("PASS "+c.demo.Passwords[bob], "-ERR [IN-USE]")
	b.click("#faults-armed button")
	b.wait(`!document.querySelector("#faults-armed button")`)
	c.pop3().say("QUIT", "+OK")
}

// codes: the table, its search, and "show me", which plays a script live.
func (c *class) codes(t *testing.T, lang string) {
	b := c.open(t, lang)
	b.click("#tab-codes")
	b.wait(`document.querySelectorAll("#codes tbody tr").length >= 40`)
	js[bool](b, `(() => { const e = document.querySelector("#codes-search"); e.value = "550"; e.dispatchEvent(new Event("input")); return true; })()`)
	b.wait(`[...document.querySelectorAll("#codes tbody tr")].filter((e) => !e.hidden).every((e) => e.textContent.includes("550"))`)
	b.shoot("codes")
	c.noOtherLanguage(b, lang)
	b.click(`#codes tr[data-code="550"] button`)
	b.wait(`!document.querySelector("#panel-live").hidden && document.querySelector("#filter-session").value !== ""`)
	b.explained("550 ", "RFC 5321")
	b.wait(`document.activeElement.id === "lines"`)
}

// noOtherLanguage fails where a text of the catalogue is seen in another
// language than the one that is spoken, or where something has no text at all.
func (c *class) noOtherLanguage(b *tab, lang string) {
	b.t.Helper()
	other := languages[0]
	if other == lang {
		other = languages[1]
	}
	foreign := map[string]bool{}
	for key, entry := range c.texts {
		if entry[lang] != entry[other] && key != "other-language" && !strings.Contains(entry[other], "{") {
			foreign[entry[other]] = true
		}
	}
	for _, entry := range c.texts { // the same words may stand for something else
		delete(foreign, entry[lang])
	}
	seen := js[[]string](b, `(() => {
		const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		while (walk.nextNode()) {
			const e = walk.currentNode.parentElement;
			if (e.checkVisibility() && !e.closest(".what, .said, .raw")) found.push(walk.currentNode.data.trim());
		}
		for (const e of document.querySelectorAll("[aria-label]")) if (e.checkVisibility()) found.push(e.getAttribute("aria-label"));
		return found;
	})()`)
	for _, text := range seen {
		if foreign[text] {
			b.t.Errorf("in %s the page says %q", lang, text)
		}
		for _, bad := range []string{"undefined", "NaN", "[object", "Invalid Date"} {
			if strings.Contains(text, bad) {
				b.t.Errorf("the page says %q", text)
			}
		}
	}
}
