package story

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"meridian/test/worldtest"
	"meridian/world"
)

// crowdSize is how many ask for one cold picture at once, over all PoPs.
const crowdSize = 10_000

// crowdWithin bounds a crowd's requests on a machine that does much else.
const crowdWithin = 3 * time.Minute

// coldPicture puts a photo in and waits for its copies: none of its variants has
// been asked for. region is the one that it was written in.
func coldPicture(t *testing.T, w *worldtest.World) (path, region string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cold.jpg")
	if err := os.WriteFile(file, photo(t), 0o644); err != nil {
		t.Fatal(err)
	}
	said := w.Run(t, "media", "put", "--dir", w.Dir, "--from", "frankfurt", "--json", file)
	var put struct {
		Taken []struct {
			MediaID  string `json:"media_id"`
			Manifest world.Manifest
		}
	}
	if err := json.Unmarshal([]byte(said.Out), &put); err != nil || len(put.Taken) != 1 {
		t.Fatalf("media put said %q %q: %v", said.Out, said.Err, err)
	}
	copied(t, w, put.Taken[0].MediaID)
	return fmt.Sprintf("/img/%s/%s/v1/jpeg/640x0", w.Plan.App, put.Taken[0].MediaID), put.Taken[0].Manifest.WriteRegion
}

// mediaReads is how many GETs each region's media has answered.
func mediaReads(t *testing.T, w *worldtest.World) map[string]int {
	t.Helper()
	line := regexp.MustCompile(`(?m)^meridian_http_request_seconds_count\{method="GET",place="([^"]+)",role="media"\} (\d+)`)
	out := map[string]int{}
	for _, m := range line.FindAllStringSubmatch(string(w.Admin(t).Get(t, "/metrics").Body), -1) {
		out[m[1]], _ = strconv.Atoi(m[2])
	}
	return out
}

// asker is one of the crowd: a connection of its own to a PoP, open before it asks.
type asker struct {
	conn net.Conn
	in   *bufio.Reader
	host string
}

// get asks and says what it was given; sure is whether the feeds were heard.
func (a *asker) get(path string) (given string, sure bool) {
	if _, err := fmt.Fprintf(a.conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, a.host); err != nil {
		return err.Error(), true
	}
	res, err := http.ReadResponse(a.in, nil)
	if err != nil {
		return err.Error(), true
	}
	defer res.Body.Close()
	h := sha256.New()
	n, err := io.Copy(h, res.Body)
	if err == nil && n == 0 {
		err = errors.New("no content")
	}
	return fmt.Sprintf("%d %.12x %v", res.StatusCode, h.Sum(nil), err), !strings.Contains(res.Header.Get("Cache-Status"), "feed-lost")
}

