// Package i18n holds the texts that pages are written with, a flat list of
// keys a locale, and puts values and plurals into them. It writes moments as the
// texts say; amounts come to it printed.
package i18n

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"text/template"

	goi18n "github.com/nicksnyder/go-i18n/v2/i18n"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"meridian/world"
)

// Extension of a locale's file: "de-DE.yaml".
const Extension = ".yaml"

// MaxFile is the most bytes of a locale's file.
const MaxFile = 1 << 20

// Count is the name of the value that a plural goes by.
const Count = "Count"

// Texts are the texts of all locales.
type Texts struct{ locales map[string]Locale }

// Load reads every locale's file in a folder, named by the locale (BCP 47).
// See [Parse].
func Load(fsys fs.FS) (*Texts, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, world.Wrap("i18n.load", err)
	}
	t := &Texts{locales: map[string]Locale{}}
	for _, e := range entries {
		if e.IsDir() || path.Ext(e.Name()) != Extension {
			continue
		}
		body, err := fs.ReadFile(fsys, e.Name())
		if err != nil {
			return nil, world.Wrap("i18n.load", err)
		}
		tag := strings.TrimSuffix(e.Name(), Extension)
		if t.locales[tag], err = Parse(tag, body); err != nil {
			return nil, world.Wrap("i18n.load "+e.Name(), err)
		}
	}
	return t, nil
}

// Parse reads one locale's file: flat YAML, `key: text` or, where a number
// decides, `key: {one: text, other: text}` by CLDR's plural categories. Texts
// are Go templates. It fails with invalid for one that is not that, and with
// too_large past [MaxFile].
func Parse(locale string, body []byte) (Locale, error) {
	if len(body) > MaxFile {
		return Locale{}, world.E(world.CodeTooLarge, "i18n.parse", fmt.Sprintf("a locale's file has at most %d bytes", MaxFile))
	}
	tag, err := language.Parse(locale)
	if err != nil {
		return Locale{}, world.Because(world.CodeInvalid, "i18n.parse", fmt.Sprintf("%q is not a locale; name the file as BCP 47 has it, such as de-DE.yaml", locale), err)
	}
	var flat map[string]any
	if err := yaml.Unmarshal(body, &flat); err != nil {
		return Locale{}, notFlat(err)
	}
	// A bundle of its own: a text that is missing must not come in another language.
	bundle := goi18n.NewBundle(tag)
	bundle.RegisterUnmarshalFunc("yaml", yaml.Unmarshal)
	file, err := bundle.ParseMessageFileBytes(body, locale+Extension)
	if err != nil {
		return Locale{}, notFlat(err)
	}
	l := Locale{Tag: locale, keys: map[string]bool{}, localizer: goi18n.NewLocalizer(bundle, locale)}
	for _, m := range file.Messages {
		if err := checkMessage(m); err != nil {
			return Locale{}, err
		}
		l.keys[m.ID] = true
	}
	return l, nil
}

func notFlat(err error) error {
	return world.Because(world.CodeInvalid, "i18n.parse", "a locale's file is a flat list of key: text: "+err.Error(), err)
}

// checkMessage finds a bad template now, not when a visitor meets it.
func checkMessage(m *goi18n.Message) error {
	if m.ID == "" {
		return world.E(world.CodeInvalid, "i18n.parse", "a text stands without a key: write key: text")
	}
	if strings.TrimSpace(m.Other) == "" {
		return world.E(world.CodeInvalid, "i18n.parse", fmt.Sprintf("%s has no text: write one", m.ID))
	}
	for _, text := range []string{m.Zero, m.One, m.Two, m.Few, m.Many, m.Other} {
		if _, err := template.New(m.ID).Parse(text); err != nil {
			return world.Because(world.CodeInvalid, "i18n.parse", fmt.Sprintf("the text of %s is not a template: %v", m.ID, err), err)
		}
	}
	return nil
}

// Check fails with invalid, naming the locale and all that it lacks, unless
// every given locale has a text for every given key.
func (t *Texts) Check(locales, keys []string) error {
	for _, tag := range locales {
		l, ok := t.locales[tag]
		if !ok {
			return world.E(world.CodeInvalid, "i18n.check", fmt.Sprintf("there are no texts for %s: add %s%s", tag, tag, Extension))
		}
		var missing []string
		for _, k := range keys {
			if !l.Has(k) {
				missing = append(missing, k)
			}
		}
		if len(missing) > 0 {
			slices.Sort(missing)
			return world.E(world.CodeInvalid, "i18n.check", fmt.Sprintf("%s%s lacks texts for: %s", tag, Extension, strings.Join(slices.Compact(missing), ", ")))
		}
	}
	return nil
}

// Locales are those that have texts, sorted.
func (t *Texts) Locales() []string { return slices.Sorted(maps.Keys(t.locales)) }

// Locale is one locale's texts; without any for a locale that is not known.
func (t *Texts) Locale(tag string) Locale {
	if l, ok := t.locales[tag]; ok {
		return l
	}
	return Locale{Tag: tag}
}

// Locale is the texts of one locale. It is safe for concurrent use.
type Locale struct {
	Tag       string // BCP 47: "de-DE"
	keys      map[string]bool
	localizer *goi18n.Localizer
}

// Has reports whether there is a text for the key.
func (l Locale) Has(key string) bool { return l.keys[key] }

// Name is the language in its own words: "Deutsch".
func (l Locale) Name() string {
	base, _ := language.Make(l.Tag).Base()
	return display.Self.Name(language.Make(base.String()))
}

// Text is the text of a key with values put in, given as pairs of a name and a
// value: Text("stock.left", "Count", 3). [Count] chooses the plural too. A key
// without a text, or whose text cannot take the values, is given back as it
// is: ugly, so that it is seen, but not a failure of the page.
func (l Locale) Text(key string, pairs ...any) string {
	if !l.keys[key] {
		return key
	}
	values := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		values[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	cfg := &goi18n.LocalizeConfig{MessageID: key, TemplateData: values}
	if n, ok := values[Count]; ok {
		cfg.PluralCount = n
	}
	text, err := l.localizer.Localize(cfg)
	if err != nil {
		return key
	}
	return text
}
