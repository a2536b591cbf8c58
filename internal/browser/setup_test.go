//go:build browser

package browser

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"posthorn/internal/testserver"
)

// TestSetup goes through the settings page as somebody does who sets a mail
// program up, by keyboard: in both languages, with all steps open, on a
// projector and on a phone, in light and in dark colours.
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
			// copying, by keyboard; the button says so (and here goes on saying it)
			js[bool](b, `(window.copied = [], window.setTimeout = () => 0, navigator.clipboard.writeText = async (text) => { copied.push(text); }, true)`)
			js[bool](b, `(document.querySelector("tbody tr:nth-child(1) td:nth-child(3) .copy").focus(), true)`)
			b.keys(kb.Enter)
			b.wait(`window.copied[0] === %s && document.activeElement.firstElementChild.textContent === document.activeElement.dataset.done`, s.Port("imaps"))
			js[bool](b, `(document.querySelectorAll("details").forEach((d) => { d.open = true; }), true)`)
			b.accessible(script, "the settings")
			for _, size := range []struct{ width, height int64 }{{1280, 720}, {390, 844}} {
				b.size(size.width, size.height)
				for _, theme := range []string{"light", "dark"} {
					b.prefers("prefers-color-scheme", theme)
					what := fmt.Sprintf("%s-%d", theme, size.width)
					b.accessible(script, what)
					if wide := js[int](b, `document.scrollingElement.scrollWidth`); wide > int(size.width) {
						t.Errorf("%s: the page is %d pixels wide", what, wide)
					}
					b.shoot("setup-" + what)
				}
			}
		})
	}
}
