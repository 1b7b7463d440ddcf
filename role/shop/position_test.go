package shop

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"meridian/engine/upstream"
	"meridian/platform/httpserver"
	"meridian/world"
)

const demanded = "catalog-eu-central@1:0/16B3748"

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// wrongWay is one that nobody may take.
func wrongWay(t *testing.T) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		t.Errorf("%s was asked for %s", r.URL.Host, r.URL.Path)
		return nil, errors.New("the wrong way")
	}
}

func TestReplicaThatIsBehindHandsOn(t *testing.T) {
	var asked *http.Request
	way := roundTrip(func(r *http.Request) (*http.Response, error) {
		asked = r
		return &http.Response{StatusCode: 200, Header: http.Header{"Meridian-Region": {"eu-central"}, "Cache-Control": {"public"}}, Body: io.NopCloser(strings.NewReader("fresh"))}, nil
	})
	b := open(t, "us-east", "de.localhost:8080", func(_ *Config, d *Deps) {
		d.Peers = map[string]http.RoundTripper{
			"eu-central":   roundTrip(func(r *http.Request) (*http.Response, error) { return way(r) }),
			"ap-southeast": wrongWay(t),
		}
	})
	b.catalog.behind = true
	w := b.get("/p/brot", world.HeaderMinPosition, demanded)
	wants(t, w, 200, "fresh")
	if w.Header().Get("Meridian-Region") != "eu-central" || len(w.Header()["Meridian-Region"]) != 1 {
		t.Errorf("answered by %v", w.Header()["Meridian-Region"])
	}
	if asked.Host != "de.localhost:8080" || asked.URL.Path != "/p/brot" || asked.Header.Get(httpserver.HeaderForwarded) != "us-east" || asked.Header.Get(world.HeaderMinPosition) != demanded {
		t.Errorf("asked %s %s %v", asked.Host, asked.URL, asked.Header)
	}
	if len(b.catalog.waited) != 1 || b.catalog.waited[0].Cluster != "catalog-eu-central" {
		t.Errorf("waited for %v", b.catalog.waited)
	}
	if w := b.get("/p/brot", world.HeaderMinPosition, demanded, httpserver.HeaderForwarded, "ap-southeast"); w.Code != 503 {
		t.Errorf("handed on twice: %d", w.Code)
	}
	way = func(*http.Request) (*http.Response, error) { return nil, errors.New("the link is cut") }
	w = b.get("/p/brot", world.HeaderMinPosition, demanded)
	wants(t, w, 503, "Gleich wieder da")
	if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Retry-After") == "" {
		t.Errorf("headers %v", w.Header())
	}
	b.catalog.behind = false
	wants(t, b.get("/p/brot", world.HeaderMinPosition, demanded), 200, "Knusprig.")
	wants(t, b.get("/p/brot", world.HeaderMinPosition, "rubbish"), 400)
}

// swallows is a way through a cut link, until it is healed.
type swallows struct {
	healed bool
	asked  int
}

func (c *swallows) RoundTrip(r *http.Request) (*http.Response, error) {
	c.asked++
	if !c.healed {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("theirs"))}, nil
}

// A link that swallows costs a visitor no more than forward_wait, and those who
// come after him nothing; it is tried again, and taken once it is healed.
func TestALinkThatSwallowsIsNotWaitedFor(t *testing.T) {
	for name, c := range map[string]struct {
		region  string // which of its pages' regions is cut off, and behind
		prepare func(*fakeCatalog)
		status  int
	}{
		"the home region":      {"eu-central", func(c *fakeCatalog) { c.behind = true }, 503},
		"a region of pictures": {"us-east", func(c *fakeCatalog) { c.lagging = "us-east" }, 200},
	} {
		synctest.Test(t, func(t *testing.T) {
			link, began := &swallows{}, time.Now()
			here := map[string]string{"eu-central": "us-east", "us-east": "eu-central"}[c.region]
			b := open(t, here, "de.localhost", func(_ *Config, d *Deps) {
				d.Peers = map[string]http.RoundTripper{c.region: link}
				d.Now = func() time.Time { return noon.Add(time.Since(began)) }
			})
			c.prepare(b.catalog)
			get := func(status int, body string, after time.Duration) {
				t.Helper()
				asked := time.Now()
				w := b.get("/p/brot", world.HeaderMinPosition, demanded)
				if took := time.Since(asked); w.Code != status || took != after || !strings.Contains(w.Body.String(), body) {
					t.Errorf("%s: %d after %v, want %d after %v", name, w.Code, took, status, after)
				}
			}
			get(c.status, "", Default().ForwardWait)
			for range 10 {
				get(c.status, "", 0)
			}
			if link.asked != 1 {
				t.Errorf("%s: it was asked %d times", name, link.asked)
			}
			time.Sleep(upstream.DefaultRest)
			get(c.status, "", Default().ForwardWait)
			get(c.status, "", 0)
			link.healed = true
			time.Sleep(2 * upstream.DefaultRest)
			get(200, "theirs", 0)
			get(200, "theirs", 0)
		})
	}
}

