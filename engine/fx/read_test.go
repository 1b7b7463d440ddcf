package fx_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"meridian/engine/fx"
	"meridian/engine/tax"
	"meridian/world"
)

const daily = `<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
	<gesmes:subject>Reference rates</gesmes:subject>
	<gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
	<Cube>
		<Cube time='2026-11-20'>
			<Cube currency='USD' rate='1.1625'/>
			<Cube currency='JPY' rate='178.40'/></Cube>
	</Cube>
</gesmes:Envelope>`

const history = `Date,USD,JPY,CYP,GBP,
2026-11-20,1.1625,178.40,N/A,0.8760,
2026-11-19,1.1600,178.00,N/A,N/A,
`

func day(t testing.TB, text string) tax.Date {
	t.Helper()
	d, err := tax.ParseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func packed(t testing.TB, names []string, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range names {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// told is what was read, in short.
func told(lists []fx.List) string {
	var out []string
	for _, l := range lists {
		for _, q := range l.Quotes() {
			out = append(out, fmt.Sprintf("%s %s %s %s", q.Day, q.Currency, q.Rate, q.Source))
		}
	}
	return strings.Join(out, "\n")
}

func TestReadsEveryFormOfTheECB(t *testing.T) {
	const fromXML = "2026-11-20 JPY 178.40 European Central Bank\n2026-11-20 USD 1.1625 European Central Bank"
	const fromCSV = "2026-11-19 JPY 178.00 European Central Bank\n2026-11-19 USD 1.1600 European Central Bank\n" +
		"2026-11-20 GBP 0.8760 European Central Bank\n2026-11-20 JPY 178.40 European Central Bank\n2026-11-20 USD 1.1625 European Central Bank"
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"daily xml":             {[]byte(daily), fromXML},
		"behind a mark":         {[]byte("\xef\xbb\xbf" + daily), fromXML},
		"history csv, no CYP":   {[]byte(history), fromCSV},
		"history csv with CRLF": {[]byte(strings.ReplaceAll(history, "\n", "\r\n")), fromCSV},
		"history in a zip":      {packed(t, []string{"eurofxref-hist.csv"}, history), fromCSV},
		"daily csv":             {[]byte("Date, USD, JPY, \n20 November 2026, 1.1625, 178.40, \n"), fromXML},
		"another sender": {[]byte(strings.Replace(daily, "European Central Bank", "sample", 1)),
			"2026-11-20 JPY 178.40 sample\n2026-11-20 USD 1.1625 sample"},
		"days in any order": {[]byte(`<Envelope><Cube><Cube time="2026-11-20"><Cube currency="USD" rate="2"/></Cube><Cube time="2026-11-19"><Cube currency="USD" rate="1"/></Cube></Cube></Envelope>`),
			"2026-11-19 USD 1 European Central Bank\n2026-11-20 USD 2 European Central Bank"},
	} {
		lists, err := fx.Read(c.file, fx.DefaultLimits)
		if got := told(lists); err != nil || got != c.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, got, c.want)
		}
	}
}

