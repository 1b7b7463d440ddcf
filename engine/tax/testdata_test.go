package tax_test

import (
	"strings"
	"testing"

	"meridian/engine/tax"
)

// rulesCSV is a bakery's worth of law, each rule with its source.
const rulesCSV = `jurisdiction,levy,part,classes,with,temperature,mode,route,buyer,rate_percent,below,valid_from,valid_to,label,confidence,status,source
DE,vat,,cake,,,,,,7,,1983-07-01,2020-06-30,USt 7 %,high,law,UStG §12(2) No.1
DE,vat,,cake,,,,,,5,,2020-07-01,2020-12-31,USt 5 %,high,law,Zweites Corona-Steuerhilfegesetz
DE,vat,,cake,,,,,,7,,2021-01-01,,USt 7 %,high,law,UStG §12(2) No.1
DE,vat,,coffee,,,,,,16,,2020-07-01,2020-12-31,USt 16 %,high,law,Zweites Corona-Steuerhilfegesetz
DE,vat,,coffee,,,,,,19,,2021-01-01,,USt 19 %,high,law,UStG §12(1)
GB,vat,,cake,,,,,,0,,1973-04-01,,VAT 0%,high,law,HMRC VAT Notice 701/14
GB,vat,,biscuit,,,,,,20,,2011-01-04,,VAT 20%,high,law,HMRC VAT Notice 701/14
JP,consumption,,cake,,,,,,8,,2019-10-01,,消費税 8%,high,law,tax-freeshop.jnto.go.jp
JP,consumption,,alcohol,,,,,,10,,2019-10-01,,消費税 10%,high,law,tax-freeshop.jnto.go.jp
IN,gst,,cake,,,,,,18,,2017-11-15,2025-09-21,GST 18%,high,law,taxmanagementindia 1905
IN,gst,,cake,,,,,,5,,2025-09-22,,GST 5%,high,law,56th GST Council
US-NY,sales,,cake,,,,,,0,,1965-08-01,,Sales tax 0%,high,law,TSB-A-24(19)S
US-NY,sales,,hot_food,,,,,,8.875,,2005-06-01,,Sales tax 8.875%,high,law,"TSB-A-16(14)S, New York City"
US-AR,sales,,cake,,,,,,0.125,,2019-01-01,2025-12-31,Sales tax 0.125%,high,law,iolaregister
US-AR,sales,,cake,,,,,,0,,2026-01-01,,Sales tax 0%,high,law,iolaregister
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

// delivered is how most test goods reach their buyers.
var delivered = tax.Supply{Mode: tax.Delivery}

// in is a sale to a consumer at a place, by a shop of the same place.
func in(jurisdiction string, on tax.Date) tax.Sale {
	return tax.Sale{Seller: jurisdiction, Jurisdiction: jurisdiction, On: on}
}

func everySupply() (all []tax.Supply) {
	for _, mode := range []tax.Mode{tax.Takeaway, tax.Delivery, tax.EatIn} {
		for _, with := range []tax.With{tax.Nothing, tax.Utensils, tax.Gift} {
			all = append(all, tax.Supply{Mode: mode, With: with}, tax.Supply{Mode: mode, With: with, Hot: true})
		}
	}
	return all
}
