package wire

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"meridian/platform/netaddr"
	"meridian/world"
)

// Views come line by line, and again from where the next connection begins.
func TestViewsAreFollowedAcrossLosses(t *testing.T) {
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != world.HealthViewsPath || r.Header.Get("Authorization") != "Bearer key" {
			t.Errorf("asked %s with %q", r.URL, r.Header.Get("Authorization"))
		}
		n++
		fmt.Fprintf(w, "a%d\nb%d\n", n, n)
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var lines []string
	losses := 0
	way := netaddr.Transport("tcp:"+server.Listener.Addr().String(), netaddr.TransportOptions{IdleConns: -1})
	err := FollowViews(ctx, "eu", way, "key", func(line []byte) {
		if lines = append(lines, string(line)); len(lines) == 4 {
			cancel()
		}
	}, func(error) { losses++ })
	if err != context.Canceled || losses != 1 || !slices.Equal(lines, []string{"a1", "b1", "a2", "b2"}) {
		t.Errorf("%v after %d losses: %q", err, losses, lines)
	}
}
