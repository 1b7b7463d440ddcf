package app

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"meridian/adapter/yaml"
	"meridian/world"
)

func readText(t *testing.T, text string) (*File, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "machine.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return ReadFile(path)
}

func TestReadFileKeepsDefaults(t *testing.T) {
	f, err := readText(t, `
place: fra
edge:
  pop: fra
  cache_bytes: 9000000
  http: {idle: 1m}
`)
	if err != nil {
		t.Fatal(err)
	}
	d := NewFile("edge").Edge
	e := f.Edge
	if e.PoP != "fra" || e.CacheBytes != 9000000 || e.HTTP.Idle != time.Minute {
		t.Errorf("what is written was not taken: %+v", e)
	}
	if e.ObjectBytes != d.ObjectBytes || e.FeedLimit != d.FeedLimit || e.HTTP.ReadHeader != d.HTTP.ReadHeader || e.HTTP.Header == 0 || f.Log.Format != "text" {
		t.Errorf("a default was lost: %+v", e)
	}
	if !slices.Equal(f.Roles(), []string{"edge"}) {
		t.Errorf("roles %v", f.Roles())
	}
}

func TestReadFileIsStrict(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		line int
		want string
	}{
		"unknown section":     {"place: fra\nbaker:\n  oven: 1\n", 2, "baker: there is no such field here"},
		"unknown setting":     {"place: fra\nedge:\n  pop: fra\n  colour: red\n", 4, "colour: there is no such field here"},
		"unknown deep":        {"shop:\n  resident:\n    region: eu\n    host: x\n", 4, "host: there is no such field here"},
		"wrong type":          {"edge:\n  cache_bytes: much\n", 2, "a number"},
		"no duration":         {"edge:\n  rest: soon\n", 2, "a duration such as 10s"},
		"twice":               {"place: a\nplace: b\n", 2, "twice"},
		"second document":     {"place: a\n---\nplace: b\n", 1, "more than one document"},
		"empty":               {"", 1, "empty"},
		"a list":              {"- a\n", 1, ""},
		"no YAML":             {"place: [\n", 1, ""},
		"larger than allowed": {"place: a\n#" + strings.Repeat("x", yaml.MaxFileBytes), 1, "larger than"},
	} {
		_, err := readText(t, c.text)
		var fe *yaml.FileError
		if !world.Is(err, world.CodeInvalid) || !errors.As(err, &fe) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if fe.Problems[0].Line != c.line {
			t.Errorf("%s: line %d, want %d", name, fe.Problems[0].Line, c.line)
		}
	}
	if _, err := ReadFile(filepath.Join(t.TempDir(), "none.yaml")); !world.Is(err, world.CodeInvalid) {
		t.Errorf("no file: %v", err)
	}
}

func TestAFileSurvivesBeingWritten(t *testing.T) {
	f := NewFile(RoleNames()...)
	f.Place, f.Shop.Resident = "eu", Database{"eu", true, "host='/x' password='it''s'"}
	text, err := yaml.Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	back, err := readText(t, string(text))
	if err != nil {
		t.Fatal(err)
	}
	again, err := yaml.Encode(back)
	if err != nil || string(again) != string(text) {
		t.Errorf("%v:\n%s\nbecame\n%s", err, text, again)
	}
}

func TestLog(t *testing.T) {
	for l, want := range map[Log]slog.Level{{"text", "info"}: slog.LevelInfo, {"json", "DEBUG"}: slog.LevelDebug} {
		if got, err := l.Slog(); err != nil || got != want {
			t.Errorf("%v: %v, %v", l, got, err)
		}
	}
	for _, l := range []Log{{"xml", "info"}, {"text", "loud"}, {}} {
		if _, err := l.Slog(); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%v: %v", l, err)
		}
	}
}

func TestReadWorld(t *testing.T) {
	if w, err := ReadWorld(""); err != nil || len(w.Markets) == 0 {
		t.Errorf("the shipped world: %v", err)
	}
	if _, err := ReadWorld(filepath.Join(t.TempDir(), "none.yaml")); !world.Is(err, world.CodeInvalid) {
		t.Errorf("no file: %v", err)
	}
}
