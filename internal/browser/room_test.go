//go:build browser

package browser

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// token: everybody may watch; who changes something is asked for the token.
func (c *class) token(t *testing.T) {
	b := c.meet(t).open(c.demo.Page)
	b.expects("403") // which the browser notes on the console
	c.speak(b, "en")
	b.click(`#powers [data-server="hamburger.edu"]`)
	b.wait(`document.activeElement.id === "token" && !document.querySelector("#trouble").hidden`)
	b.keys("wrong" + kb.Enter)
	b.click(`#powers [data-server="hamburger.edu"]`)
	b.wait(`document.activeElement.id === "token" && !document.querySelector("#trouble").hidden`)
	b.keys(c.demo.Token + kb.Enter)
	b.wait(`document.querySelector("#trouble").hidden && document.querySelector("#unlock").hidden`)
	b.click(`#powers [data-server="hamburger.edu"]`)
	b.wait(`document.querySelector('#powers [data-server="hamburger.edu"]').getAttribute("aria-pressed") === "true"`)
	b.click(`#powers [data-server="hamburger.edu"]`)
	b.wait(`document.querySelector('#powers [data-server="hamburger.edu"]').getAttribute("aria-pressed") === "false"`)
	if kept := js[string](b, `JSON.stringify(localStorage)`); strings.Contains(kept, c.demo.Token) {
		t.Errorf("the token outlives the tab: %s", kept)
	}
	b = c.open(t, "en")
	if address := js[string](b, `location.href`); strings.Contains(address, c.demo.Token) {
		t.Errorf("the token stays in the address: %s", address)
	}
}

// keyboard: whatever can be done can be done without a mouse, and one sees where
// one is.
func (c *class) keyboard(t *testing.T) {
	b := c.open(t, "en")
	c.dial(alices, "smtp").say("NOOP keyboard", "250")
	b.line("NOOP keyboard")
	b.keys(kb.Tab)
	b.wait(`document.activeElement.matches(".skip")`)
	for _, panel := range []string{"live", "messages", "faults", "codes"} {
		b.wait(`!document.querySelector(%s).hidden`, "#panel-"+panel)
		c.walk(b, panel)
		js[bool](b, `(document.querySelector(%s).focus(), true)`, "#tab-"+panel)
		b.keys(kb.ArrowRight)
	}
	b.wait(`document.activeElement.id === "tab-live" && !document.querySelector("#panel-live").hidden`)

	js[bool](b, `(document.querySelector("#lines").focus(), true)`)
	b.keys(kb.End + kb.ArrowUp)
	chosen := b.line("NOOP keyboard")
	for range 400 {
		if js[bool](b, `document.querySelector(%s).getAttribute("aria-selected") === "true"`, chosen) {
			break
		}
		b.keys(kb.ArrowUp)
	}
	b.wait(`document.querySelector("#lines").getAttribute("aria-activedescendant") === document.querySelector(%s).id`, chosen)
	b.keys(kb.Enter)
	b.wait(`document.querySelector("#explanation .said")?.textContent === "NOOP keyboard"`)
	b.keys(" ")
	b.wait(`document.querySelector("#pause").getAttribute("aria-pressed") === "true"`)
	b.keys(" ")
	b.wait(`document.querySelector("#pause").getAttribute("aria-pressed") === "false"`)
	b.keys(" ")
	b.wait(`document.querySelector("#pause").getAttribute("aria-pressed") === "true"`)
	b.keys(kb.Escape)
	b.wait(`document.querySelector("#live").getAttribute("aria-pressed") === "true"`)
}

// walk goes through what is open with the tabulator key, and compares where it
// has been with what there is.
func (c *class) walk(b *tab, panel string) {
	b.t.Helper()
	const name = `((e) => e.id || e.dataset.server || e.dataset.code || [...document.querySelectorAll(e.localName)].indexOf(e) + e.localName)`
	there := js[[]string](b, `[...document.querySelectorAll("a[href], button, select, input, summary, [tabindex='0']")]
		.filter((e) => e.checkVisibility() && !e.disabled && e.tabIndex >= 0 && !e.matches("[role=tab]")).map(`+name+`)`)
	js[bool](b, `(document.activeElement.blur(), document.querySelector(".skip").focus({ focusVisible: true }), true)`)
	var been []string
	for range len(there) + 40 {
		at := js[struct {
			Name, Outline string
			Body          bool
		}](b, `(() => { const e = document.activeElement, s = getComputedStyle(e);
			return { name: `+name+`(e), outline: s.outlineStyle + " " + s.outlineWidth, body: e === document.body }; })()`)
		if !at.Body && (strings.HasPrefix(at.Outline, "none") || strings.HasSuffix(at.Outline, " 0px")) {
			b.t.Errorf("%s: one does not see that %s has the focus", panel, at.Name)
		}
		been = append(been, at.Name)
		b.keys(kb.Tab)
	}
	for _, e := range there {
		if !slices.Contains(been, e) {
			b.t.Errorf("%s: the tabulator key does not lead to %s (it leads to %s)", panel, e, strings.Join(slices.Compact(been), ", "))
		}
	}
}

