package mailbox

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"meridian/adapter/smtp"
	"meridian/world"
)

func start(t *testing.T) (*Post, map[string]*smtp.Server) {
	t.Helper()
	dir := t.TempDir()
	var regions []Region
	for _, id := range []string{"eu-central", "us-east"} {
		regions = append(regions, Region{ID: id, Name: "Region " + id, Address: "unix:" + filepath.Join(dir, id+".sock")})
	}
	p, err := Start(t.Context(), regions, func() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	servers := map[string]*smtp.Server{}
	for _, r := range regions {
		if servers[r.ID], err = smtp.New(smtp.Settings{Address: r.Address, TLS: smtp.Plain, Timeout: 5 * time.Second}, nil); err != nil {
			t.Fatal(err)
		}
	}
	return p, servers
}

func letter(n int) world.Mail {
	return world.Mail{ID: fmt.Sprintf("a.placed.%d@de.localhost", n), FromName: "Sweet Crumbs", From: "bestellung@de.localhost", To: "j@example.de",
		Subject: fmt.Sprintf("Törtchen %d", n), Locale: "de-DE", Text: "Grüße\n", HTML: "<p>Grüße<script>x</script>", At: time.Unix(1_800_000_000, 0)}
}

func get(t *testing.T, p *Post, path string) (int, string, http.Header) {
	t.Helper()
	w := httptest.NewRecorder()
	p.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(body), w.Header()
}

func TestLettersArriveWhereTheyWereSent(t *testing.T) {
	p, servers := start(t)
	if _, page, _ := get(t, p, "/mail"); strings.Count(page, "No mail here yet") != 2 {
		t.Errorf("empty: %s", page)
	}
	for _, n := range []int{1, 2, 1} {
		if err := servers["eu-central"].Send(t.Context(), letter(n)); err != nil {
			t.Fatal(err)
		}
	}
	_, page, _ := get(t, p, "/mail")
	if strings.Count(page, "No mail here yet") != 1 || strings.Count(page, "sent again") != 1 {
		t.Errorf("list: %s", page)
	}
	if first, second := strings.Index(page, "/mail/eu-central/3"), strings.Index(page, "/mail/eu-central/2"); first < 0 || second < first {
		t.Error("the newest is not first")
	}
	code, page, head := get(t, p, "/mail/eu-central/2")
	for _, want := range []string{"Törtchen 2", "Grüße\n", "j@example.de", "a.placed.2@de.localhost", `iframe sandbox src="/mail/eu-central/2/html"`} {
		if code != 200 || !strings.Contains(page, want) {
			t.Errorf("the letter lacks %q: %d %s", want, code, page)
		}
	}
	if strings.Contains(page, "<script>") || !strings.Contains(head.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("a letter's script is on the page: %s", page)
	}
	if _, page, head = get(t, p, "/mail/eu-central/2/html"); page != letter(2).HTML || !strings.HasSuffix(head.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("HTML: %q under %q", page, head.Get("Content-Security-Policy"))
	}
	if _, list, _ := get(t, p, "/mails"); strings.Count(list, `"region":"eu-central"`) != 3 || strings.Count(list, `"again":true`) != 1 {
		t.Errorf("JSON: %s", list)
	}
	for _, none := range []string{"/mail/us-east/1", "/mail/eu-central/4", "/mail/eu-central/x", "/mail/none/1/html"} {
		if code, _, _ := get(t, p, none); code != 404 {
			t.Errorf("%s: %d", none, code)
		}
	}
}

func TestTheOldestAreForgotten(t *testing.T) {
	b := &box{Region: Region{ID: "eu-central"}, now: time.Now}
	for range MaxKept + 1 {
		b.put("j@example.de", []byte("Subject: a\r\n\r\nb"))
	}
	if all := b.list(); len(all) != MaxKept || all[0].N != MaxKept+1 || all[MaxKept-1].N != 2 {
		t.Errorf("%d are kept, from %d", len(all), all[len(all)-1].N)
	}
}

func TestAnEmptyListIsOne(t *testing.T) {
	p, _ := start(t)
	if _, list, _ := get(t, p, "/mails"); strings.TrimSpace(list) != `{"mails":[]}` {
		t.Error(list)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("Subject: =?utf-8?q?T=C3=B6rtchen?=\r\nMessage-Id: <a@b>\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\na\r\n--x\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=C3\r\n--x--"))
	f.Add([]byte("Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n////"))
	f.Add([]byte("\xff\x00no letter"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l := read(raw)
		if len(l.Text)+len(l.HTML) > 8*len(raw)+100 {
			t.Fatalf("%d bytes became %d and %d", len(raw), len(l.Text), len(l.HTML))
		}
	})
}
