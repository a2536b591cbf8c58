//go:build browser

package browser

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"posthorn/internal/testserver"
)

// TestSetup goes through the settings page as somebody does who sets a mail
// program up, by keyboard: in both languages, on a projector and on a phone, in light
// and in dark colours.
func TestSetup(t *testing.T) {
	s := testserver.New(t, testserver.Config{Users: []string{"alice"}})
	s.MustStart()
	t.Cleanup(s.Stop)
	meet, script := chromium(t), axe(t)
	page := "http://" + s.Address("http") + "/setup"
	address := "alice@" + testserver.Domain

	for _, lang := range languages {
		t.Run(lang, func(t *testing.T) {
			b := meet(t).open(page + "?lang=" + lang)
			b.accessible(script, "the form")
			js[bool](b, `(document.querySelector("#address").focus(), true)`)
			b.keys(address + kb.Enter)
			b.wait(`document.querySelectorAll("tbody tr").length === 6`)
			if got := js[string](b, `document.documentElement.lang`); got != lang {
				t.Errorf("the answer is in %s", got)
			}
			b.wait(`document.querySelector("tbody").textContent.includes(%s)`, s.Port("imaps"))
			// copying, by keyboard; the button says so (and goes on saying it)
			js[bool](b, `(window.copied = [], window.later = setTimeout, window.setTimeout = () => 0, navigator.clipboard.writeText = async (text) => { copied.push(text); }, true)`)
			js[bool](b, `(document.querySelector("tbody tr:nth-child(1) td:nth-child(3) .copy").focus(), true)`)
			b.keys(kb.Enter)
			b.wait(`window.copied[0] === %s && document.activeElement.firstElementChild.textContent === document.activeElement.dataset.done`, s.Port("imaps"))
			js[bool](b, `(window.setTimeout = window.later, true)`)
			// one program's steps for axe-core, which is slow with drawings: all are made alike
			js[bool](b, `(document.querySelector("#android").open = true)`)
			for _, v := range []struct {
				width, height int64
				theme         string
			}{{1280, 720, "light"}, {390, 844, "dark"}} {
				b.size(v.width, v.height)
				b.prefers("prefers-color-scheme", v.theme)
				what := fmt.Sprintf("%s-%d", v.theme, v.width)
				b.accessible(script, what)
				if wide := js[int](b, `document.scrollingElement.scrollWidth`); wide > int(v.width) {
					t.Errorf("%s: the page is %d pixels wide", what, wide)
				}
				b.shoot("setup-" + what)
			}
			js[bool](b, `(document.querySelectorAll("details").forEach((d) => { d.open = true; }), true)`)
			if wide := js[int](b, `document.scrollingElement.scrollWidth`); wide > 390 {
				t.Errorf("with all steps open the page is %d pixels wide on a phone", wide)
			}
		})
	}
}
