// Package config describes what a role can be told: it prints a role's
// settings with their defaults and meanings, from the struct that holds them.
package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Field is one setting.
type Field struct {
	Path    string // dotted: "http.read_header", "regions[].name"
	Type    string
	Default string // "" when it has none and must be set
	Doc     string
	Secret  bool // never printed
}

// Fields lists the settings of cfg, a struct or a pointer to one that holds
// its defaults. The name is read from the `yaml` tag, the meaning from `doc`;
// a tag `secret:"true"` marks what must not be shown.
func Fields(cfg any) []Field {
	v := reflect.Indirect(reflect.ValueOf(cfg))
	return fields("", v)
}

func fields(prefix string, v reflect.Value) []Field {
	var out []Field
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		if strings.Contains(opts, "inline") {
			out = append(out, fields(prefix, v.Field(i))...)
			continue
		}
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		out = append(out, field(prefix+name, f, v.Field(i))...)
	}
	return out
}

func field(path string, f reflect.StructField, v reflect.Value) []Field {
	one := Field{Path: path, Type: typeName(f.Type), Doc: f.Tag.Get("doc"), Secret: f.Tag.Get("secret") == "true"}
	if !v.IsZero() && !one.Secret {
		one.Default = written(v)
	}
	out := []Field{one}
	switch f.Type.Kind() {
	case reflect.Struct:
		return append(out[:0], fields(path+".", v)...)
	case reflect.Slice:
		if e := f.Type.Elem(); e.Kind() == reflect.Struct {
			out[0].Default = ""
			return append(out, fields(path+"[].", reflect.New(e).Elem())...)
		}
	}
	return out
}

// written is a default as a config file has it; of a map, its keys in order.
func written(v reflect.Value) string {
	if v.Kind() != reflect.Map {
		return fmt.Sprint(v.Interface())
	}
	var pairs []string
	for _, k := range slices.SortedFunc(slices.Values(v.MapKeys()), func(a, b reflect.Value) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) }) {
		pairs = append(pairs, fmt.Sprintf("%v: %v", k, v.MapIndex(k)))
	}
	return "{" + strings.Join(pairs, ", ") + "}"
}

func typeName(t reflect.Type) string {
	if t == reflect.TypeFor[time.Duration]() {
		return "duration"
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "yes or no"
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint32, reflect.Uint64:
		return "number"
	case reflect.Float64:
		return "decimal"
	case reflect.Slice:
		return "list of " + typeName(t.Elem())
	case reflect.Map:
		return "map of " + typeName(t.Key()) + " to " + typeName(t.Elem())
	}
	return strings.ToLower(t.Name())
}

// Markdown is the reference of one role's settings as a table.
func Markdown(fs []Field) string {
	var b strings.Builder
	b.WriteString("| setting | type | default | meaning |\n|---|---|---|---|\n")
	for _, f := range fs {
		def := f.Default
		if def != "" {
			def = "`" + def + "`"
		}
		doc := f.Doc
		if f.Secret {
			doc += " (secret)"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Path, f.Type, def, doc)
	}
	return b.String()
}
