package tax_test

import (
	"strings"
	"testing"

	"meridian/engine/tax"
)

// rulesCSV is a bakery's worth of law, each rule with its source.
const rulesCSV = `jurisdiction,tax_class,rate_percent,valid_from,valid_to,label,source
DE,cake,7,1983-07-01,2020-06-30,USt 7 %,UStG §12(2) No.1
DE,cake,5,2020-07-01,2020-12-31,USt 5 %,Zweites Corona-Steuerhilfegesetz
DE,cake,7,2021-01-01,,USt 7 %,UStG §12(2) No.1
DE,coffee,16,2020-07-01,2020-12-31,USt 16 %,Zweites Corona-Steuerhilfegesetz
DE,coffee,19,2021-01-01,,USt 19 %,UStG §12(1)
GB,cake,0,1973-04-01,,VAT 0%,HMRC VAT Notice 701/14
GB,biscuit,20,2011-01-04,,VAT 20%,HMRC VAT Notice 701/14
JP,cake,8,2019-10-01,,消費税 8%,tax-freeshop.jnto.go.jp
JP,alcohol,10,2019-10-01,,消費税 10%,tax-freeshop.jnto.go.jp
IN,cake,18,2017-11-15,2025-09-21,GST 18%,taxmanagementindia 1905
IN,cake,5,2025-09-22,,GST 5%,56th GST Council
US-NY,cake,0,1965-08-01,,Sales tax 0%,TSB-A-24(19)S
US-NY,hot_food,8.875,2005-06-01,,Sales tax 8.875%,"TSB-A-16(14)S, New York City"
US-AR,cake,0.125,2019-01-01,2025-12-31,Sales tax 0.125%,iolaregister
US-AR,cake,0,2026-01-01,,Sales tax 0%,iolaregister
`

func load(t testing.TB) *tax.Table {
	t.Helper()
	table, err := tax.Load(strings.NewReader(rulesCSV))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func day(t testing.TB, text string) tax.Date {
	t.Helper()
	d, err := tax.ParseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
