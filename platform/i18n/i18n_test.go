package i18n_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"meridian/platform/i18n"
	"meridian/world"
)

func load(t *testing.T, files map[string]string) *i18n.Texts {
	t.Helper()
	fsys := fstest.MapFS{"README.md": {Data: []byte("not a locale")}}
	for name, body := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(body)}
	}
	texts, err := i18n.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

func TestText(t *testing.T) {
	texts := load(t, map[string]string{
		"de-DE.yaml": "a.plain: \"Grüße\"\na.named: \"Hallo {{.Name}}\"\na.left: {one: \"{{.Count}} Stück\", other: \"{{.Count}} Stücke\"}\n",
		"hi-IN.yaml": "a.left: {one: \"{{.Count}} बचा है\", other: \"{{.Count}} बचे हैं\"}\n",
		"ja-JP.yaml": "a.left: {other: \"残り{{.Count}}点\"}\n",
	})
	for _, c := range []struct {
		locale, key string
		pairs       []any
		want        string
	}{
		{"de-DE", "a.plain", nil, "Grüße"},
		{"de-DE", "a.named", []any{"Name", "<Jörg>"}, "Hallo <Jörg>"}, // the page escapes it
		{"de-DE", "a.left", []any{"Count", 1}, "1 Stück"},
		{"de-DE", "a.left", []any{"Count", 0}, "0 Stücke"},
		{"hi-IN", "a.left", []any{"Count", 0}, "0 बचा है"},
		{"hi-IN", "a.left", []any{"Count", 2}, "2 बचे हैं"},
		{"ja-JP", "a.left", []any{"Count", 1}, "残り1点"},
		{"ja-JP", "a.plain", nil, "a.plain"}, // never another language
		{"fr-FR", "a.plain", nil, "a.plain"},
	} {
		if got := texts.Locale(c.locale).Text(c.key, c.pairs...); got != c.want {
			t.Errorf("%s %s %v: %q, want %q", c.locale, c.key, c.pairs, got, c.want)
		}
	}
	if got := strings.Join(texts.Locales(), " "); got != "de-DE hi-IN ja-JP" {
		t.Errorf("locales %s", got)
	}
}

func TestNameIsInTheLanguageItself(t *testing.T) {
	texts := load(t, nil)
	for tag, want := range map[string]string{"de-DE": "Deutsch", "hi-IN": "हिन्दी", "en-IN": "English", "ja-JP": "日本語"} {
		if got := texts.Locale(tag).Name(); got != want {
			t.Errorf("%s: %q", tag, got)
		}
	}
}

func TestCheckNamesWhatIsMissing(t *testing.T) {
	texts := load(t, map[string]string{"de-DE.yaml": "a: x\nb: y\n"})
	if err := texts.Check([]string{"de-DE"}, []string{"a", "b"}); err != nil {
		t.Error(err)
	}
	err := texts.Check([]string{"de-DE"}, []string{"z.last", "a", "c.first"})
	if !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), "de-DE.yaml lacks texts for: c.first, z.last") {
		t.Errorf("got %v", err)
	}
	if err := texts.Check([]string{"fr-FR"}, nil); !world.Is(err, world.CodeInvalid) {
		t.Errorf("got %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		locale, body string
		code         world.Code
	}{
		"a bad template": {"de-DE", "a: \"{{.Name\"", world.CodeInvalid},
		"an empty text":  {"de-DE", "a: \"\"", world.CodeInvalid},
		"a list":         {"de-DE", "- a", world.CodeInvalid},
		"no locale":      {"german!", "a: b", world.CodeInvalid},
		"too much":       {"de-DE", "a: " + strings.Repeat("x", i18n.MaxFile), world.CodeTooLarge},
	} {
		if _, err := i18n.Parse(c.locale, []byte(c.body)); !world.Is(err, c.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := i18n.Parse("de-DE", []byte("a: "+strings.Repeat("x", i18n.MaxFile-3))); err != nil {
		t.Errorf("a file of just the limit: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a: b", "a: {one: x, other: \"{{.Count}}\"}", "a.b: \"{{range .}}\"", "? [a]: b", "other: x", "&a a: *a", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		l, err := i18n.Parse("de-DE", body)
		if err != nil && world.CodeOf(err) != world.CodeInvalid && world.CodeOf(err) != world.CodeTooLarge {
			t.Fatalf("%v", err)
		}
		l.Text("a", "Count", 1, "Name", "x") // must not panic
	})
}
