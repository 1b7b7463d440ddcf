// Package letters writes the letters that a shop sends to buyers, in text and
// HTML, in the market's languages. It is handed sums and dates printed, and
// sends nothing.
package letters

import (
	"bytes"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	texttemplate "text/template"
	"unicode"

	"meridian/platform/i18n"
	"meridian/web"
	"meridian/world"
)

// Letter is what a letter says, with sums and dates as its reader writes them.
// What is empty is left out.
type Letter struct {
	Kind   world.MailKind
	Brand  string // the shop's name
	Name   string // the buyer's
	Number string // the order's
	How    world.Fulfilment
	When   string // the slot
	Where  string // an address, in lines
	Lines  []Line
	Rows   []Row  // discounts, net and taxes
	Total  string //
	Note   string // how it is paid
	URL    string // the order's page, or where to pay
	Papers []Paper
	Reason string // why, in the words of the shop
	Amount string // of [world.MailRefunded]: what is given back
	Until  string // of [world.MailPaymentFailed]: how long the order is held
}

// Line is a line of the order.
type Line struct {
	Name     string
	Quantity int
	Sum      string
}

// Paper is a document of the order that can be printed.
type Paper struct{ Name, URL string }

// Row is a sum below the lines.
type Row struct{ Label, Sum string }

// Written is a letter as it can be sent.
type Written struct{ Subject, Text, HTML string }

// Writer writes letters. It is safe for concurrent use.
type Writer struct {
	text *texttemplate.Template
	html *htmltemplate.Template
	keys []string
}

// keyInTemplate finds the texts that a template asks for by name.
var keyInTemplate = regexp.MustCompile(`\.T "([a-z0-9_.]+)"`)

// New reads the templates.
func New() (*Writer, error) {
	files, err := web.Templates("mail")
	if err != nil {
		return nil, world.Wrap("letters.new", err)
	}
	w := &Writer{}
	if w.text, err = texttemplate.ParseFS(files, "letter.txt"); err != nil {
		return nil, world.Wrap("letters.new", err)
	}
	if w.html, err = htmltemplate.ParseFS(files, "letter.html"); err != nil {
		return nil, world.Wrap("letters.new", err)
	}
	for _, name := range []string{"letter.txt", "letter.html"} {
		source, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, world.Wrap("letters.new", err)
		}
		for _, m := range keyInTemplate.FindAllSubmatch(source, -1) {
			w.keys = append(w.keys, string(m[1]))
		}
	}
	for _, kind := range world.MailKinds {
		for _, how := range []world.Fulfilment{world.PickUp, world.Delivery, world.EatIn} {
			w.keys = append(w.keys, subjectKey(kind, how), leadKey(kind, how), openKey(kind), slotKey(how))
		}
	}
	slices.Sort(w.keys)
	w.keys = slices.Compact(w.keys)
	return w, nil
}

// Keys are the texts that letters need in every locale.
func (w *Writer) Keys() []string { return w.keys }

func name(kind world.MailKind, how world.Fulfilment) string {
	if kind == world.MailReady {
		return "mail.ready_" + string(how)
	}
	return "mail." + string(kind)
}

func subjectKey(kind world.MailKind, how world.Fulfilment) string {
	return name(kind, how) + "_subject"
}
func leadKey(kind world.MailKind, how world.Fulfilment) string { return name(kind, how) + "_lead" }

func openKey(kind world.MailKind) string {
	if kind == world.MailPaymentFailed {
		return "mail.payment_failed_open"
	}
	return "mail.open"
}

func slotKey(how world.Fulfilment) string { return "mail.slot_" + string(how) }

// page is what the templates are given.
type page struct {
	Letter
	Lang, Subject, Lead  string
	SlotLabel, OpenLabel string
	texts                i18n.Locale
}

// T is a text by its key.
func (p page) T(key string, pairs ...any) string { return p.texts.Text(key, pairs...) }

// Write fails with invalid for a kind that is not known.
func (w *Writer) Write(texts i18n.Locale, l Letter) (Written, error) {
	if !slices.Contains(world.MailKinds, l.Kind) {
		return Written{}, world.E(world.CodeInvalid, "letters.write", fmt.Sprintf("there is no letter of kind %.40q", string(l.Kind)))
	}
	l.Name, l.Reason, l.Brand = plain(l.Name), plain(l.Reason), plain(l.Brand)
	p := page{Letter: l, Lang: texts.Tag, texts: texts, SlotLabel: texts.Text(slotKey(l.How)), OpenLabel: texts.Text(openKey(l.Kind))}
	p.Subject = plain(texts.Text(subjectKey(l.Kind, l.How), "Number", l.Number))
	p.Lead = texts.Text(leadKey(l.Kind, l.How), "Amount", l.Amount, "Until", l.Until)
	var text, html bytes.Buffer
	if err := w.text.Execute(&text, p); err != nil {
		return Written{}, world.Wrap("letters.write", err)
	}
	if err := w.html.Execute(&html, p); err != nil {
		return Written{}, world.Wrap("letters.write", err)
	}
	return Written{Subject: p.Subject, Text: text.String(), HTML: html.String()}, nil
}

// plain is a text on one line: what a buyer or a clerk has typed cannot begin
// another, in a header or in the letter.
func plain(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, ""), func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }), " ")
}

// ID is the Message-ID of a letter: the n-th of its kind about an order, from
// host. The same letter has the same however often it is sent.
func ID(number string, kind world.MailKind, n int64, host string) string {
	return fmt.Sprintf("%s.%s.%d@%s", strings.ToLower(number), kind, n, host)
}
