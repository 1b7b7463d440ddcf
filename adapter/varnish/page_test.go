package varnish

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The page about outside CDNs shows a VCL that compiles.
func TestThePagesVCLCompiles(t *testing.T) {
	bin, err := exec.LookPath("varnishd")
	if err != nil {
		t.Skip("varnishd is not installed")
	}
	page, err := os.ReadFile("../../docs/cdns.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```vcl\n")
	text, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("docs/cdns.md shows no VCL")
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "default.vcl")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "/etc/varnish/", here+"/")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), bin, "-j", "none", "-C", "-f", file, "-n", filepath.Join(dir, "n")).CombinedOutput(); err != nil {
		t.Errorf("%v\n%.2000s", err, out)
	}
}
