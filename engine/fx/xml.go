package fx

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// readXML reads the ECB's XML: a Cube for each day, in it a Cube for each
// currency, in an Envelope that names its Sender.
//
//	<gesmes:Envelope><gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
//	<Cube><Cube time='2026-11-20'><Cube currency='USD' rate='1.0867'/>...
func readXML(file []byte, b *builder) error {
	d := xml.NewDecoder(bytes.NewReader(file))
	var path []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && len(path) == 0 {
			return nil
		}
		if err != nil {
			line, _ := d.InputPos()
			return invalid("the XML is broken in line %d", line)
		}
		switch t := token.(type) {
		case xml.StartElement:
			path = append(path, t.Name.Local)
			if err := element(path, t, b); err != nil {
				return err
			}
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			if at(path, "Envelope", "Sender", "name") {
				if err := b.sender(strings.TrimSpace(string(t))); err != nil {
					return err
				}
			}
		case xml.Directive:
			return invalid("the XML has a directive")
		}
	}
}

// element takes an element's attributes.
func element(path []string, e xml.StartElement, b *builder) error {
	switch {
	case at(path, "Envelope", "Cube", "Cube"):
		return b.day(attribute(e, "time"))
	case at(path, "Envelope", "Cube", "Cube", "Cube"):
		return b.rate(attribute(e, "currency"), attribute(e, "rate"))
	case path[0] != "Envelope" || len(path) > 4:
		return invalid("the XML has an element %q where the ECB's have none", clip(e.Name.Local))
	}
	return nil
}

func at(path []string, names ...string) bool {
	if len(path) != len(names) {
		return false
	}
	for i, name := range names {
		if path[i] != name {
			return false
		}
	}
	return true
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
