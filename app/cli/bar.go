package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// barEvery is how often a terminal's line is drawn anew.
const barEvery = 100 * time.Millisecond

// barWidth is the bar itself, in characters.
const barWidth = 24

// bar shows on a terminal how far many files have come. Elsewhere it shows
// nothing: each file has a line when it is done.
type bar struct {
	mu     sync.Mutex
	out    io.Writer
	tty    bool
	files  int
	ended  int
	failed int
	bytes  map[string]int64 // sent, by file
	sizes  map[string]int64
	began  time.Time
	drawn  time.Time
	last   string
}

func newBar(out io.Writer, files int, shown bool) *bar {
	f, isFile := out.(*os.File)
	tty := false
	if shown && isFile {
		info, err := f.Stat()
		tty = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return &bar{out: out, tty: tty, files: files, bytes: map[string]int64{}, sizes: map[string]int64{}, began: time.Now()}
}

// file gives what a file's progress is told to.
func (b *bar) file(name string) func(done, size int64) {
	return func(done, size int64) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.bytes[name], b.sizes[name], b.last = done, size, name
		if now := time.Now(); b.tty && now.Sub(b.drawn) >= barEvery {
			b.drawn = now
			fmt.Fprint(b.out, "\r\x1b[K"+b.text(now))
		}
	}
}

// done counts a file that has ended, well or not.
func (b *bar) done(well bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended++
	if !well {
		b.failed++
	}
}

// line writes a line above the bar, if it is to be shown.
func (b *bar) line(out io.Writer, shown bool, text string) {
	if !shown {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
	fmt.Fprintln(out, text)
	if b.tty && b.ended < b.files {
		fmt.Fprint(b.out, b.text(time.Now()))
	}
}

// end takes the bar away.
func (b *bar) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
}

func (b *bar) clear() {
	if b.tty {
		fmt.Fprint(b.out, "\r\x1b[K")
	}
}

// text is the bar: how much of what has begun is sent, how many files have
// ended, how fast it goes.
func (b *bar) text(now time.Time) string {
	var sent, size int64
	for name, n := range b.bytes {
		sent, size = sent+n, size+b.sizes[name]
	}
	full := 0
	if size > 0 {
		full = int(sent * barWidth / size)
	}
	rate := float64(sent) / max(now.Sub(b.began).Seconds(), 0.1)
	text := fmt.Sprintf("[%s%s] %s of %s, %d of %d files, %s/s  %s", strings.Repeat("█", full), strings.Repeat("·", barWidth-full),
		megabytes(sent), megabytes(size), b.ended, b.files, megabytes(int64(rate)), filepath.Base(b.last))
	if b.failed > 0 {
		text += fmt.Sprintf("  (%d not taken)", b.failed)
	}
	return text
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
