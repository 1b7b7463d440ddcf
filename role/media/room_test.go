package media

import (
	"net/http"
	"strings"
	"testing"

	"meridian/world"
)

// A store that takes nothing more is told to monitors, and to nobody else, while all
// that is there is read; once there is room for something large it is no longer.
func TestAFullStoreIsToldWhileItIsRead(t *testing.T) {
	p := newPlaces(t, nil)["eu-central"]
	m := p.put(t, picture(400, 300, 7))
	told := func(of string) (bool, int) {
		w := p.do("GET", imageURL(m, "webp"), nil, func(r *http.Request) { r.Header.Set(world.HeaderProbe, of) })
		return w.Header().Get(world.HeaderFull) != "", w.Code
	}
	is := func(what string, want bool) {
		t.Helper()
		if full, status := told("media/eu-central"); full != want || status != 200 {
			t.Errorf("%s: full %v, %d", what, full, status)
		}
	}
	is("at first", false)
	p.objects.failPut = world.E(world.CodeFull, "mem", "The object store is full.")
	if err := p.Media.objects.Put(t.Context(), "variants/x", []byte("x")); !world.Is(err, world.CodeFull) {
		t.Fatal(err)
	}
	is("after a write that had no room", true)
	for _, other := range []string{"", "media/us-east", "shield/eu-central"} {
		if full, _ := told(other); full {
			t.Errorf("it is told to who asks after %q", other)
		}
	}
	p.Media.tryRoom(t.Context())
	is("tried, and still full", true)
	p.objects.failPut = nil
	if err := p.Media.objects.Put(t.Context(), "variants/x", []byte("x")); err != nil {
		t.Fatal(err)
	}
	is("something small found room", true)
	p.Media.tryRoom(t.Context())
	is("something large did", false)
	if _, left := p.objects.get(trialKey); left {
		t.Error("the trial stays")
	}
	puts := p.objects.puts
	if p.Media.tryRoom(t.Context()); p.objects.puts != puts {
		t.Error("a store with room is tried")
	}
}

// Every way of writing tells that there is no room, and no other fault does.
func TestWhatTellsThatAStoreIsFull(t *testing.T) {
	full, away := world.E(world.CodeFull, "mem", ""), world.E(world.CodeUnavailable, "mem", "")
	for name, write := range map[string]func(*withRoom) error{
		"put":    func(s *withRoom) error { return s.Put(t.Context(), "k", []byte("x")) },
		"stream": func(s *withRoom) error { _, err := s.PutFrom(t.Context(), "k", strings.NewReader("x"), 9); return err },
		"append": func(s *withRoom) error {
			_, err := s.Append(t.Context(), "u", 0, strings.NewReader("x"), 9)
			return err
		},
	} {
		p := newPlaces(t, nil)["eu-central"]
		s := p.Media.resident
		store := s.Objects.(*memObjects)
		store.failPut = away
		if err := write(s); !world.Is(err, world.CodeUnavailable) || s.full.Load() {
			t.Errorf("%s while the store is away: %v, full %v", name, err, s.full.Load())
		}
		store.failPut = full
		if err := write(s); !world.Is(err, world.CodeFull) || !s.full.Load() {
			t.Errorf("%s: %v, full %v", name, err, s.full.Load())
		}
	}
}
