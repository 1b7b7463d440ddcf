package story

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"meridian/test/worldtest"
)

// TestResidentDataStaysHome orders under a name that nobody has, then looks
// for it in every byte that the world keeps: databases with their logs, object
// stores, configuration, what the processes printed and what the caches serve.
// Germany's resident cluster must hold it, and nothing else may. A committed row
// is in its cluster's write-ahead log at once, so nothing needs to be flushed
// before the search.
func TestResidentDataStaysHome(t *testing.T) {
	w := theWorld(t)
	c := w.Visitor(t, "de", "tokyo") // the order crosses the world on its way home
	slug := c.Page(t, "/").Slugs()[2]
	w.Restock(t, "de", slug, 20)
	const name, email = "Zyxwvut Kanarienvogel", "kanarienvogel.zyxwvut@example.org"
	o := c.Buy(t, slug, 1, name, email)
	if !strings.Contains(o.Page.Text(), name) {
		t.Fatal("the order's page does not show its name")
	}
	owner := w.Owner(t, "de")
	if !strings.Contains(owner.Page(t, "/owner/").Text(), name) {
		t.Fatal("the owner does not see the order")
	}
	canaries := [][]byte{[]byte("Zyxwvut Kanarienvogel"), []byte("kanarienvogel.zyxwvut")}
	home := filepath.Join(w.Dir, "pg", "resident-eu-central") + string(filepath.Separator)
	found, searched := search(t, w.Dir, canaries)
	atHome := 0
	for _, path := range slices.Concat(found...) {
		if strings.HasPrefix(path, home) {
			atHome++
		} else {
			t.Errorf("personal data of the European zone lies in %s", path)
		}
	}
	if atHome == 0 {
		t.Error("the canary is not found even at home: the search proves nothing")
	}
	t.Logf("%d MiB searched, the canary lies in %d files at home", searched>>20, atHome)
	if logs := []byte(w.Logs()); bytes.Contains(logs, canaries[0]) || bytes.Contains(logs, canaries[1]) {
		t.Error("personal data was printed")
	}
	strangers(t, w, o.Path, canaries)
}

// search lists, for each needle, the files under a directory that hold it.
func search(t *testing.T, dir string, needles [][]byte) (found [][]string, bytesRead int64) {
	t.Helper()
	buf := make([]byte, 1<<20) // one for thousands of files
	found = make([][]string, len(needles))
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // a file of a running server may go at any time
		}
		f, err := os.Open(path)
		if err != nil {
			return nil
		}
		defer f.Close()
		held, n, err := holds(f, needles, buf)
		bytesRead += n
		for i := range held {
			found[i] = append(found[i], path)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, bytesRead
}

// holds tells which needles are read. It reads through buf in pieces that overlap,
// so that none falls between two.
func holds(r io.Reader, needles [][]byte, buf []byte) (held map[int]bool, read int64, err error) {
	const overlap = 256
	kept := 0
	held = map[int]bool{}
	for {
		n, err := io.ReadFull(r, buf[kept:])
		read += int64(n)
		for i, needle := range needles {
			if bytes.Contains(buf[:kept+n], needle) {
				held[i] = true
			}
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return held, read, nil
		}
		if err != nil {
			return held, read, err
		}
		kept = copy(buf, buf[kept+n-overlap:kept+n])
	}
}

// strangers ask every PoP for the order, the cart and the owner's pages: the
// caches must not have kept what another browser was shown.
func strangers(t *testing.T, w *worldtest.World, order string, canaries [][]byte) {
	t.Helper()
	together(t, pops(w), func(pop string) error {
		c := w.AtPoP(t, "de", pop)
		for _, path := range []string{"/", "/cart", "/checkout", "/orders", order, "/owner/", "/metrics"} {
			a, err := c.Do(http.MethodGet, path, nil, "Accept", "text/html")
			if err != nil {
				return err
			}
			for _, canary := range canaries {
				if bytes.Contains(a.Body, canary) {
					t.Errorf("%s tells a stranger on %s what is personal", pop, path)
				}
			}
			if path == order && a.Status != http.StatusNotFound {
				t.Errorf("%s answers a stranger on %s with %d, want 404", pop, path, a.Status)
			}
		}
		return nil
	})
}

// TestSearchSeesEveryByte: a search that misses what falls between two pieces
// would prove nothing.
func TestSearchSeesEveryByte(t *testing.T) {
	needle := [][]byte{[]byte("Kanarienvogel")}
	buf := make([]byte, 1000)
	for at := range 3000 {
		text := append(bytes.Repeat([]byte{'.'}, at), "Kanarienvogel, and more"...)
		if held, n, err := holds(bytes.NewReader(text), needle, buf); !held[0] || err != nil || n != int64(len(text)) {
			t.Fatalf("at byte %d: %v after %d bytes, %v", at, held, n, err)
		}
	}
	if held, _, _ := holds(strings.NewReader("Kanarienvoge"), needle, buf); len(held) > 0 {
		t.Error("found what is not there")
	}
}
