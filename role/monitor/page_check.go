package monitor

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"meridian/world"
)

// maxPage bounds a page that has been unpacked, in bytes.
const maxPage = 4 << 20

// pageCheck asks for a market's page, as a reader's browser does, and knows it by
// the market's name and its end. A page that was found good is known again by its
// hash.
type pageCheck struct {
	market world.Market
	path   string
	cookie string
	from   func(http.Header) bool // whether the answer is the target's own
	seen   func(page []byte)      // told of each page that is new; nil: nobody is

	mu   sync.Mutex
	good [sha256.Size]byte
}

func newPage(m world.Market, from func(http.Header) bool, seen func([]byte)) *pageCheck {
	return &pageCheck{market: m, path: "/", from: from, seen: seen}
}

// probeCart is a cart's id that no visitor is given: that is 26 letters of base 32
// by chance. The shop looks for it in its region's resident database.
const probeCart = "meridianmeridianmeridian22"

// newCart asks for a cart, which no cache has: the shop answers, from its database.
func newCart(m world.Market, from func(http.Header) bool) *pageCheck {
	return &pageCheck{market: m, path: "/cart", cookie: "cart=" + probeCart + "; __Host-cart=" + probeCart, from: from}
}

// newSignIn asks to be let in with a session that nobody has, which has the shape of
// [probeCart]: the region that keeps the sessions has to look for it.
func newSignIn(m world.Market, from func(http.Header) bool) *pageCheck {
	return &pageCheck{market: m, path: "/owner/sign-in", cookie: "owner=" + probeCart + "; __Secure-owner=" + probeCart, from: from}
}

func (p *pageCheck) request() *http.Request {
	r := newRequest(p.market.Host, p.path)
	r.Header.Set("Accept", "text/html")
	if p.cookie != "" {
		r.Header.Set("Cookie", p.cookie)
	}
	return r
}

func newRequest(host, path string) *http.Request {
	return &http.Request{
		Method: http.MethodGet, Host: host, URL: &url.URL{Scheme: "http", Host: host, Path: path}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"User-Agent": {"meridian-monitor"}, "Accept-Encoding": {"gzip"}},
	}
}

func (p *pageCheck) judge(h http.Header, body []byte) world.HealthReason {
	if !p.from(h) || !strings.HasPrefix(h.Get("Content-Type"), "text/html") {
		return world.ReasonContent
	}
	sum := sha256.Sum256(body)
	p.mu.Lock()
	known := p.good == sum
	p.mu.Unlock()
	if !known {
		page, err := unpack(h, body)
		if err != nil || !bytes.Contains(page, []byte(p.market.Name)) || !bytes.HasSuffix(bytes.TrimSpace(page), []byte("</html>")) {
			return world.ReasonContent
		}
		if p.seen != nil {
			p.seen(page)
		}
		p.mu.Lock()
		p.good = sum
		p.mu.Unlock()
	}
	if stale(h) {
		return world.ReasonStale
	}
	return world.ReasonAnswers
}

func unpack(h http.Header, body []byte) ([]byte, error) {
	if h.Get("Content-Encoding") != "gzip" {
		return body, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, maxPage))
}

// stale is whether the tier that was asked has fetched nothing for this answer
// though it wanted to: its own word in Cache-Status (RFC 9211), the last one.
func stale(h http.Header) bool {
	all := strings.Join(h.Values("Cache-Status"), ", ")
	own := all[strings.LastIndexByte(all, ',')+1:]
	return strings.Contains(own, "detail=stale-if-error")
}

// member is what a cache of that name has put into Cache-Status; "" without one.
func member(h http.Header, name string) string {
	for m := range strings.SplitSeq(strings.Join(h.Values("Cache-Status"), ", "), ",") {
		if m = strings.TrimSpace(m); m == name || strings.HasPrefix(m, name+";") {
			return m
		}
	}
	return ""
}

// pictures are the pictures that regions' pages show: what media is asked for.
type pictures struct {
	mu   *sync.Mutex
	path map[string]string // by region
}

func newPictures() pictures { return pictures{new(sync.Mutex), map[string]string{}} }

// anImage finds the address of a picture's smallest variants in a page. Its format
// is left open then, and such an address no cache keeps: media answers it, from the
// object store.
var anImage = regexp.MustCompile(`(/img/[a-z0-9-]+/[0-9a-zA-Z]+/v[0-9]+/)[a-z]+/([0-9]+x[0-9]+)`)

func (p pictures) keep(region string, page []byte) {
	found := anImage.FindSubmatch(page)
	p.mu.Lock()
	defer p.mu.Unlock()
	if found == nil {
		delete(p.path, region)
		return
	}
	p.path[region] = string(found[1]) + "auto/" + string(found[2])
}

// request asks for a picture of a region's; nil while none is known.
func (p pictures) request(region, host string) *http.Request {
	p.mu.Lock()
	path := p.path[region]
	p.mu.Unlock()
	if path == "" {
		return nil
	}
	r := newRequest(host, path)
	r.Header.Set("Accept", "image/webp,image/jpeg")
	return r
}

// isPicture knows the formats that media makes by their first bytes.
func isPicture(_ http.Header, body []byte) world.HealthReason {
	head := string(body[:min(len(body), 12)])
	if strings.HasPrefix(head, "RIFF") && strings.HasSuffix(head, "WEBP") || strings.HasPrefix(head, "\xff\xd8\xff") {
		return world.ReasonAnswers
	}
	return world.ReasonContent
}
