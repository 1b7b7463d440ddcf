// Package ecb fetches files of reference rates of exchange, from where the
// European Central Bank publishes them, or a mirror or file of the same form. What
// they say is read by package engine/fx.
package ecb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"meridian/world"
)

// Limits of one fetch.
type Limits struct {
	Bytes   int64         // of the file
	Timeout time.Duration // of the whole exchange
}

// maxRedirects is how often a server may lead elsewhere.
const maxRedirects = 3

// filePrefix begins the name of a file here.
const filePrefix = "file:"

// Source is where a file of rates is. It is safe for concurrent use.
type Source struct {
	path   string // of a file; "" for an address
	url    string
	limits Limits
	client *http.Client
}

// New reads where a file is: an http or https address, or file:/path. It fails
// with invalid for anything else.
func New(from string, l Limits) (*Source, error) {
	if path, ok := strings.CutPrefix(from, filePrefix); ok && strings.HasPrefix(path, "/") {
		return &Source{path: path, limits: l}, nil
	}
	u, err := url.Parse(from)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return nil, world.E(world.CodeInvalid, "ecb.new", fmt.Sprintf("%.120q is not where a file of rates is: write an https address without a password, or file:/path", from))
	}
	return &Source{url: from, limits: l, client: &http.Client{
		Timeout: l.Timeout,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: l.Timeout}).DialContext,
			TLSHandshakeTimeout: l.Timeout, ResponseHeaderTimeout: l.Timeout,
			DisableKeepAlives: true, // once a day: there is nothing to keep a connection for
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects || via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
				return errors.New("it leads elsewhere too often, or out of TLS")
			}
			return nil
		},
	}}, nil
}

// Fetch is the file as it is now. It fails with [world.CodeBadUpstream] for a
// file that is not there or an answer that is none, with [world.CodeTooLarge] for
// one past the limit, and with [world.CodeUnavailable] for a server that cannot be
// reached.
func (s *Source) Fetch(ctx context.Context) ([]byte, error) {
	if s.path != "" {
		f, err := os.Open(s.path)
		if err != nil {
			return nil, world.Because(world.CodeBadUpstream, "ecb.fetch", "The file of rates cannot be opened.", err)
		}
		defer f.Close()
		return s.read(f)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, world.Wrap("ecb.fetch", err)
	}
	res, err := s.client.Do(r)
	if err != nil {
		return nil, world.Because(world.CodeUnavailable, "ecb.fetch", "Where the rates are published cannot be reached.", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, world.E(world.CodeBadUpstream, "ecb.fetch", fmt.Sprintf("Where the rates are published answers %d.", res.StatusCode))
	}
	return s.read(res.Body)
}

func (s *Source) read(from io.Reader) ([]byte, error) {
	file, err := io.ReadAll(io.LimitReader(from, s.limits.Bytes+1))
	if err != nil {
		return nil, world.Because(world.CodeBadUpstream, "ecb.fetch", "The file of rates breaks off.", err)
	}
	if int64(len(file)) > s.limits.Bytes {
		return nil, world.E(world.CodeTooLarge, "ecb.fetch", fmt.Sprintf("The file of rates has more than %d bytes.", s.limits.Bytes))
	}
	return file, nil
}