func TestHomeThatIsBehindFails(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	b.catalog.behind = true
	wants(t, b.get("/", world.HeaderMinPosition, demanded), 503)
}

// answering is a way to a region that answers so; it keeps what it was asked.
type answering struct {
	status int // 0: it cannot be reached
	asked  []*http.Request
}

func (a *answering) RoundTrip(r *http.Request) (*http.Response, error) {
	a.asked = append(a.asked, r)
	if a.status == 0 {
		return nil, errors.New("the link is cut")
	}
	return &http.Response{StatusCode: a.status, Header: http.Header{"Cache-Control": {"public"}}, Body: io.NopCloser(strings.NewReader("theirs"))}, nil
}

// A picture's rows are in the region that took it in, which need not be the
// market's: a page must not bring back what was purged there, and must not be
// lost with that region either.
func TestPicturesThatAreBehind(t *testing.T) {
	const life, brief = "max-age=300, stale-if-error=86400", "max-age=1, stale-if-error=86400"
	demand := []string{world.HeaderMinPosition, demanded}
	for name, c := range map[string]struct {
		lagging string
		far     *answering
		headers []string
		body    string
		kept    string
	}{
		"nothing is demanded": {lagging: "us-east", far: &answering{}, body: "v3", kept: life},
		"none":                {far: &answering{}, headers: demand, body: "v4", kept: life},
		"asked there":         {lagging: "us-east", far: &answering{status: 200}, headers: demand, body: "theirs"},
		"lost":                {lagging: "us-east", far: &answering{}, headers: demand, body: "v4", kept: brief},
		"failing":             {lagging: "us-east", far: &answering{status: 503}, headers: demand, body: "v4", kept: brief},
		"handed on":           {lagging: "us-east", far: &answering{status: 200}, headers: append(demand, httpserver.HeaderForwarded, "ap-southeast"), body: "v4", kept: brief},
	} {
		b := open(t, "eu-central", "de.localhost", func(_ *Config, d *Deps) {
			d.Peers = map[string]http.RoundTripper{"us-east": c.far, "ap-southeast": wrongWay(t)}
		})
		b.catalog.lagging = c.lagging
		b.catalog.renew = func(products []world.Product) {
			for i := range products {
				if products[i].PictureID != "" {
					products[i].Picture.Version = 4
				}
			}
		}
		for _, path := range []string{"/", "/p/torte", "/p/brot"} { // the last shows it beside the bread
			w := b.get(path, c.headers...)
			wants(t, w, 200, c.body)
			if got := w.Header().Get("CDN-Cache-Control"); got != c.kept {
				t.Errorf("%s, %s: kept for %q, want %q", name, path, got, c.kept)
			}
		}
		if n := len(c.far.asked); (n > 0) != (name == "asked there" || name == "lost" || name == "failing") {
			t.Errorf("%s: the other region was asked %d times", name, n)
		}
	}
}

// A picture that may not be shown leaves its place empty, and the page is purged
// when that changes.
func TestAHiddenPictureLeavesItsPlace(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	b.catalog.products[0].Picture = world.Picture{}
	for _, path := range []string{"/", "/p/torte", "/p/brot"} {
		w := b.get(path)
		wants(t, w, 200, `class="shot bare" role="img" aria-label="Torte &amp; &lt;Sahne&gt;"`)
		lacks(t, w, "<img", "/img/")
		if got := w.Header().Get("Surrogate-Key"); !strings.HasSuffix(got, " media/sweet-crumbs/2abcdefghjkmnpqr/alias") {
			t.Errorf("%s: groups %q", path, got)
		}
	}
}

// The list of a large market names no more than a cache can index.
func TestAListOfManyNamesWhatACacheCanIndex(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", func(c *Config, _ *Deps) { c.ListSize = world.MaxList })
	b.catalog.products = nil
	for i := range 99 {
		b.catalog.products = append(b.catalog.products, world.Product{Slug: fmt.Sprintf("kuchen-%d", i), Name: "Kuchen", TaxClass: "cake", PictureID: fmt.Sprintf("2%015d", i)})
	}
	names := func() []string { return strings.Fields(b.get("/").Header().Get("Surrogate-Key")) }
	if got := names(); len(got) != world.MaxPageGroups {
		t.Errorf("%d groups", len(got))
	}
	b.catalog.products = append(b.catalog.products, world.Product{Slug: "noch-einer", Name: "Kuchen", TaxClass: "cake"})
	if got := names(); len(got) != 2+100+1 || got[len(got)-1] != world.GroupPictures("sweet-crumbs") {
		t.Errorf("%d groups: %v", len(got), got)
	}
}
