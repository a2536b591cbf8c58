//go:build browser

package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long anything may take: the machine may be busy with other
// things. Nothing is waited for that does not happen at once on an idle one.
const patience = 60 * time.Second

// chromium starts the browser that a test's tabs share, and returns a function
// that opens tabs of one more person, who shares no storage with the others.
func chromium(t *testing.T) func(t *testing.T) *person {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("%v (the Debian package chromium)", err)
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en-US"),
		chromedp.Flag("explicitly-allowed-ports", "10080")) // of Amanda, which browsers refuse
	allocator, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	first, quit := chromedp.NewContext(allocator)
	t.Cleanup(func() { quit(); stop() })
	if err := chromedp.Do(first); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	return func(t *testing.T) *person {
		ctx, leave := chromedp.NewContext(first, chromedp.WithNewBrowserContext())
		t.Cleanup(leave)
		return &person{t: t, ctx: ctx}
	}
}

// person has tabs that share one storage.
type person struct {
	t    *testing.T
	ctx  context.Context
	tabs int
}

// open opens an address in a new tab. The test fails on whatever the page
// complains of until it ends: exceptions, errors on the console, what the
// Content-Security-Policy refused.
func (p *person) open(address string) *tab {
	p.t.Helper()
	ctx, leave := p.ctx, context.CancelFunc(func() {})
	if p.tabs > 0 {
		ctx, leave = chromedp.NewContext(p.ctx)
	}
	p.tabs++
	b := &tab{t: p.t, ctx: ctx}
	p.t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, c := range b.complaints {
			p.t.Errorf("the page complains: %s", c)
		}
		leave()
	})
	b.must("listening", chromedp.Listen(ctx, b.hear))
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		p.t.Fatal(err)
	}
	b.size(1440, 1000)
	b.must("opening "+address, b.do(chromedp.Navigate(address)))
	return b
}

// tab is an open page. Its methods end the test where something does not happen
// in time.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string
	expected   string // a word of complaints that are none; empty: there is no such word
}

func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, fmt.Sprintf("%s %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" || e.Type == "assert" {
			var said []string
			for _, a := range e.Args {
				said = append(said, string(a.Value)+a.Description)
			}
			b.complaints = append(b.complaints, strings.Join(said, " "))
		}
	case *log.EventEntryAdded:
		expected := b.expected != "" && strings.Contains(e.Entry.Text, b.expected)
		if !expected && (e.Entry.Level == "error" || e.Entry.Level == "warning") {
			b.complaints = append(b.complaints, e.Entry.Text+" "+e.Entry.URL)
		}
	}
}

// expects has complaints with a word pass from now on: those that a test
// provokes itself.
func (b *tab) expects(word string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = word
}

func (b *tab) must(what string, err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Do(ctx, steps...)
}

// size sets the viewport, in CSS pixels.
func (b *tab) size(width, height int64) {
	b.t.Helper()
	b.must("viewport", b.do(chromedp.EmulateViewport(width, height)))
}

// prefers sets what media queries see: "prefers-color-scheme", "dark".
func (b *tab) prefers(feature, value string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: feature, Value: value}}})
	b.must("media", err)
}

// js evaluates an expression, which may be a promise, to a value.
func js[T any](b *tab, expression string, values ...any) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	out, err := chromedp.Run(ctx, chromedp.Evaluate[T](fill(b.t, expression, values), chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return out
}

// fill puts values, as JavaScript has them, in place of %s.
func fill(t *testing.T, expression string, values []any) string {
	t.Helper()
	if len(values) == 0 {
		return expression
	}
	literals := make([]any, len(values))
	for i, v := range values {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		literals[i] = string(raw)
	}
	return fmt.Sprintf(expression, literals...)
}

// wait waits until an expression is true.
func (b *tab) wait(expression string, values ...any) {
	b.t.Helper()
	condition := fill(b.t, expression, values)
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+condition+")"))
		if err == nil && ok {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			b.shoot("failure")
			b.t.Fatalf("never happened: %s (%v)", condition, err)
		}
	}
}

// click waits until an element is there, can be seen, is enabled and not
// covered, and clicks it before the page can move it elsewhere.
func (b *tab) click(selector string) {
	b.t.Helper()
	b.wait(`(() => {
		const e = document.querySelector(%s);
		if (!e?.checkVisibility() || e.disabled) return false;
		e.scrollIntoView({ block: "center" });
		const r = e.getBoundingClientRect();
		const top = document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2);
		if (!top || !e.contains(top)) return false;
		e.focus();
		e.click();
		return true;
	})()`, selector)
}

// choose takes an option of a select, as a person does.
func (b *tab) choose(selector, value string) {
	b.t.Helper()
	b.wait(`[...document.querySelector(%s)?.options ?? []].some((o) => o.value === %s)`, selector, value)
	js[bool](b, `(() => { const s = document.querySelector(%s); s.value = %s; s.dispatchEvent(new Event("change", { bubbles: true })); return true; })()`, selector, value)
}

// keys presses keys, one after the other.
func (b *tab) keys(keys string, options ...chromedp.KeyOption) {
	b.t.Helper()
	b.must("keys", b.do(chromedp.KeyEvent(keys, options...)))
}

// text is an element's text.
func (b *tab) text(selector string) string {
	b.t.Helper()
	return js[string](b, `document.querySelector(%s)?.textContent ?? ""`, selector)
}

// shoot writes a picture of what is seen into the folder that SHOTS names.
func (b *tab) shoot(name string) {
	b.t.Helper()
	dir := os.Getenv("SHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		file := strings.NewReplacer("/", "-", " ", "-").Replace(b.t.Name() + "-" + name)
		err = os.WriteFile(filepath.Join(dir, file+".png"), png, 0o644)
	}
	if err != nil {
		b.t.Logf("picture %s: %v", name, err)
	}
}
