// Package i18n holds the texts that pages are written with, one flat list of
// keys a locale, and puts values into them. Amounts and dates are printed by
// those who know them.
package i18n

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"meridian/world"
)

// Extension of a locale's file: "de-DE.yaml".
const Extension = ".yaml"

// Limits of a locale's file.
const (
	MaxFile = 1 << 20 // bytes
	MaxText = 4000    // bytes of one text
)

// Texts are the texts of all locales.
type Texts struct{ locales map[string]map[string]string }

// Load reads every locale's file in a folder: flat YAML, `key: text`, named by
// the locale (BCP 47). It fails with invalid, naming the file, for one that is
// not that, and with too_large past a limit.
func Load(fsys fs.FS) (*Texts, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, world.Wrap("i18n.load", err)
	}
	t := &Texts{locales: map[string]map[string]string{}}
	for _, e := range entries {
		if e.IsDir() || path.Ext(e.Name()) != Extension {
			continue
		}
		body, err := fs.ReadFile(fsys, e.Name())
		if err != nil {
			return nil, world.Wrap("i18n.load", err)
		}
		texts, err := Parse(body)
		if err != nil {
			return nil, world.Wrap("i18n.load "+e.Name(), err)
		}
		t.locales[strings.TrimSuffix(e.Name(), Extension)] = texts
	}
	return t, nil
}

// Parse reads one locale's file.
func Parse(body []byte) (map[string]string, error) {
	if len(body) > MaxFile {
		return nil, world.E(world.CodeTooLarge, "i18n.parse", fmt.Sprintf("a locale's file has at most %d bytes", MaxFile))
	}
	var texts map[string]string
	if err := yaml.Unmarshal(body, &texts); err != nil {
		return nil, world.Because(world.CodeInvalid, "i18n.parse", "a locale's file is a flat list of key: text: "+err.Error(), err)
	}
	for key, text := range texts {
		if len(text) > MaxText {
			return nil, world.E(world.CodeTooLarge, "i18n.parse", fmt.Sprintf("the text of %q has more than %d bytes", key, MaxText))
		}
	}
	return texts, nil
}

// Check fails with invalid, naming the first locale and what it lacks, unless
// every given locale has a text for every given key.
func (t *Texts) Check(locales, keys []string) error {
	for _, l := range locales {
		texts, ok := t.locales[l]
		if !ok {
			return world.E(world.CodeInvalid, "i18n.check", fmt.Sprintf("there are no texts for %s: add %s%s", l, l, Extension))
		}
		var missing []string
		for _, k := range keys {
			if strings.TrimSpace(texts[k]) == "" {
				missing = append(missing, k)
			}
		}
		if len(missing) > 0 {
			slices.Sort(missing)
			return world.E(world.CodeInvalid, "i18n.check", fmt.Sprintf("%s%s lacks texts for: %s", l, Extension, strings.Join(slices.Compact(missing), ", ")))
		}
	}
	return nil
}

// Locales are those that have texts, sorted.
func (t *Texts) Locales() []string { return slices.Sorted(maps.Keys(t.locales)) }

// Locale is one locale's texts; empty for a locale that has none.
func (t *Texts) Locale(tag string) Locale { return Locale{Tag: tag, texts: t.locales[tag]} }

// Locale is the texts of one locale.
type Locale struct {
	Tag   string // BCP 47: "de-DE"
	texts map[string]string
}

// Has reports whether there is a text for the key.
func (l Locale) Has(key string) bool { return l.texts[key] != "" }

// Text is the text of a key with values put in: pairs of a name and a value,
// so that Text("cart.left", "count", 3) fills "{count}". A key without a text
// is given back as it is: ugly, so that it is seen, but not a failure of the page.
func (l Locale) Text(key string, pairs ...any) string {
	text, ok := l.texts[key]
	if !ok {
		return key
	}
	if len(pairs) < 2 {
		return text
	}
	old := make([]string, 0, len(pairs))
	for i := 0; i+1 < len(pairs); i += 2 {
		old = append(old, fmt.Sprintf("{%v}", pairs[i]), fmt.Sprint(pairs[i+1]))
	}
	return strings.NewReplacer(old...).Replace(text)
}
