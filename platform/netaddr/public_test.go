package netaddr_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"meridian/platform/netaddr"
	"meridian/world"
)

func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"93.184.215.14": true, "8.8.8.8": true, "2606:2800:21f:cb07:6820:80da:af6b:8b2c": true, "::ffff:8.8.8.8": true,
		"127.0.0.1": false, "127.78.3.1": false, "10.1.2.3": false, "172.16.0.1": false, "172.31.255.255": false, "172.32.0.1": true, "192.168.1.1": false,
		"169.254.169.254": false, "100.64.0.1": false, "0.0.0.0": false, "0.1.2.3": false, "224.0.0.1": false, "255.255.255.255": false, "240.0.0.1": false,
		"198.18.0.1": false, "192.0.2.1": false, "203.0.113.9": false, "::": false, "::1": false, "::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false,
		"fe80::1%eth0": false, "fc00::1": false, "fd12::1": false, "ff02::1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false, "2001:db8::1": false, "2001::1": false,
	} {
		if got := netaddr.Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	if netaddr.Public(netip.Addr{}) {
		t.Error("no address is public")
	}
}

// The guard looks at the address that is connected to, not at the name.
func TestPublicTransport(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		also []netip.Prefix
		want world.Code
	}{
		"guarded":        {nil, world.CodeForbidden},
		"of another net": {[]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, world.CodeForbidden},
		"allowed":        {[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, ""},
	} {
		tr := netaddr.PublicTransport(c.also, netaddr.TransportOptions{})
		for _, host := range []string{"127.0.0.1", "localhost"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+net.JoinHostPort(host, port), nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := tr.RoundTrip(r)
			if err == nil {
				res.Body.Close()
			}
			if c.want == "" && err != nil || c.want != "" && !world.Is(err, c.want) {
				t.Errorf("%s, %s: %v", name, host, err)
			}
		}
		tr.CloseIdleConnections()
	}
}

func FuzzPublic(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1})
	f.Add([]byte(net.ParseIP("::ffff:10.0.0.1")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, ok := netip.AddrFromSlice(raw)
		if !ok {
			return
		}
		ip := net.IP(a.AsSlice())
		if netaddr.Public(a) && (ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() || ip.IsInterfaceLocalMulticast()) {
			t.Fatalf("%s is taken for public", a)
		}
	})
}
