package httpcache

import (
	"net/http"
	"testing"
	"time"
)

func TestDates(t *testing.T) {
	noon := time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name, in string
		want     time.Time // zero: no date
	}{
		{"RFC 9110 §5.6.7: IMF-fixdate", "Sun, 01 Jun 2025 12:00:00 GMT", noon},
		{"RFC 9110 §5.6.7: RFC 850", "Sunday, 01-Jun-25 12:00:00 GMT", noon},
		{"RFC 9110 §5.6.7: the longest day", "Wednesday, 04-Jun-25 12:00:00 GMT", noon.AddDate(0, 0, 3)},
		{"RFC 9110 §5.6.7: asctime", "Sun Jun  1 12:00:00 2025", noon},
		{"RFC 9110 §5.6.7: asctime, two digits", "Wed Jun 11 12:00:00 2025", noon.AddDate(0, 0, 10)},
		{"RFC 9110 §5.6.7: two digits, within 50 years", "Saturday, 01-Jun-74 12:00:00 GMT", noon.AddDate(49, 0, 0)},
		{"RFC 9110 §5.6.7: two digits, the past", "Wednesday, 01-Jun-77 12:00:00 GMT", noon.AddDate(-48, 0, 0)},
		{"RFC 9111 §4.2: letter case", "SUN, 01 jun 2025 12:00:00 gmt", noon},
		{"RFC 9111 §4.2: another zone", "Sun, 01 Jun 2025 12:00:00 UTC", time.Time{}},
		{"RFC 9111 §4.2: another zone, RFC 850", "Sunday, 01-Jun-25 12:00:00 PST", time.Time{}},
		{"no zone", "Sun, 01 Jun 2025 12:00:00", time.Time{}},
		{"an offset", "Sun, 01 Jun 2025 12:00:00 +0000", time.Time{}},
		{"an hour of one digit", "Sun, 01 Jun 2025 1:00:00 GMT", time.Time{}},
		{"a day of one digit", "Sun, 1 Jun 2025 12:00:00 GMT", time.Time{}},
		{"a fraction", "Sun, 01 Jun 2025 12:00:00.5 GMT", time.Time{}},
		{"a year of two digits", "Sun, 01 Jun 25 12:00:00 GMT", time.Time{}},
		{"no comma", "Sun 01 Jun 2025 12:00:00 GMT", time.Time{}},
		{"two spaces", "Sun, 01  Jun 2025 12:00:00 GMT", time.Time{}},
		{"dots", "Sun, 01 Jun 2025 12.00.00 GMT", time.Time{}},
		{"the 32nd", "Sun, 32 Jun 2025 12:00:00 GMT", time.Time{}},
		{"two of them", "Sun, 01 Jun 2025 12:00:00 GMT, Sun, 01 Jun 2025 12:00:00 GMT", time.Time{}},
		{"zero", "0", time.Time{}},
		{"minus one", "-1", time.Time{}},
		{"none", "", time.Time{}},
	} {
		got, ok := parseDate(tc.in, epoch)
		if ok == tc.want.IsZero() || (ok && !got.Equal(tc.want)) {
			t.Errorf("%s: %q is %v %v, want %v", tc.name, tc.in, got, ok, tc.want)
		}
	}
}

func TestExpiresThatIsNoDateIsExpired(t *testing.T) { // RFC 9111 §5.3
	for _, expires := range []string{"0", "-1", "", "Sunday, 01-Jun-25 13:00:00 PST", "Sun, 01 Jun 2025 13:00:00 UTC"} {
		h, why := newHead(exchangeOf(200, nil, []string{"Expires: " + expires, "Last-Modified: Sun, 01 Jun 2025 10:00:00 GMT"}))
		if h.life != 0 || why != "" { // stored, for it can be validated
			t.Errorf("Expires: %q gives %v, not stored for %q", expires, h.life, why)
		}
	}
	h, _ := newHead(exchangeOf(200, nil, []string{"Date: Sun, 01 Jun 2025 12:00:00 GMT",
		"Expires: Sun, 01 Jun 2025 12:00:10 GMT", "Expires: Sun, 01 Jun 2025 13:00:00 GMT"}))
	if h.life != 10*time.Second { // §4.2.1
		t.Errorf("the first of two counts: %v", h.life)
	}
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{"Sun, 01 Jun 2025 12:00:00 GMT", "Sunday, 01-Jun-25 12:00:00 GMT", "Sun Jun  1 12:00:00 2025", "0", " GMT"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := parseDate(s, epoch)
		if !ok {
			return
		}
		if again, ok := parseDate(got.Format(http.TimeFormat), epoch); !ok || !again.Equal(got) {
			t.Errorf("%q is %v, written and read %v", s, got, again)
		}
	})
}
