package world_test

import (
	"strings"
	"testing"

	"meridian/world"
)

func TestHookEndpointCheck(t *testing.T) {
	placed := []world.HookKind{world.HookOrderPlaced}
	long := "https://shop.example/" + strings.Repeat("a", world.MaxHookURL-len("https://shop.example/"))
	for name, c := range map[string]struct {
		url   string
		kinds []world.HookKind
		open  bool
		good  bool
	}{
		"https":                {"https://shop.example/hook?a=b", placed, false, true},
		"a port":               {"https://shop.example:8443/", placed, false, true},
		"all kinds":            {"https://shop.example/", world.HookKinds, false, true},
		"the longest":          {long, placed, false, true},
		"longer":               {long + "a", placed, false, false},
		"http":                 {"http://shop.example/", placed, false, false},
		"http where it may be": {"http://127.0.0.1:9/", placed, true, true},
		"another scheme":       {"ftp://shop.example/", placed, true, false},
		"no host":              {"https:///a", placed, false, false},
		"a port alone":         {"https://:443/", placed, false, false},
		"a password":           {"https://a:b@shop.example/", placed, false, false},
		"a fragment":           {"https://shop.example/#a", placed, false, false},
		"opaque":               {"https:shop.example", placed, false, false},
		"a line":               {"https://shop.example/\r\nHost: x", placed, false, false},
		"nothing":              {"", placed, false, false},
		"no kinds":             {"https://shop.example/", nil, false, false},
		"an unknown kind":      {"https://shop.example/", []world.HookKind{"order.eaten"}, false, false},
		"a kind twice":         {"https://shop.example/", []world.HookKind{world.HookOrderPlaced, world.HookOrderPlaced}, false, false},
	} {
		err := world.HookEndpoint{URL: c.url, Kinds: c.kinds}.Check(c.open)
		if (err == nil) != c.good || err != nil && !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzHookEndpointCheck(f *testing.F) {
	for _, seed := range []string{"https://shop.example/hook", "https://[::1]:443/", "https://a@b/", "https://\x00/", "//x", "https://x/%zz"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		if (world.HookEndpoint{URL: address, Kinds: world.HookKinds}).Check(false) == nil && !strings.HasPrefix(strings.ToLower(address), "https://") {
			t.Fatalf("%q is taken", address)
		}
	})
}
