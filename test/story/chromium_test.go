package story

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// browseWithin bounds one test in the browser, pageWithin what one page shows.
const (
	browseWithin = 8 * time.Minute
	pageWithin   = 30 * time.Second
)

// shotsVariable names a directory for pictures of what the browser shows.
const shotsVariable = "STORY_SHOTS"

// browser is a tab of a headless Chromium with a profile of its own.
type browser struct {
	t    *testing.T
	ctx  context.Context
	host string // "http://de.localhost:9000"

	mu       sync.Mutex
	faults   []string // what the console said
	forgiven string   // part of the addresses whose failures are a part of the story; "" for none
	sent     []sent   // every request, in order
}

// sent is a request of the browser.
type sent struct {
	method, path string
	headers      map[string]any
}

// chromium finds the browser under the names that distributions give it.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("these tests click through the shop in Chromium, and there is none; scripts/install-deps test installs it")
	return ""
}

// open starts a browser for a site. When the test is over, nothing may stand
// in its console.
func open(t *testing.T, host string) *browser {
	t.Helper()
	profile, err := os.MkdirTemp("", "story-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(profile) })
	b := &browser{t: t, host: host}
	ctx, cancel := context.WithTimeout(context.Background(), browseWithin)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)), chromedp.UserDataDir(profile), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.WindowSize(1280, 900))...)
	t.Cleanup(cancel)
	b.ctx, cancel = chromedp.NewContext(ctx, chromedp.WithListener(b.listen))
	t.Cleanup(cancel)
	t.Cleanup(func() {
		for _, f := range b.console() {
			t.Errorf("the browser's console: %s", f)
		}
	})
	return b
}

// listen keeps what the console complains of: exceptions, refused styles,
// files that are not there. An answer of 4xx to a form is the shop's way to
// say what is wrong with it.
func (b *browser) listen(event any) {
	var fault, from string
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.mu.Lock()
		b.sent = append(b.sent, sent{e.Request.Method, strings.TrimPrefix(e.Request.URL, b.host), e.Request.Headers})
		b.mu.Unlock()
	case *page.EventJavascriptDialogOpening:
		go b.leave()
	case *runtime.EventExceptionThrown:
		fault = e.ExceptionDetails.Text
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && !strings.Contains(e.Entry.Text, "422") {
			fault, from = fmt.Sprintf("%s %s", e.Entry.Text, e.Entry.URL), e.Entry.URL
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if fault != "" && (b.forgiven == "" || !strings.Contains(from, b.forgiven)) {
		b.faults = append(b.faults, fault)
	}
}

// leave says yes to a page that asks whether it may be left.
func (b *browser) leave() {
	_, _ = chromedp.Call(b.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true}) // the browser may have ended
}

// forgive has failures of addresses that contain a text be no faults.
func (b *browser) forgive(part string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forgiven = part
}

// requests are those of a method so far whose path begins so.
func (b *browser) requests(method, prefix string) []sent {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []sent
	for _, s := range b.sent {
		if s.method == method && strings.HasPrefix(s.path, prefix) {
			out = append(out, s)
		}
	}
	return out
}

func (b *browser) console() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.faults
}

func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// leads carries out what leads to another page, and waits for it.
func (b *browser) leads(want int64, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	res, err := chromedp.RunResponse(b.ctx, actions...)
	if err != nil {
		b.t.Fatalf("no page came: %v", err)
	}
	if int64(res.Status) != want {
		b.t.Fatalf("%s: %d, want %d", res.URL, int64(res.Status), want)
	}
}

func (b *browser) visit(path string) {
	b.t.Helper()
	b.leads(200, chromedp.Navigate(b.host+path))
}

// click presses the first element that a selector names.
func (b *browser) click(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(chromedp.CSS(selector))
}

// fill types a text into a field in place of what it holds.
func (b *browser) fill(id, text string) {
	b.t.Helper()
	js[bool](b, fmt.Sprintf(`(document.getElementById(%q).select(), true)`, id))
	b.do(chromedp.SendKeys(chromedp.CSS("#"+id), text))
}

func (b *browser) press(key string) chromedp.Action[chromedp.Void] { return chromedp.KeyEvent(key) }

func (b *browser) tab() { b.t.Helper(); b.do(b.press(kb.Tab)) }

// js evaluates an expression on the page.
func js[T any](b *browser, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// text is the text of the first element that a selector names, "" without one.
func (b *browser) text(selector string) string {
	b.t.Helper()
	return js[string](b, fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector))
}

// until waits until an expression is true on the page, whichever page that is.
func (b *browser) until(what, expression string) {
	b.t.Helper()
	var last error
	for began := time.Now(); time.Since(began) < pageWithin; time.Sleep(20 * time.Millisecond) {
		ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](expression))
		if last = err; ok {
			return
		}
	}
	b.t.Fatalf("%s: not within %s (%v); the page says %s", what, pageWithin, last, b.text("main"))
}

// shows waits for a text that can be seen in the first element that a selector names.
func (b *browser) shows(selector, text string) {
	b.t.Helper()
	b.until(fmt.Sprintf("%s says %q", selector, text), fmt.Sprintf(`(() => { const e = document.querySelector(%q); return !!e && e.checkVisibility() && e.innerText.includes(%q); })()`, selector, text))
}

// tall has the window show a whole page: else the traveller's bar lies over what
// is to be clicked.
func (b *browser) tall() { b.t.Helper(); b.do(chromedp.EmulateViewport(1280, 1600)) }

// choose puts files into a field.
func (b *browser) choose(selector string, files ...string) {
	b.t.Helper()
	b.do(chromedp.SetUploadFiles(chromedp.CSS(selector), files))
}

// shooting reports whether somebody wants to look at what is seen.
func (b *browser) shooting() bool { return os.Getenv(shotsVariable) != "" }

// shot keeps what is seen, if it is to be looked at.
func (b *browser) shot(name string) {
	b.t.Helper()
	if !b.shooting() {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(os.Getenv(shotsVariable), name+".png"), picture, 0o600); err != nil {
		b.t.Fatal(err)
	}
}
