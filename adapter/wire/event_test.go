package wire

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"meridian/world"
)

func TestParseEventReadsWhatAFeedWrites(t *testing.T) {
	want := world.Event{
		Cursor: "771.42", Kind: world.EventPurge, Groups: []string{"de/p/brezel", "de/pages"},
		Position: world.Position{Cluster: "catalog-eu-central", Epoch: 1, LSN: 1 << 33}, At: time.Unix(1700000000, 0).UTC(),
	}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseEvent(b)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := json.Marshal(got)
	if string(again) != string(b) {
		t.Errorf("read back as %s, want %s", again, b)
	}
}

func TestParseEventTakesAKindOfALaterRelease(t *testing.T) {
	e, err := ParseEvent([]byte(`{"kind":"revocation","cursor":"1.2","at":"2026-01-01T00:00:00Z","subject":"x"}`))
	if err != nil || e.Kind != "revocation" {
		t.Errorf("got %+v, %v", e, err)
	}
}

func TestParseEventLimits(t *testing.T) {
	event := func(cursor, kind string, groups ...string) []byte {
		b, _ := json.Marshal(world.Event{Cursor: cursor, Kind: kind, Groups: groups})
		return b
	}
	withURL := func(u string) []byte {
		b, _ := json.Marshal(world.Event{Cursor: "1.1", Kind: "purge", URLs: []string{u}})
		return b
	}
	many := func(n int) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = "g"
		}
		return out
	}
	line := func(n int) []byte {
		b := string(event("1.1", "purge"))
		return []byte(b + strings.Repeat(" ", n-len(b)))
	}
	long := func(n int) string { return strings.Repeat("x", n) }
	for name, c := range map[string]struct {
		line []byte
		ok   bool
	}{
		"longest line":    {line(MaxEventLine), true},
		"line too long":   {line(MaxEventLine + 1), false},
		"most groups":     {event("1.1", "purge", many(world.MaxPurgeNames)...), true},
		"too many groups": {event("1.1", "purge", many(world.MaxPurgeNames+1)...), false},
		"longest group":   {event("1.1", "purge", long(world.MaxGroup)), true},
		"group too long":  {event("1.1", "purge", long(world.MaxGroup+1)), false},
		"longest URL":     {withURL(long(world.MaxPurgeURL)), true},
		"URL too long":    {withURL(long(world.MaxPurgeURL + 1)), false},
		"empty URL":       {withURL(""), false},
		"groups and a URL too many": {func() []byte {
			b, _ := json.Marshal(world.Event{Cursor: "1.1", Kind: "purge", Groups: many(world.MaxPurgeNames), URLs: []string{"a/b"}})
			return b
		}(), false},
		"empty group":       {event("1.1", "purge", ""), false},
		"group with a line": {event("1.1", "purge", "a\nb"), false},
		"longest cursor":    {event(long(MaxCursor), "purge"), true},
		"cursor too long":   {event(long(MaxCursor+1), "purge"), false},
		"cursor with space": {event("1 1", "purge"), false},
		"longest kind":      {event("", long(maxKind)), true},
		"kind too long":     {event("", long(maxKind+1)), false},
		"no kind":           {event("1.1", ""), false},
		"not JSON":          {[]byte("<html>"), false},
		"bad position":      {[]byte(`{"kind":"purge","position":"nowhere"}`), false},
		"empty":             {nil, false},
	} {
		_, err := ParseEvent(c.line)
		if (err == nil) != c.ok {
			t.Errorf("%s: error %v", name, err)
		}
		if err != nil && world.CodeOf(err) != world.CodeBadUpstream {
			t.Errorf("%s: code %s", name, world.CodeOf(err))
		}
	}
}

func FuzzParseEvent(f *testing.F) {
	f.Add([]byte(`{"cursor":"1.2","kind":"purge","groups":["de/pages"],"position":"catalog-eu@1:0/16B3748","at":"2026-01-01T00:00:00Z"}`))
	f.Add([]byte(`{"cursor":"1.0","kind":"hello","at":"2026-01-01T00:00:00Z"}`))
	f.Add([]byte(`{"kind":"heartbeat","at":"2026-01-01T00:00:00Z"}`))
	f.Add([]byte(`{"kind":`))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := ParseEvent(line)
		if err != nil {
			return
		}
		if e.Kind == "" || len(e.Cursor) > MaxCursor || len(e.Groups) > world.MaxPurgeNames {
			t.Fatalf("a limit was passed: %+v", e)
		}
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatalf("an event that cannot be written again: %v", err)
		}
		if _, err := ParseEvent(b); err != nil && len(b) <= MaxEventLine {
			t.Fatalf("its own form is refused: %v", err)
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	good, err := json.Marshal(manifest())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"app":"crumbs","media_id":"10000000000000ab","versions":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseManifest(b)
		if err != nil {
			return
		}
		if v := m.CurrentVersion(); v.Number != m.Current || len(v.SHA256) != 64 {
			t.Fatalf("a manifest that cannot be acted on: %+v", m)
		}
	})
}
