package httpserver

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"testing"

	"meridian/world"
)

// What a visitor asks to fail is no failure of ours.
func TestAFailureThatWasAskedForIsNoErrorInTheLog(t *testing.T) {
	for _, c := range []struct {
		field  string
		code   world.Code
		logged bool
	}{
		{"", world.CodeTimeout, true},
		{"max-age=0, Only-If-Cached", world.CodeTimeout, false},
		{"only-if-cached", world.CodeInternal, true},
		{"", world.CodeNotFound, false},
	} {
		var lines bytes.Buffer
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cache-Control", c.field)
		LogError(r.Context(), slog.New(slog.NewTextHandler(&lines, nil)), r, world.E(c.code, "test", "It failed."))
		if logged := lines.Len() > 0; logged != c.logged {
			t.Errorf("%s with %q: logged %v", c.code, c.field, logged)
		}
	}
}
