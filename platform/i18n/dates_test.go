package i18n_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"meridian/platform/i18n"
	"meridian/world"
)

// Every locale that ships writes a date as its readers do.
func TestShippedLocalesWriteDates(t *testing.T) {
	texts, err := i18n.Load(os.DirFS("../../data/locales"))
	if err != nil {
		t.Fatal(err)
	}
	afternoon := time.Date(2026, 3, 7, 13, 5, 0, 0, time.UTC)
	midnight := time.Date(2026, 11, 22, 0, 9, 0, 0, time.UTC)
	for tag, want := range map[string][3]string{
		"en-US": {"03/07/2026, 1:05 PM", "March 7, 2026, 1:05 PM", "November 22, 2026, 12:09 AM"},
		"en-GB": {"07/03/2026, 13:05", "7 March 2026, 13:05", "22 November 2026, 00:09"},
		"en-IN": {"07/03/2026, 1:05 pm", "7 March 2026, 1:05 pm", "22 November 2026, 12:09 am"},
		"de-DE": {"07.03.2026, 13:05", "7. März 2026, 13:05 Uhr", "22. November 2026, 00:09 Uhr"},
		"ja-JP": {"2026/03/07 13:05", "2026年3月7日 13:05", "2026年11月22日 00:09"},
		"hi-IN": {"07/03/2026, 1:05 pm", "7 मार्च 2026, 1:05 pm", "22 नवंबर 2026, 12:09 am"},
	} {
		l := texts.Locale(tag)
		short, err := l.DateForm(i18n.DateShortKey)
		if err != nil {
			t.Error(err)
		}
		long, err := l.DateForm(i18n.DateLongKey)
		if err != nil {
			t.Error(err)
		}
		if got := [3]string{short.Format(afternoon), long.Format(afternoon), long.Format(midnight)}; got != want {
			t.Errorf("%s: %q, want %q", tag, got, want)
		}
	}
}

func TestShippedLocalesWriteSlots(t *testing.T) {
	texts, err := i18n.Load(os.DirFS("../../data/locales"))
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 11, 25, 9, 0, 0, 0, zone)
	for tag, want := range map[string]string{
		"en-US": "Wed, November 25, 9:00 AM–1:00 PM",
		"en-GB": "Wed 25 November, 09:00–13:00",
		"en-IN": "Wed, 25 November, 9:00 am–1:00 pm",
		"de-DE": "Mi., 25. November, 09:00–13:00 Uhr",
		"ja-JP": "11月25日（水）09:00～13:00",
		"hi-IN": "बुध, 25 नवंबर, 9:00 am–1:00 pm",
	} {
		f, err := texts.Locale(tag).SlotForm()
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Format(start, start.Add(4*time.Hour).UTC()); got != want {
			t.Errorf("%s: %q, want %q", tag, got, want)
		}
	}
	for body, want := range map[string]string{
		"a: b": "lacks the text date.slot",
		`date.slot: "{weekday} {day}/{month} {from}-{to}"`: "lacks the text date.weekday_0",
		`date.slot: "{day}/{month} {from}-{to}"`:           "date.slot lacks {weekday}",
	} {
		l, err := i18n.Parse("de-DE", []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.SlotForm(); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
}

func TestDateFormNamesWhatIsMissing(t *testing.T) {
	months := ""
	for i := 1; i < 12; i++ {
		months += fmt.Sprintf("date.month_%d: m\n", i)
	}
	for body, want := range map[string]string{
		"a: b":                                                            "lacks the text date.format",
		`date.format: "{day}/{month}, {time}"`:                            "date.format lacks {year}",
		`date.format: "{day}/{year}, {time}"`:                             "date.format lacks {month}",
		`date.format: "{month}/{year}, {time}"`:                           "date.format lacks {day}",
		`date.format: "{day}/{month}/{year}"`:                             "date.format lacks {time}",
		`date.format: "{day}/{month}/{year} {time12}"`:                    "lacks the text date.am",
		`date.format: "{day} {month_name} {year} {time}"` + "\n" + months: "lacks the text date.month_12",
	} {
		l, err := i18n.Parse("de-DE", []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.DateForm(i18n.DateShortKey); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
}
