package story

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// axe-core is no part of the project: scripts/install-deps test puts this version
// into the user's cache directory, by the same name and checksum.
const (
	axeFile = "axe-core-4.10.3.min.js"
	axeSum  = "880970c081707360e64f34cea25ff91892f5bc95675b0776925b9709dd8a68bb" // SHA-256
)

// axe looks at pages by axe-core, and keeps what it finds.
type axe struct {
	source string // "": it is not there

	mu    sync.Mutex
	pages int
	found []finding
}

// finding is one thing that axe-core has against a page.
type finding struct{ Page, Impact, ID, Help, Where string }

// axeSource is axe-core, or "" where it is not installed.
func axeSource() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	source, err := os.ReadFile(filepath.Join(dir, "meridian", axeFile))
	if sum := sha256.Sum256(source); err != nil || hex.EncodeToString(sum[:]) != axeSum {
		return ""
	}
	return string(source)
}

// look has axe-core look at the page that a browser shows.
func (a *axe) look(b *browser, page string) {
	b.t.Helper()
	if a.source == "" {
		return
	}
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](a.source+"\n;true")); err != nil {
		b.t.Fatal(err)
	}
	found := js[[]finding](b, `axe.run(document, { iframes: false, resultTypes: ["violations"] }).then((r) => r.violations.flatMap((v) => v.nodes.map((n) =>
		({ Impact: n.impact ?? v.impact ?? "", ID: v.id, Help: v.help, Where: n.target.join(" ") + " " + n.html.slice(0, 160) + " " + [...n.any, ...n.all, ...n.none].map((c) => c.message).join("; ") }))))`)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pages++
	for _, f := range found {
		f.Page = page
		a.found = append(a.found, f)
	}
}

// judge fails for what is serious or critical, and prints the rest.
func (a *axe) judge(t *testing.T) {
	t.Helper()
	if a.source == "" {
		t.Skipf("nothing was checked: %s is not in the folder meridian of the user's cache directory, or is another one; scripts/install-deps test puts it there where there is npm", axeFile)
	}
	pages := map[string][]string{}
	worst := map[string]finding{}
	for _, f := range a.found {
		id := fmt.Sprintf("%s %s (%s)\n    %s", f.Impact, f.ID, f.Help, f.Where)
		pages[id], worst[id] = append(pages[id], f.Page), f
	}
	for id, f := range worst {
		say := t.Logf
		if f.Impact == "serious" || f.Impact == "critical" {
			say = t.Errorf
		}
		say("%s\n    on %s", id, strings.Join(pages[id], ", "))
	}
	t.Logf("axe-core looked at %d pages", a.pages)
}
