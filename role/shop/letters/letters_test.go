package letters_test

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"meridian/data"
	"meridian/platform/i18n"
	"meridian/role/shop/letters"
	"meridian/world"
)

var update = flag.Bool("update", false, "write the golden letters anew")

func texts(t testing.TB) *i18n.Texts {
	t.Helper()
	dir, err := fs.Sub(data.FS, "locales")
	if err != nil {
		t.Fatal(err)
	}
	all, err := i18n.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func writer(t testing.TB) *letters.Writer {
	t.Helper()
	w, err := letters.New()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// an order of each kind, as the roles print it
func letter(kind world.MailKind) letters.Letter {
	l := letters.Letter{
		Kind: kind, How: world.Delivery, Brand: "Sweet Crumbs", Name: "Aoi <Weiß>", Number: "SC-DE-7K3M9Q", URL: "https://de.example/orders/7k3m9q7k3m9q7k3m9q7k3m9q7k",
	}
	switch kind {
	case world.MailPlaced:
		l.How, l.When, l.Note = world.PickUp, "23. 11. 2026, 09:00–10:00", "¤"
		l.Lines = []letters.Line{{"Schwarzwälder Kirschtorte", 1, "39,90 €"}, {"Laugenbrezeln & Salz", 12, "62,40 €"}}
		l.Rows, l.Total = []letters.Row{{"−10 %", "−10,23 €"}, {"MwSt. 7 %", "6,02 €"}}, "92,07 €"
		l.Papers = []letters.Paper{{"Rechnung <drucken>", l.URL + "/invoice"}}
	case world.MailPaymentFailed:
		l.Until, l.Total = "12:30", "92,07 €"
	case world.MailReady:
		l.Where = "Weg 1\n50667 Köln"
	case world.MailCancelled, world.MailRefunded:
		l.Reason, l.Amount = "Ofen <kaputt>\nleider", "39,90 €"
	}
	return l
}

// Each way of fulfilment has its own words.
func TestLettersNameTheWay(t *testing.T) {
	w, all := writer(t), texts(t)
	for how, want := range map[world.Fulfilment][2]string{
		world.Delivery: {"on its way", "Delivery: noon"}, world.PickUp: {"ready to collect", "Collection: noon"}, world.EatIn: {"a table is waiting", "Eating here: noon"},
	} {
		for i, kind := range []world.MailKind{world.MailReady, world.MailPlaced} {
			l := letter(kind)
			l.How, l.When = how, "noon"
			got, err := w.Write(all.Locale("en-GB"), l)
			if err != nil || !strings.Contains(got.Subject+got.Text, want[i]) {
				t.Errorf("%s, %s: %v\n%s", how, kind, err, got.Text)
			}
		}
	}
}

func TestGoldenLetters(t *testing.T) {
	w, all := writer(t), texts(t)
	if err := all.Check(all.Locales(), w.Keys()); err != nil {
		t.Fatal(err)
	}
	for _, locale := range all.Locales() {
		for _, kind := range world.MailKinds {
			got, err := w.Write(all.Locale(locale), letter(kind))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, locale+"."+string(kind)+".txt", "Subject: "+got.Subject+"\n\n"+got.Text)
			golden(t, locale+"."+string(kind)+".html", got.HTML)
			if body := whole.FindStringSubmatch(got.HTML); body == nil || strings.Count(body[1], "<h1") != 1 || !strings.Contains(body[1], ">"+letter(kind).Brand+"</h1>") {
				t.Errorf("%s %s: not all of it is in the main landmark, under one title:\n%s", locale, kind, got.HTML)
			}
		}
	}
}

// whole is a letter whose body is its main landmark, and nothing beside it.
var whole = regexp.MustCompile(`(?s)<body[^>]*>\s*<main>(.*)</main>\s*</body>`)

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s (written anew with -update):\n%s", name, got)
	}
}

func TestWhatIsTypedStaysText(t *testing.T) {
	l := letter(world.MailCancelled)
	l.Name, l.Reason, l.URL = "<script>x</script>\r\nBcc: a@example.com", "<img src=x>\n-- \nmore", "javascript:alert(1)"
	got, err := writer(t).Write(texts(t).Locale("en-US"), l)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "<img", "javascript:alert"} {
		if strings.Contains(got.HTML, bad) {
			t.Errorf("the HTML has %q", bad)
		}
	}
	if strings.Contains(got.Text, "\nBcc:") || strings.Count(got.Text, "\n-- \n") != 1 {
		t.Errorf("the text is\n%s", got.Text)
	}
}

// The elements that the template has.
var (
	element = regexp.MustCompile(`<([^ />!][^ />]*)`)
	may     = []string{"html", "head", "meta", "title", "body", "main", "div", "h1", "p", "table", "tr", "td", "a"}
)

func FuzzWrite(f *testing.F) {
	w, locale := writer(f), texts(f).Locale("ja-JP")
	f.Add("葵", "SC-JP-7K3M9Q", "理由", "¥1,200")
	f.Add("a\r\nBcc: x", "\n", "</p>{{.}}", "\u2028")
	f.Add("\xff", "{{.Name}}", "<!--", "%!d")
	f.Fuzz(func(t *testing.T, name, number, reason, amount string) {
		l := letter(world.MailRefunded)
		l.Name, l.Number, l.Reason, l.Amount = name, number, reason, amount
		got, err := w.Write(locale, l)
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(got.Subject, "\r\n\x00") {
			t.Fatalf("subject %q", got.Subject)
		}
		for _, m := range element.FindAllStringSubmatch(got.HTML, -1) {
			if !slices.Contains(may, m[1]) {
				t.Fatalf("it has a %s", m[1])
			}
		}
	})
}

func TestID(t *testing.T) {
	if got, want := letters.ID("SC-DE-7K3M9Q", world.MailRefunded, 2, "de.example"), "sc-de-7k3m9q.refunded.2@de.example"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestAnUnknownKind(t *testing.T) {
	if _, err := writer(t).Write(texts(t).Locale("en-US"), letters.Letter{Kind: "spam"}); !world.Is(err, world.CodeInvalid) {
		t.Error(err)
	}
}