// looks: all parts, on a phone and on a projector, in light and in dark colours,
// in both languages: axe-core finds nothing, and nothing sticks out.
func (c *class) looks(t *testing.T) {
	c.send("Looks", parts)
	b := c.open(t, "en")
	c.send("In the queue", "\r\n.\r\n")
	c.settle() // or it would be opened there, and leave
	views := []struct {
		name          string
		width, height int64
		theme, lang   string
		panels        []string
	}{
		{"projector-light", 1280, 720, "light", "en", []string{"live", "messages", "faults", "codes"}},
		{"phone-dark", 390, 844, "dark", "vi", []string{"live", "messages", "faults", "codes"}},
		{"projector-dark", 1280, 720, "dark", "vi", []string{"live"}},
		{"phone-light", 390, 844, "light", "en", []string{"live"}},
	}
	for _, v := range views {
		b.size(v.width, v.height)
		b.prefers("prefers-color-scheme", v.theme)
		b.wait(`document.documentElement.dataset.theme === %s`, v.theme)
		c.speak(b, v.lang)
		if large := strings.HasPrefix(v.name, "projector"); large != (js[string](b, `document.documentElement.dataset.size`) == "large") {
			b.click("#size")
		}
		for _, panel := range v.panels {
			b.click("#tab-" + panel)
			if panel == "messages" {
				b.click("#messages button")
				b.wait(`document.querySelector("#part")`)
			}
			if panel == "live" {
				js[bool](b, `(document.querySelector("#lines .server").click(), true)`)
				b.wait(`document.querySelector("#explanation h3, #explanation p + p")`)
			}
			what := v.name + " " + panel
			b.accessible(c.axe, what)
			if wide := js[int](b, `document.scrollingElement.scrollWidth`); wide > int(v.width) {
				t.Errorf("%s: the page is %d pixels wide", what, wide)
			}
			b.shoot(what)
		}
	}
	c.fits(b, "laptop", 1366, 768)
	c.fits(b, "large projector", 1920, 1080)
	// The switch wins over what the system prefers.
	b.prefers("prefers-color-scheme", "light")
	b.click("#theme")
	b.wait(`document.documentElement.dataset.theme === "dark"`)
	b.click("#tab-live")
	b.accessible(c.axe, "switched to dark")
}

// fits: at a size, in each language and size of print, no part sticks out, nor is a button's or a
// choice's text wider than it.
func (c *class) fits(b *tab, what string, width, height int64) {
	b.t.Helper()
	b.size(width, height)
	for _, lang := range languages {
		c.speak(b, lang)
		for range 2 {
			b.click("#size")
			for _, panel := range []string{"live", "messages", "faults", "codes"} {
				b.click("#tab-" + panel)
				if wide := js[int](b, `document.scrollingElement.scrollWidth`); wide > int(width) {
					b.t.Errorf("%s, %s, %s: the page is %d pixels wide", what, lang, panel, wide)
				}
				for _, e := range js[[]string](b, `[...document.querySelectorAll("button, .button, .chip, svg .name")].filter((e) => e.checkVisibility())
					.filter((e) => e.ownerSVGElement ? e.getBBox().width > (e.closest(".place, .state")?.querySelector("rect").getBBox().width ?? Infinity) : e.scrollWidth > e.clientWidth + 1)
					.map((e) => e.textContent)`) {
					b.t.Errorf("%s, %s, %s: %q is wider than where it stands", what, lang, panel, e)
				}
			}
		}
	}
}

// motion: what is said moves on the picture, unless one asked for less motion.
func (c *class) motion(t *testing.T) {
	b := c.open(t, "en")
	const count = `(() => { window.moved = 0; window.lit = 0;
		new MutationObserver((all) => { for (const m of all) window.moved += m.addedNodes.length; }).observe(document.querySelector("#way .traffic"), { childList: true });
		for (const e of document.querySelectorAll("#way .edge")) new MutationObserver(() => { window.lit++; }).observe(e, { attributeFilter: ["class"] });
		return true; })()`
	js[bool](b, count)
	c.send("Moving", "\r\nmoving\r\n")
	b.wait(`window.moved > 0 && window.lit > 0`)
	b.wait(`document.querySelectorAll("#way .traffic > *").length === 0`)

	b.prefers("prefers-reduced-motion", "reduce")
	js[bool](b, count)
	c.send("Still", "\r\nstill\r\n")
	b.wait(`window.lit > 0`)
	b.line(c.say("en", "queue-relayed", "server", "crepes.fr", "to", bob)[:20])
	if js[int](b, `window.moved`) > 0 {
		t.Error("things move although less motion was asked for")
	}
}

