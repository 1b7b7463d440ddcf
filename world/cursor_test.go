package world

import (
	"math"
	"strings"
	"testing"
)

func TestCursorsAreReadAsTheyAreWritten(t *testing.T) {
	for text, want := range map[string]Cursor{
		"":                     {},
		"731.12":               {Tx: 731, Seq: 12},
		"731.0.9f3c":           {Tx: 731, History: 0x9f3c},
		longest.String():       longest,
		"1.2.0":                {},
		"1.2.":                 {},
		"1":                    {},
		"1.-2":                 {},
		"1.2.3.4":              {},
		"1.2.xyz":              {},
		"now":                  {},
		longest.String() + "0": {},
	} {
		c, err := ParseCursor(text)
		good := text == "" || want != (Cursor{})
		if good != (err == nil) || c != want || good && text != "" && c.String() != text {
			t.Errorf("%q: %v, %v", text, c, err)
		}
	}
	if n := len(longest.String()); n != maxCursorLen {
		t.Errorf("the longest cursor has %d bytes", n)
	}
}

var longest = Cursor{math.MaxUint64, math.MaxUint64, math.MaxUint64}

// Numbers of one history are an order; those of two say nothing of one another.
func TestCursorsOfTwoHistories(t *testing.T) {
	a, b, other := Cursor{5, 1, 7}, Cursor{5, 2, 7}, Cursor{4, 0, 8}
	if !b.Reached(a) || !b.Reached(b) || a.Reached(b) || a.Reached(other) || other.Reached(a) {
		t.Error("reached")
	}
	if a.Later(b) != b || b.Later(a) != b || a.Later(a) != a {
		t.Error("later")
	}
	nobody := a.Later(other)
	for _, c := range []Cursor{a, b, other, {math.MaxUint64, math.MaxUint64, 7}} {
		if c.Reached(nobody) || c.Later(nobody) != nobody || nobody.Later(c) != nobody {
			t.Errorf("%v has reached both histories", c)
		}
	}
	if other.Later(a) != nobody {
		t.Error("the order matters")
	}
}

func FuzzCursors(f *testing.F) {
	for _, s := range []string{"", "a=1.2", "a=1.2.3f b=0.0", "a=now", "a=1.2.0", strings.Repeat("a=1.1 ", MaxPositions+1), "=1.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		cs, err := ParseCursors(s)
		if err != nil {
			return
		}
		again, err := ParseCursors(FormatCursors(cs))
		if err != nil || len(again) != len(cs) {
			t.Fatalf("%q: written %q: %v", s, FormatCursors(cs), err)
		}
		for k, c := range cs {
			if again[k] != c {
				t.Fatalf("%q: %v became %v", s, c, again[k])
			}
		}
	})
}
