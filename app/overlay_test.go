package app

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"meridian/world"
)

func overlay(t *testing.T, text string, files ...*File) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "settings.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Overlay(path, files)
}

func TestAnOverlayChangesWhatItNamesOfRolesThatAreThere(t *testing.T) {
	region, pop := NewFile("media", "shield"), NewFile("edge")
	region.Media.Region, region.Media.Apps = "eu-central", []string{"crumbs"}
	pages := region.Media.Limits.ListPage
	err := overlay(t, "media:\n  care: {scrub_every: 3s}\n  limits: {lag_every: 1s}\nedge:\n  cache_bytes: 9000000\n", region, pop)
	if err != nil {
		t.Fatal(err)
	}
	m := region.Media
	if m.Care.ScrubEvery != 3*time.Second || m.Limits.LagEvery != time.Second || pop.Edge.CacheBytes != 9000000 {
		t.Errorf("what is written was not taken: %+v", m.Care)
	}
	if m.Region != "eu-central" || !slices.Equal(m.Apps, []string{"crumbs"}) || m.Limits.ListPage != pages || m.Care.ScrubRate == 0 {
		t.Errorf("what is not written was lost: %+v", m.Config)
	}
	for f, want := range map[*File][]string{region: {"media", "shield"}, pop: {"edge"}} {
		if got := f.Roles(); !slices.Equal(got, want) {
			t.Errorf("roles %v, want %v", got, want)
		}
	}
}

func TestAnOverlayIsStrict(t *testing.T) {
	for text, want := range map[string]string{
		"place: fra\n":                "not a role",
		"log: {level: debug}\n":       "not a role",
		"media: {colour: red}\n":      "colour: there is no such field here",
		"media: {care: {hot: one}}\n": "a list belongs",
		"media: {}\n---\nmedia: {}\n": "more than one document",
		"":                            "empty",
	} {
		err := overlay(t, text, NewFile("media"))
		if !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if err := Overlay(filepath.Join(t.TempDir(), "none.yaml"), nil); !world.Is(err, world.CodeInvalid) {
		t.Errorf("no file: %v", err)
	}
}