func TestRefusesWhatIsNoList(t *testing.T) {
	cube := func(inner string) string { return "<Envelope><Cube>" + inner + "</Cube></Envelope>" }
	for name, text := range map[string]string{
		"nothing":             "",
		"spaces":              "  \n",
		"a page":              "<!DOCTYPE html><html><body>Not found</body></html>",
		"html":                "<html></html>",
		"cut off":             daily[:len(daily)-30],
		"an entity":           strings.Replace(daily, "Reference", "&what;", 1),
		"a directive":         `<!DOCTYPE x [<!ENTITY a "b">]>` + cube(`<Cube time="2026-11-20"><Cube currency="USD" rate="1"/></Cube>`),
		"another charset":     strings.Replace(daily, "UTF-8", "ISO-8859-1", 1),
		"not text":            "Date,USD\n2026-11-20,1\xff\n",
		"no rate":             cube(`<Cube time="2026-11-20"></Cube>`),
		"only one of before":  cube(`<Cube time="1999-01-04"><Cube currency="DEM" rate="1.95583"/></Cube>`),
		"no day":              cube(`<Cube><Cube currency="USD" rate="1"/></Cube>`),
		"no such day":         cube(`<Cube time="2026-02-30"><Cube currency="USD" rate="1"/></Cube>`),
		"a day twice":         cube(strings.Repeat(`<Cube time="2026-11-20"><Cube currency="USD" rate="1"/></Cube>`, 2)),
		"a currency twice":    cube(`<Cube time="2026-11-20"><Cube currency="USD" rate="1"/><Cube currency="USD" rate="2"/></Cube>`),
		"the euro":            cube(`<Cube time="2026-11-20"><Cube currency="EUR" rate="1"/></Cube>`),
		"no code":             cube(`<Cube time="2026-11-20"><Cube currency="usd" rate="1"/></Cube>`),
		"no such rate":        cube(`<Cube time="2026-11-20"><Cube currency="USD" rate="-1"/></Cube>`),
		"a rate of nothing":   cube(`<Cube time="2026-11-20"><Cube currency="USD" rate="0.000"/></Cube>`),
		"an exponent":         cube(`<Cube time="2026-11-20"><Cube currency="USD" rate="1e9"/></Cube>`),
		"too deep":            cube(`<Cube time="2026-11-20"><Cube currency="USD" rate="1"><a/></Cube></Cube>`),
		"another root":        strings.ReplaceAll(cube(`<Cube time="2026-11-20"><Cube currency="USD" rate="1"/></Cube>`), "Envelope", "Letter"),
		"csv without Date":    "Day,USD\n2026-11-20,1\n",
		"csv of other lines":  "Date,USD\n2026-11-20,1,2\n",
		"csv without a value": "Date,USD\n2026-11-20,\n",
		"csv without a code":  "Date,USD,\n2026-11-20,1,2\n",
		"csv of no days":      "Date,USD\n",
		"a zip of two":        string(packed(t, []string{"a.csv", "b.csv"}, history)),
		"a broken zip":        string(packed(t, []string{"a.csv"}, history)[:60]),
		"a zip of a zip":      string(packed(t, []string{"a.zip"}, string(packed(t, []string{"a.csv"}, history)))),
		"a sender of a novel": strings.Replace(daily, "European Central Bank", strings.Repeat("x", 121), 1),
	} {
		if lists, err := fx.Read([]byte(text), fx.DefaultLimits); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v\n%s", name, err, told(lists))
		}
	}
}

func TestReadKeepsItsLimits(t *testing.T) {
	fits := fx.Limits{Bytes: int64(len(history)), Days: 2, Currencies: 4}
	zipped := packed(t, []string{"a.csv"}, history)
	for name, c := range map[string]struct {
		file []byte
		less func(*fx.Limits)
	}{
		"bytes":      {[]byte(history), func(l *fx.Limits) { l.Bytes-- }},
		"days":       {[]byte(history), func(l *fx.Limits) { l.Days-- }},
		"currencies": {[]byte(strings.Replace(history, "N/A,0", "1,0", 1)), func(l *fx.Limits) { l.Currencies-- }},
	} {
		l := fits
		if _, err := fx.Read(c.file, l); err != nil {
			t.Errorf("%s: at the limit: %v", name, err)
		}
		c.less(&l)
		if _, err := fx.Read(c.file, l); !world.Is(err, world.CodeTooLarge) {
			t.Errorf("%s: past the limit: %v", name, err)
		}
	}
	bomb := packed(t, []string{"a.csv"}, "Date,USD,\n"+strings.Repeat("x", 1<<20))
	l := fx.Limits{Bytes: 1 << 19, Days: 1, Currencies: 1}
	if _, err := fx.Read(bomb, l); !world.Is(err, world.CodeTooLarge) || len(bomb) > 1<<16 {
		t.Errorf("a zip of %d bytes that holds a megabyte: %v", len(bomb), err)
	}
	if _, err := fx.Read(zipped, fx.DefaultLimits); err != nil {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(daily))
	f.Add([]byte(history))
	f.Add([]byte("Date, USD, \n20 November 2026, 1.1625, \n"))
	f.Add(packed(f, []string{"a.csv"}, history))
	f.Add([]byte("<Envelope><Cube><Cube time='2026-11-20'><Cube currency='USD' rate='1'/></Cube></Cube></Envelope>"))
	limits := fx.Limits{Bytes: 1 << 16, Days: 50, Currencies: 20}
	f.Fuzz(func(t *testing.T, file []byte) {
		lists, err := fx.Read(file, limits)
		if err != nil {
			if world.CodeOf(err) == world.CodeInternal {
				t.Fatal(err)
			}
			return
		}
		if len(lists) == 0 || len(lists) > limits.Days {
			t.Fatalf("%d lists", len(lists))
		}
		for i, l := range lists {
			if i > 0 && l.Day.Compare(lists[i-1].Day) <= 0 || l.Source == "" || len(l.Rates) == 0 || len(l.Rates) > limits.Currencies {
				t.Fatalf("list %d: %+v", i, l)
			}
			for _, q := range l.Quotes() {
				if r := q.Rate.Rat(); r == nil || r.Sign() <= 0 {
					t.Fatalf("%+v", q)
				}
			}
		}
	})
}
