package media

import (
	_ "embed"
	"net/http"
)

// apiDocument describes every path that is not internal, as OpenAPI 3.1.
//
//go:embed openapi.json
var apiDocument []byte

// describe gives the document of this API, to anybody.
func (m *Media) describe(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	serve(w, r, apiDocument)
	return nil
}
