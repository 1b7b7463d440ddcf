package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEdgeSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"edge"}, "--origin URL is needed"},
		{[]string{"edge", "--origin", "example.org", "--check"}, "write https://"},
		{[]string{"edge", "--origin", "https://o.example/base", "--check"}, "paths"},
		{[]string{"edge", "--origin", "https://o.example", "--cache-size", "lots"}, "512MB"},
		{[]string{"edge", "--origin", "https://o.example", "--lifetime", "200"}, "200=10m"},
		{[]string{"edge", "--origin", "https://o.example", "--listen", "8080", "--check"}, "host:port"},
		{[]string{"edge", "--origin", "https://o.example", "--tls-cert", "x"}, "tls-key"},
		{[]string{"edge", "--origin", "https://o.example", "--acme-host", "a.example", "--check"}, "agree_terms"},
		{[]string{"edge", "--origin", "https://o.example", "--hsts", "1h", "--check"}, "need certificates"},
		{[]string{"edge", "--config", "/nowhere.yaml"}, "/nowhere.yaml"},
	} {
		code, _, errOut := run(t, c.args...)
		if code != exitInvalid || !strings.Contains(errOut, c.want) {
			t.Errorf("%v: %d %q, want %q", c.args, code, errOut, c.want)
		}
	}
}

func TestEdgeFlagsGoOverTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "edge.yaml")
	text := "listen: tcp:127.0.0.1:1\nadmin: tcp:127.0.0.1:2\norigins: [http://file.example, http://second.example]\nhost: visitor\nlifetimes: {404: 1m}\ncache_bytes: 2000000000\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(PurgeVariable, "a-secret-of-many-characters")
	for _, c := range []struct {
		args      []string
		has, lack string
	}{
		{nil, "listen: tcp:127.0.0.1:1\n", "8080"},
		{nil, "http://second.example", "a-secret"},
		{nil, "purge_token: (set)", "flag.example"},
		{[]string{"--origin", "http://flag.example"}, "http://flag.example", "file.example"},
		{[]string{"--listen", ":9"}, "listen: tcp:[::]:9\n", "listen: tcp:127.0.0.1:1\n"},
		{[]string{"--host", "origin"}, "host: origin", "host: visitor"},
		{[]string{"--cache-size", "1GiB"}, "cache_bytes: 1073741824", "2000000000"},
		{[]string{"--cache-size", "1.5GB"}, "cache_bytes: 1500000000", "2000000000"},
		{[]string{"--lifetime", "200=10m", "--lifetime", "301=1h"}, "200: 10m0s", "x"},
		{[]string{"--acme-host", "a.example,b.example", "--acme-agree-terms", "--state", "/s"}, "cache: /s/acme", "x"},
	} {
		code, out, errOut := run(t, append([]string{"edge", "--config", path, "--print-config"}, c.args...)...)
		if code != exitOK || !strings.Contains(out, c.has) || strings.Contains(out, c.lack) && c.lack != "x" {
			t.Errorf("%v: %d %s\n%s\nwant %q, not %q", c.args, code, errOut, out, c.has, c.lack)
		}
		if code, out, errOut := run(t, append([]string{"edge", "--config", path, "--check"}, c.args...)...); code != exitOK || out != "The settings are good.\n" {
			t.Errorf("%v: %d %s %s", c.args, code, out, errOut)
		}
	}
}
