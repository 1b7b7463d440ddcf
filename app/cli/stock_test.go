package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"meridian"
	"meridian/app/localworld"
	"meridian/role/owner/api"
)

const (
	wellStock   = `{"market":"de","faults":[],"more":false}`
	faultyStock = `{"market":"gb","faults":[{"sku":"scone","on_hand":6,"ledger_on_hand":5,"reserved":1,"ledger_reserved":2,"orders_reserved":3}],"more":true}`
	scone       = "gb:\n  SKU    ON HAND  BY LEDGER  RESERVED  BY LEDGER  BY ORDERS\n  scone  6        5          1         2          3\n  and more\n"
)

func TestStockCheck(t *testing.T) {
	t.Setenv(OwnerVariable, "tok")
	base, asked := edgeFake(t, func(w http.ResponseWriter, r *http.Request) {
		switch host, _, _ := strings.Cut(r.Host, ":"); host {
		case "gb.example":
			io.WriteString(w, faultyStock)
		case "us.example":
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			io.WriteString(w, wellStock)
		}
	})
	for _, c := range []struct {
		args      []string
		code      int
		out, errs string
	}{
		{nil, exitOK, "de: no faults\n", ""},
		{[]string{"--shop", "de.example", "--shop", "gb.example"}, exitFailed, "de: no faults\n" + scone, "say: gb."},
		{[]string{"--shop", "us.example", "--shop", "gb.example"}, exitFailed, scone, "No answer for us.example."},
		{[]string{"--shop", "us.example"}, exitFailed, "", "meridian: "},
		{[]string{"--shop", "us.example", "--json"}, exitFailed, "", `"code":"unavailable"`},
	} {
		code, out, errs := run(t, append([]string{"stock", "check", "--server", base}, c.args...)...)
		if code != c.code || out != c.out || !strings.Contains(errs, c.errs) || (errs == "") != (code == exitOK) {
			t.Errorf("%v: %d\n%s%s", c.args, code, out, errs)
		}
	}
	for _, r := range *asked {
		if r.Method+" "+r.URL.Path != "GET /owner/api/v1/stock-check" || r.Header.Get("Authorization") != "Bearer tok" {
			t.Errorf("%s %s with %q", r.Method, r.URL, r.Header.Get("Authorization"))
		}
	}
	code, out, _ := run(t, "stock", "check", "--server", base, "--shop", "gb.example", "--json")
	var all []api.StockCheck
	if err := json.Unmarshal([]byte(out), &all); err != nil || code != exitFailed || len(all) != 1 || !all[0].More || all[0].Faults[0].LedgerOnHand != 5 {
		t.Errorf("%d %v %s", code, err, out)
	}
}

func TestStockCheckAsksEveryMarketOfTheLocalWorld(t *testing.T) {
	t.Setenv(OwnerVariable, "tok")
	base, asked := edgeFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/world" {
			json.NewEncoder(w).Encode(localworld.About{World: string(meridian.WorldFile)})
			return
		}
		io.WriteString(w, wellStock)
	})
	dir := t.TempDir()
	text, err := json.Marshal(localworld.Run{PID: os.Getpid(), URL: base, Door: base + "/"})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "run.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	code, out, errs := run(t, "stock", "check", "--dir", dir)
	if code != exitOK || strings.Count(out, "no faults") != 5 || len(*asked) != 6 {
		t.Fatalf("%d, asked %d times\n%s%s", code, len(*asked), out, errs)
	}
	for i, market := range []string{"us", "gb", "de", "jp", "in"} {
		if r := (*asked)[i+1]; !strings.HasPrefix(r.Host, market+".localhost:") {
			t.Errorf("asked %s at %s", r.URL, r.Host)
		}
	}
	if code, _, errs := run(t, "stock", "check", "--dir", t.TempDir()); code != exitFailed || !strings.Contains(errs, "meridian up") {
		t.Errorf("no world: %d %s", code, errs)
	}
}
