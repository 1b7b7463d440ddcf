package smtp

import (
	"bytes"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"meridian/world"
)

func good() world.Mail {
	return world.Mail{ID: "a.placed.1@de.example", FromName: "Shop", From: "shop@de.example", To: "j@example.de", Subject: "Hello",
		Locale: "de-DE", Text: "a", HTML: "<p>a", At: time.Unix(1_800_000_000, 0)}
}

func TestWhatCannotBeSent(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world.Mail)
		good   bool
	}{
		"as it should be":       {func(*world.Mail) {}, true},
		"the longest subject":   {func(m *world.Mail) { m.Subject = strings.Repeat("ä", MaxSubject) }, true},
		"a longer subject":      {func(m *world.Mail) { m.Subject = strings.Repeat("ä", MaxSubject+1) }, false},
		"a line more":           {func(m *world.Mail) { m.Subject = "a\r\nBcc: x@example.com" }, false},
		"a line in a name":      {func(m *world.Mail) { m.FromName = "a\nBcc: x@example.com" }, false},
		"a line in the id":      {func(m *world.Mail) { m.ID = "a@b\r\nBcc: x@example.com" }, false},
		"a broken subject":      {func(m *world.Mail) { m.Subject = "\xff" }, false},
		"an id without right":   {func(m *world.Mail) { m.ID = "a@" }, false},
		"an id in brackets":     {func(m *world.Mail) { m.ID = "<a@b>" }, false},
		"two recipients":        {func(m *world.Mail) { m.To = "a@example.de, b@example.de" }, false},
		"a recipient and name":  {func(m *world.Mail) { m.To = "J <a@example.de>" }, false},
		"no recipient":          {func(m *world.Mail) { m.To = "" }, false},
		"a recipient with line": {func(m *world.Mail) { m.To = "a@example.de\r\nDATA" }, false},
		"the longest address":   {func(m *world.Mail) { m.To = strings.Repeat("a", MaxAddress-11) + "@example.de" }, true},
		"a longer address":      {func(m *world.Mail) { m.To = strings.Repeat("a", MaxAddress-10) + "@example.de" }, false},
		"the longest text":      {func(m *world.Mail) { m.Text = strings.Repeat("a", MaxBody) }, true},
		"a longer text":         {func(m *world.Mail) { m.Text = strings.Repeat("a", MaxBody+1) }, false},
		"a longer HTML":         {func(m *world.Mail) { m.HTML = strings.Repeat("a", MaxBody+1) }, false},
	} {
		m := good()
		c.change(&m)
		if _, err := message(m); (err == nil) != c.good || err != nil && !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever a buyer or a shop's name brings along, a letter has the headers that
// it should have, one recipient, and no other.
func FuzzHeaders(f *testing.F) {
	f.Add("Hello", "Shop", "j@example.de", "a@b.example")
	f.Add("a\r\nBcc: x@example.com", "=?utf-8?q?=0d=0aBcc:_x?=", `"a\r\n"@example.de`, "a@b")
	f.Add(strings.Repeat("ü ", 120), "ショップ", "用户@例え.jp", "a@b\x00")
	f.Add(" \u2028Bcc: x", "\u0085", "a@[127.0.0.1]", "a.b@c")
	f.Fuzz(func(t *testing.T, subject, name, to, id string) {
		m := good()
		m.Subject, m.FromName, m.To, m.ID = subject, name, to, id
		msg, err := message(m)
		if err != nil {
			return
		}
		var text bytes.Buffer
		if _, err := msg.WriteTo(&text); err != nil {
			return
		}
		read, err := netmail.ReadMessage(&text)
		if err != nil {
			t.Fatalf("%q: %v", text.String(), err)
		}
		may := []string{"Auto-Submitted", "Content-Language", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To"}
		for field, values := range read.Header {
			if !slices.Contains(may, field) || len(values) != 1 {
				t.Fatalf("it has the field %s: %q", field, values)
			}
		}
		if to, err := read.Header.AddressList("To"); err != nil || len(to) != 1 || to[0].Address != m.To {
			t.Fatalf("it is for %v, %v, not %q", to, err, m.To)
		}
	})
}
