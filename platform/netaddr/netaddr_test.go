package netaddr

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meridian/world"
)

func TestParse(t *testing.T) {
	longest := "/" + strings.Repeat("p", MaxUnixPath-1)
	for in, want := range map[string]Addr{
		"tcp:127.0.0.1:8080":                         {TCP, "127.0.0.1:8080"},
		"tcp:localhost:0":                            {TCP, "localhost:0"},
		"tcp:[::1]:65535":                            {TCP, "[::1]:65535"},
		"tcp:[fe80::1%eth0]:1":                       {TCP, "[fe80::1%eth0]:1"},
		"tcp:db_1.eu-central.example:5432":           {TCP, "db_1.eu-central.example:5432"},
		"tcp:" + strings.Repeat("h", maxHost) + ":1": {TCP, strings.Repeat("h", maxHost) + ":1"},
		"unix:/run/m/edge@fra.sock":                  {Unix, "/run/m/edge@fra.sock"},
		"unix:/a:b":                                  {Unix, "/a:b"},
		"unix:" + longest:                            {Unix, longest},
	} {
		got, err := Parse(in)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %v, %v; want %v", in, got, err, want)
		}
		if got.String() != in {
			t.Errorf("%q is written back as %q", in, got)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for in, why := range map[string]string{
		"":                   "no kind",
		"8080":               "no kind",
		"127.0.0.1:8080":     "no kind of address",
		"udp:127.0.0.1:53":   "no kind of address",
		"TCP:127.0.0.1:53":   "no kind of address",
		"tcp:":               "not host:port",
		"tcp:localhost":      "not host:port",
		"tcp:::1:80":         "brackets",
		"tcp:[localhost]:80": "brackets",
		"tcp::80":            "no host",
		"tcp:a b:80":         "character",
		"tcp:a/b:80":         "character",
		"tcp:h:":             "not a number",
		"tcp:h:http":         "not a number",
		"tcp:h:65536":        "not a number",
		"tcp:h:-1":           "not a number",
		"tcp:h:+1":           "not a number",
		"tcp:h:080":          "not a number",
		"unix:":              "absolute",
		"unix:x.sock":        "absolute",
		"unix:@abstract":     "absolute",
		"unix:/":             "name a file",
		"unix:/a/":           "name a file",
		"unix:/a/../b":       "name a file",
		"unix:/a\x00b":       "NUL",
		"tcp:" + strings.Repeat("h", maxHost+1) + ":1":  "longer than",
		"unix:/" + strings.Repeat("p", MaxUnixPath):     "shorter directory",
		"unix:/" + strings.Repeat("p", MaxUnixPath+999): "…",
	} {
		_, err := Parse(in)
		if !world.Is(err, world.CodeInvalid) {
			t.Errorf("Parse(%q): %v, want code invalid", in, err)
			continue
		}
		if !strings.Contains(err.Error(), why) {
			t.Errorf("Parse(%q) says %q, which does not name %q", in, err, why)
		}
	}
}

func TestEveryGoodAddressIsWrittenBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(
			rapid.StringMatching(`tcp:[a-z0-9]([a-z0-9-]{0,10}\.){0,3}[a-z]{1,5}:(0|[1-9][0-9]{0,3})`),
			rapid.StringMatching(`unix:(/[a-zA-Z0-9@:_-]{1,12}){1,6}`),
		).Draw(t, "address")
		a, err := Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		if a.String() != s {
			t.Fatalf("%q is written back as %q", s, a)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"tcp:127.0.0.1:8080", "unix:/tmp/x.sock", "tcp:[::1%lo]:0", "unix:/a/../b", "tcp::", "::", "unix:/\x00", "tcp:h\xff:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := Parse(s)
		if err != nil {
			if !world.Is(err, world.CodeInvalid) {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		again, err := Parse(a.String())
		if err != nil || again != a || a.String() != s {
			t.Fatalf("%q parsed to %v, then to %v, %v", s, a, again, err)
		}
	})
}
