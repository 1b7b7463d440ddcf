package mailbox

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"
)

// Letter is a letter as it came.
type Letter struct {
	N       int       `json:"n"` // counts a region's
	Region  string    `json:"region"`
	At      time.Time `json:"at"`
	To      string    `json:"to"`
	From    string    `json:"from"`
	Subject string    `json:"subject"`
	ID      string    `json:"message_id"`
	Again   bool      `json:"again,omitempty"` // one of this id was here before: it was sent twice
	Text    string    `json:"text"`
	HTML    string    `json:"html"`
}

// maxParts is how many parts of a letter are read.
const maxParts = 8

// read takes a letter apart, as far as it can be: what is broken is shown as it
// came.
func read(raw []byte) Letter {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return Letter{Subject: "(not a letter)", Text: strings.ToValidUTF8(string(raw), "�")}
	}
	l := Letter{From: decoded(m.Header.Get("From")), Subject: decoded(m.Header.Get("Subject")), ID: strings.Trim(m.Header.Get("Message-Id"), "<>")}
	l.take(m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body)
	return l
}

// take keeps a body, or those of its parts.
func (l *Letter) take(contentType, encoding string, body io.Reader) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind = "text/plain"
	}
	if !strings.HasPrefix(kind, "multipart/") {
		l.keep(kind, encoding, body)
		return
	}
	parts := multipart.NewReader(body, params["boundary"])
	for range maxParts {
		p, err := parts.NextRawPart()
		if err != nil {
			return
		}
		kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		l.keep(kind, p.Header.Get("Content-Transfer-Encoding"), p)
	}
}

func (l *Letter) keep(kind, encoding string, body io.Reader) {
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	read, _ := io.ReadAll(io.LimitReader(body, MaxLetter)) // what could be read of a broken one is shown
	text := strings.ReplaceAll(strings.ToValidUTF8(string(read), "�"), "\r\n", "\n")
	switch kind {
	case "text/html":
		l.HTML = text
	case "text/plain":
		l.Text = text
	}
}

// decoded is a header as people read it (RFC 2047).
func decoded(s string) string {
	if text, err := new(mime.WordDecoder).DecodeHeader(s); err == nil {
		s = text
	}
	return strings.ToValidUTF8(s, "�")
}
