package world

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSearchText(t *testing.T) {
	for typed, want := range map[string]string{
		"":                        "",
		"  \t\n":                  "",
		" plum \u00a0  cake ":     "plum cake",
		"a\x00b\x7fc\xff":         "abc",
		"क्\u200dष":               "क्\u200dष", // a joiner is part of the word
		strings.Repeat("ä", 81):   strings.Repeat("ä", 80),
		strings.Repeat("ab ", 40): strings.TrimSpace(strings.Repeat("ab ", 27)[:80]),
	} {
		if got := SearchText(typed); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}

func FuzzSearchText(f *testing.F) {
	f.Add("plum  cake")
	f.Add("\xff\x00 いちご　ケーキ")
	f.Fuzz(func(t *testing.T, typed string) {
		got := SearchText(typed)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > MaxSearch || SearchText(got) != got || strings.Contains(got, "  ") {
			t.Errorf("%q: %q", typed, got)
		}
	})
}