// gather opens the crowd's connections, the same number to each PoP.
func gather(t *testing.T, w *worldtest.World) []*asker {
	t.Helper()
	host := w.Market(t, "de").Host
	all := make([]*asker, crowdSize)
	var wg sync.WaitGroup
	seats := make(chan struct{}, 64)
	for i := range all {
		seats <- struct{}{}
		wg.Go(func() {
			defer func() { <-seats }()
			conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", w.Port+1+i%len(w.Plan.PoPs)))
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { conn.Close() })
			_ = conn.SetDeadline(time.Now().Add(crowdWithin))
			all[i] = &asker{conn, bufio.NewReaderSize(conn, 4096), host}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return all
}

// rush has everybody ask at once, and all be given the same. sure is whether
// every tier heard its feeds meanwhile: on a machine that is too busy for
// heartbeats they rightly ask once more than this story counts.
func rush(t *testing.T, crowd []*asker, path string) (sure bool) {
	t.Helper()
	var mu sync.Mutex
	outcomes := map[string]int{}
	sure = true
	start := make(chan struct{})
	var wg sync.WaitGroup
	for _, a := range crowd {
		wg.Go(func() {
			<-start
			given, heard := a.get(path)
			mu.Lock()
			defer mu.Unlock()
			outcomes[given]++
			sure = sure && heard
		})
	}
	began := time.Now()
	close(start)
	wg.Wait()
	t.Logf("%d requests over all PoPs took %d ms", len(crowd), time.Since(began).Milliseconds())
	for what := range outcomes {
		if len(outcomes) != 1 || !strings.HasPrefix(what, "200 ") || !strings.HasSuffix(what, " <nil>") {
			t.Fatalf("not all were given the same: %v", outcomes)
		}
	}
	return sure
}

// oneReadEach checks what the crowd cost the origin: one read at the write
// region, and at no other more than one.
func oneReadEach(t *testing.T, before, after map[string]int, region string) {
	t.Helper()
	total := 0
	for place, n := range after {
		reads := n - before[place]
		total += reads
		if reads > 1 || place == region && reads != 1 {
			t.Errorf("%d reads in %s", reads, place)
		}
	}
	t.Logf("reads of the origin: %d in all, %d in %s, where it was written", total, after[region]-before[region], region)
}

// TestStampede has ten thousand ask for one picture that no cache has, over all
// PoPs at once.
func TestStampede(t *testing.T) {
	w := theWorld(t, false)
	path, region := coldPicture(t, w)
	crowd := gather(t, w)
	before := mediaReads(t, w)
	if sure := rush(t, crowd, path); sure {
		oneReadEach(t, before, mediaReads(t, w), region)
	} else {
		t.Log("feeds were lost meanwhile: the reads are not counted")
	}
}

// TestStampedeWhileTheUpstreamDies cuts, half way through the content, the link
// by which Frankfurt gets it. Another region's copy goes on from where it broke
// off.
func TestStampedeWhileTheUpstreamDies(t *testing.T) {
	const from, to = "eu-central", "fra"
	for i, mode := range []string{"refuse", "blackhole"} {
		t.Run(mode, func(t *testing.T) {
			w := theWorld(t, false)
			visitor := w.AtPoP(t, "de", to)
			slug := visitor.Page(t, "/").Slugs()[i]
			picture := pictureOfPage(t, visitor.Page(t, "/p/"+slug))
			// A size that no page shows, and large enough to take its time.
			path := picture[:strings.LastIndex(picture, "/v1/")] + "/v1/jpeg/1280x0"
			crowd := gather(t, w)
			admin, link := w.Admin(t), "links/"+from+"/"+to
			slow(t, admin, link, 0.1)
			defer slow(t, admin, link, 1000)
			before, carried := mediaReads(t, w), carriedBy(t, admin, link)
			isCut, isOver := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(isCut)
				for carriedBy(t, admin, link) < carried+12_000 {
					select {
					case <-isOver:
						return // what was carried on will tell
					case <-time.After(10 * time.Millisecond):
					}
				}
				if a, err := admin.Do(http.MethodPost, "/"+link+"/cut", []byte(`{"mode": "`+mode+`"}`), "Content-Type", "application/json"); err != nil || a.Status != http.StatusOK {
					t.Errorf("cutting %s: %d %v", link, a.Status, err)
				}
			}()
			defer admin.Send(t, http.MethodPost, "/"+link+"/heal", nil)
			taken := takeOvers(t, w, to)
			sure := rush(t, crowd, path)
			close(isOver)
			<-isCut
			if !sure {
				t.Log("feeds were lost meanwhile: the reads are not counted")
				return
			}
			oneReadEach(t, before, mediaReads(t, w), from)
			// None: the region was so slow to begin that another had been asked beside it.
			n := takeOvers(t, w, to) - taken
			if n > 1 {
				t.Errorf("%d reads carried on one that died", n)
			}
			t.Logf("%d read carried on one that died", n)
		})
	}
}

// takeOvers is how many reads a PoP's cache has had carried on.
func takeOvers(t *testing.T, w *worldtest.World, pop string) int {
	t.Helper()
	line := regexp.MustCompile(`(?m)^meridian_cache_takeovers_total\{place="` + pop + `",role="edge"\} (\d+)`)
	m := line.FindStringSubmatch(string(w.Admin(t).Get(t, "/metrics").Body))
	if m == nil {
		t.Fatalf("no figure of %s", pop)
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

// slow gives a link a bandwidth in Mbit/s.
func slow(t *testing.T, admin *worldtest.Client, link string, mbit float64) {
	t.Helper()
	if a := admin.Send(t, http.MethodPatch, "/"+link, fmt.Appendf(nil, `{"bandwidth_mbit": %v}`, mbit), "Content-Type", "application/json"); a.Status != http.StatusOK {
		t.Fatalf("%s: %d %s", link, a.Status, a.Body)
	}
}

// carriedBy is how many bytes a link has carried.
func carriedBy(t *testing.T, admin *worldtest.Client, link string) int64 {
	var l struct{ Bytes int64 }
	a, err := admin.Do(http.MethodGet, "/"+link, nil)
	if err == nil {
		err = json.Unmarshal(a.Body, &l)
	}
	if err != nil {
		t.Error(err)
	}
	return l.Bytes
}
