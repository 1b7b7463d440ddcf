package apitest

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// Fields fails a test for a field of the documents, or of what they hold, without a
// name of its own, for a list that may be null, and for what is null rather than
// missing.
func Fields(t testing.TB, documents ...any) {
	t.Helper()
	seen := map[reflect.Type]bool{reflect.TypeFor[time.Time](): true} // a date is a text
	var look func(of reflect.Type)
	look = func(of reflect.Type) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct || seen[of] {
			return
		}
		seen[of] = true
		for i := range of.NumField() {
			f := of.Field(i)
			if f.Name == "_" {
				continue
			}
			if !f.Anonymous {
				checkField(t, of, f)
			}
			look(f.Type)
		}
	}
	for _, d := range documents {
		look(reflect.TypeOf(d))
	}
}

func checkField(t testing.TB, of reflect.Type, f reflect.StructField) {
	t.Helper()
	name, optional := strings.CutSuffix(f.Tag.Get("json"), ",omitempty")
	switch {
	case !nameForm.MatchString(name):
		t.Errorf("%s.%s is called %q", of, f.Name, name)
	case f.Type.Kind() == reflect.Slice && (optional || f.Tag.Get("nullable") != "false"):
		t.Errorf("%s.%s may be null or missing: an empty list says the same", of, f.Name)
	case f.Type.Kind() == reflect.Pointer && !optional:
		t.Errorf("%s.%s may be null: leave it out", of, f.Name)
	}
}