// markup: what comes from the wire or from a message is text, whatever it looks
// like.
func (c *class) markup(t *testing.T) {
	const evil = `<img src=x onerror=alert(1)><script>alert(2)</script>`
	const turned, seen = "abc\u202edef\u0085", "abc⟨U+202E⟩def⟨U+0085⟩"
	b := c.open(t, "en")
	s := c.dial(alices, "smtp")
	fmt.Fprintf(s.conn, "NOOP %s\r\n", evil)
	s.read()
	b.line("NOOP " + evil)
	b.explained("NOOP "+evil, evil)
	fmt.Fprintf(s.conn, "NOOP %s\r\n", turned)
	s.read()
	b.line("NOOP " + seen)
	// lines and fields of any length
	fmt.Fprintf(s.conn, "NOOP %s\r\n", strings.Repeat("x", 1<<20))
	s.read()
	b.line("Line too long")
	c.send(strings.Repeat("long ", 2000)+"\r\n\t"+turned, "\r\n"+strings.Repeat("y", 900)+"\r\n")
	c.send(evil, "Content-Type: text/html; name=\""+evil+"\"\r\n\r\n"+evil+"\r\n")
	c.settle() // or it would be chosen in the queue, and leave
	b.click("#tab-messages")
	b.wait(`[...document.querySelectorAll("#messages .subject")].some((e) => e.textContent === %s)`, evil)
	js[bool](b, `([...document.querySelectorAll("#messages button")].find((e) => e.textContent.includes("<img")).click(), true)`)
	b.wait(`document.querySelector("#message .raw")?.textContent.includes("<img")`)
	b.wait(`[...document.querySelectorAll("#messages .subject")].some((e) => e.textContent.startsWith("long long"))`)
	js[bool](b, `([...document.querySelectorAll("#messages button")].find((e) => e.textContent.includes("long long")).click(), true)`)
	b.wait(`document.querySelector("#message .raw")?.textContent.includes("long long")`)
	if n := js[int](b, `document.images.length + document.scripts.length`); n != 3 {
		t.Errorf("the page has %d pictures and scripts, not its own 3", n)
	}
}

// setup: the page leads to the one that sets mail programs up, in its language.
func (c *class) setup(t *testing.T) {
	b := c.open(t, "vi")
	b.click("#setup")
	b.wait(`location.pathname === "/setup" && document.documentElement.lang === "vi"`)
}

// skipped: what was too much to show is said.
func (c *class) skipped(t *testing.T) {
	b := c.open(t, "en")
	for _, lang := range languages {
		c.speak(b, lang)
		for _, e := range []struct{ event, text string }{
			{`{ seq: 1, kind: "skipped", skipped: 7 }`, c.say(lang, "skipped", "n", "7")},
			{`{ seq: 1, kind: "skipped", skipped: 7, session: "a-1", protocol: "smtp" }`, c.say(lang, "skipped-here", "n", "7")},
			{`{ seq: 1, kind: "skipped", unseen: 2 }`, c.say(lang, "skipped-sessions", "n", "0", "sessions", "2")},
		} {
			// the page's own module, in the language that it speaks
			got := js[string](b, `import("/assets/lines.js").then((m) => m.rows(`+e.event+`, "programs").map((r) => r.kind + ": " + r.text).join())`)
			if got != "skipped: "+e.text {
				t.Errorf("in %s, %s is shown as %q", lang, e.event, got)
			}
		}
	}
}

// manyTabs: more tabs than a browser has connections to one server show what
// happens.
func (c *class) manyTabs(t *testing.T) {
	p := c.meet(t)
	var tabs []*tab
	for range 10 {
		tabs = append(tabs, p.open(c.demo.Page))
	}
	for _, b := range tabs {
		b.wait(`document.querySelector("#connection").classList.contains("good")`)
	}
	c.dial(alices, "smtp").say("NOOP many", "250")
	for _, b := range tabs {
		b.line("NOOP many")
	}
}

// crowd: a thousand sessions, of which the page says how many it was not shown,
// leave it bounded and at work.
func (c *class) crowd(t *testing.T) {
	b := c.open(t, "en")
	for i := range 1000 {
		conn, err := net.Dial("tcp", c.demo.Address(alices, "smtp"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "HELO crowd%d.test\r\nQUIT\r\n", i)
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	// the last ones may not be shown, for there were too many; one later is
	for k := 0; ; k++ {
		word := fmt.Sprintf("NOOP after-the-crowd-%d", k)
		s := c.dial(alices, "smtp")
		s.say(word, "250")
		s.say("QUIT", "221")
		if js[bool](b, `new Promise((done) => setTimeout(() => done([...document.querySelectorAll("#lines .what")].some((e) => e.textContent === %s)), 500))`, word) {
			break
		}
		if k == 60 {
			t.Fatal("sessions are not shown again")
		}
	}
	for selector, most := range map[string]int{"#sessions li": 40, "#filter-session option": 42, "#lines .line": 600} {
		if n := js[int](b, `document.querySelectorAll(%s).length`, selector); n > most {
			t.Errorf("%d of %s", n, selector)
		}
	}
}
