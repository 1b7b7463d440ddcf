package api

import (
	"reflect"
	"regexp"
	"testing"
)

var fieldForm = regexp.MustCompile(`^[a-z][a-z0-9_]*(,omitempty)?$`)

// Every field has a name of its own, lists are never null, and what may be missing
// is missing rather than empty.
func TestFields(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var look func(of reflect.Type)
	look = func(of reflect.Type) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct || seen[of] {
			return
		}
		seen[of] = true
		for f := range fieldsOf(of) {
			look(f.Type)
			if f.Anonymous {
				continue
			}
			name := f.Tag.Get("json")
			optional := regexp.MustCompile(`,omitempty$`).MatchString(name)
			switch {
			case !fieldForm.MatchString(name):
				t.Errorf("%s.%s is called %q", of, f.Name, name)
			case f.Type.Kind() == reflect.Slice && (optional || f.Tag.Get("nullable") != "false"):
				t.Errorf("%s.%s may be null or missing: an empty list says the same", of, f.Name)
			case f.Type.Kind() == reflect.Pointer && !optional:
				t.Errorf("%s.%s may be null: leave it out", of, f.Name)
			}
		}
	}
	for _, v := range []any{Product{}, ProductList{}, CategoryList{}, Market{}} {
		look(reflect.TypeOf(v))
	}
	if len(seen) < 12 {
		t.Errorf("only %d documents were looked at", len(seen))
	}
}

func fieldsOf(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if f := t.Field(i); f.Name != "_" && !yield(f) {
				return
			}
		}
	}
}
