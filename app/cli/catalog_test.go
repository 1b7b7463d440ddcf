package cli

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestCatalogCommands(t *testing.T) {
	t.Setenv(OwnerVariable, "tok")
	var sent []string
	base, asked := edgeFake(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent = append(sent, r.Method+" "+r.URL.Path+" "+r.Header.Get("If-Match")+" "+strings.TrimSpace(string(body)))
		w.Header().Set("ETag", `"4"`)
		switch {
		case r.URL.Query().Get("after") == "tart":
			io.WriteString(w, `{"brand_products":[{"brand":"torte","version":2,"slug":"kuchen","adopted":1}]}`)
		case strings.HasSuffix(r.URL.Path, "/brand-products"):
			io.WriteString(w, `{"brand_products":[{"brand":"tart","version":1}],"next":"tart"}`)
		case strings.HasSuffix(r.URL.Path, "/brand-products/torte"):
			io.WriteString(w, `{"brand":"torte","version":2,"slug":"kuchen","adopted":1}`)
		case strings.HasSuffix(r.URL.Path, "/brand-products/tart"):
			io.WriteString(w, `{"brand":"tart","version":2}`)
		case strings.HasSuffix(r.URL.Path, "/diff"), strings.HasSuffix(r.URL.Path, "/update"):
			io.WriteString(w, `{"slug":"kuchen","base":1,"head":2,"differences":[{"field":"tax_class","changed":"local","base":"cake","head":"cake","local":"bread"}]}`)
		default:
			io.WriteString(w, `{"slug":"kuchen"}`)
		}
	})
	for _, c := range []struct {
		args       []string
		code       int
		says, last string
	}{
		{[]string{"list"}, exitOK, "torte          2       1     kuchen", "GET /owner/api/v1/brand-products"},
		{[]string{"adopt", "torte", "--sku", "kuchen=900", "--slug", "kuchen", "--name", "de-DE=Kuchen"}, exitOK, "torte is sold as kuchen.", `POST /owner/api/v1/brand-products/torte/adopt  {"slug":"kuchen","texts":{"de-DE":{"name":"Kuchen"}},"skus":[{"sku":"kuchen","sold":true,"price":900}]}`},
		{[]string{"adopt", "torte", "--sku", "kuchen"}, 2, "", ""},
		{[]string{"adopt", "torte", "--sku", "kuchen=900", "--name", "Kuchen"}, 2, "", ""},
		{[]string{"diff", "torte"}, exitOK, "tax_class (changed: local)", "GET /owner/api/v1/brand-products/torte/diff"},
		{[]string{"update", "torte", "--take", "allergens"}, exitOK, "up to version 1; the newest is 2", `POST /owner/api/v1/brand-products/torte/update "4" {"take":["allergens"]}`},
		{[]string{"withdraw", "torte"}, exitOK, "kuchen is not for sale any more.", `DELETE /owner/api/v1/products/kuchen "4"`},
		{[]string{"withdraw", "tart"}, 1, "", "GET /owner/api/v1/brand-products/tart"},
	} {
		sent = nil
		code, out, errs := run(t, append([]string{"catalog", "--server", base, "--shop", "de.example"}, c.args...)...)
		if (code == exitOK) != (c.code == exitOK) || !strings.Contains(out, c.says) || code != exitOK && errs == "" {
			t.Errorf("%v: %d %q %q", c.args, code, out, errs)
		}
		if c.last != "" && (len(sent) == 0 || strings.TrimSpace(sent[len(sent)-1]) != c.last) {
			t.Errorf("%v: asked %q", c.args, sent)
		}
	}
	for _, r := range *asked {
		if !strings.HasPrefix(r.Host, "de.example:") || r.Header.Get("Authorization") != "Bearer tok" {
			t.Errorf("%s at %s with %q", r.URL, r.Host, r.Header.Get("Authorization"))
		}
	}
}
