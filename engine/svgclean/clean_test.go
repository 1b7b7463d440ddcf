package svgclean

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"meridian/world"
)

func wrap(body string) string {
	return `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 10 10">` + body + `</svg>`
}

func clean(t *testing.T, body string) string {
	t.Helper()
	out, err := Clean([]byte(wrap(body)), Limits{})
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return string(out)
}

func TestDrawingsStayDrawings(t *testing.T) {
	out := clean(t, `<defs><linearGradient id="a"><stop offset="0" stop-color="#f00"/></linearGradient><g id="s"><path d="M0 0h5"/></g></defs>`+
		`<rect width="5" height="5" fill="url(#a)" style="stroke: red; stroke-width:2"/><use xlink:href="#s" x="1"/><text x="1">a &lt; b</text>`)
	for _, want := range []string{
		`viewBox="0 0 10 10"`, `<linearGradient id="a">`, `fill="url(#a)"`, `style="stroke:red;stroke-width:2"`,
		`<use xlink:href="#s" x="1"/>`, `a &lt; b`, `d="M0 0h5"`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in %s", want, out)
		}
	}
	again, err := Clean([]byte(out), Limits{})
	if err != nil || string(again) != out {
		t.Errorf("a clean drawing becomes %s, %v", again, err)
	}
}

func TestWhatIsNotOnTheListIsLeftOut(t *testing.T) {
	for _, body := range []string{
		`<script>alert("bad")</script>`,
		`<rect onload="bad()"/>`,
		`<rect xmlns:ev="http://www.w3.org/2001/xml-events" ev:event="bad"/>`,
		`<a href="https://bad.example/"><rect/></a>`,
		`<image href="https://bad.example/x.png"/>`,
		`<image href="data:image/svg+xml;base64,bad"/>`,
		`<use href="https://bad.example/x.svg#a"/>`,
		`<use xlink:href="data:image/svg+xml,bad"/>`,
		`<foreignObject><body xmlns="http://www.w3.org/1999/xhtml">bad</body></foreignObject>`,
		`<style>@import "https://bad.example/x.css"; rect { fill: url(https://bad.example) }</style>`,
		`<rect style="fill:url(https://bad.example)"/>`,
		`<rect style="fill:u\72l(//bad.example)"/>`,
		`<rect style="fill:u/**/rl(//bad.example)"/>`,
		`<rect fill="url( 'https://bad.example' )"/>`,
		`<rect fill="URL(//bad.example)"/>`,
		`<rect style="behavior:bad"/>`,
		`<rect style="background-image:image-set('bad' 1x)"/>`,
		`<filter id="f"><feImage href="bad"/></filter>`,
		`<animate attributeName="href" values="javascript:bad"/>`,
		`<set attributeName="onload" to="bad"/>`,
		`<x:rect xmlns:x="https://bad.example/"/>`,
		`<rect xmlns="" title="bad"/>`,
		`<!-- bad -->`, `<?bad?>`,
		`<text><![CDATA[]]></text><handler type="bad"/>`,
		`<switch><rect id="bad"/></switch>`,
		`<mask id="bad"/><pattern id="bad"/><marker id="bad"/>`,
	} {
		if out := clean(t, body); strings.Contains(out, "bad") {
			t.Errorf("%s leaves %s", body, out)
		}
	}
}

func TestWhatCouldNeverEndIsRefused(t *testing.T) {
	bomb := `<g id="l0"><rect/></g>`
	for i := range 8 {
		bomb += fmt.Sprintf(`<g id="l%d">%s</g>`, i+1, strings.Repeat(fmt.Sprintf(`<use href="#l%d"/>`, i), 10))
	}
	deep := func(n int) string { return strings.Repeat("<g>", n) + strings.Repeat("</g>", n) }
	for _, c := range []struct {
		what, in string
		code     world.Code
	}{
		{"repeats of repeats", wrap(bomb), world.CodeTooLarge},
		{"a circle", wrap(`<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>`), world.CodeUnprocessed},
		{"itself", wrap(`<g id="a"><use href="#a"/></g>`), world.CodeUnprocessed},
		{"a clip that clips itself", wrap(`<clipPath id="a"><rect clip-path="url(#a)"/></clipPath>`), world.CodeUnprocessed},
		{"a gradient in a circle", wrap(`<linearGradient id="a" href="#b"/><linearGradient id="b" style="fill:url( '#a' )"/>`), world.CodeUnprocessed},
		{"depth", wrap(deep(DefaultLimits().MaxDepth)), world.CodeTooLarge},
		{"depth of what is left out", wrap("<a>" + deep(DefaultLimits().MaxDepth)), world.CodeTooLarge},
		{"elements", wrap(strings.Repeat("<g/>", DefaultLimits().MaxElements)), world.CodeTooLarge},
		{"a long value", wrap(`<path d="` + strings.Repeat("M", DefaultLimits().MaxValue+1) + `"/>`), world.CodeTooLarge},
		{"a long text", wrap(`<text>` + strings.Repeat("M", DefaultLimits().MaxValue+1) + `</text>`), world.CodeTooLarge},
		{"bytes", wrap(strings.Repeat(" ", DefaultLimits().MaxBytes)), world.CodeTooLarge},
		{"entities", `<!DOCTYPE svg [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;">]>` + wrap(`<text>&b;</text>`), world.CodeUnprocessed},
		{"an outside entity", `<!DOCTYPE svg SYSTEM "file:///etc/passwd">` + wrap(``), world.CodeUnprocessed},
		{"an entity that nobody declared", wrap(`<text>&b;</text>`), world.CodeUnprocessed},
		{"another character set", `<?xml version="1.0" encoding="UTF-7"?>` + wrap(``), world.CodeUnprocessed},
		{"not closed", wrap(`<g>`), world.CodeUnprocessed},
		{"HTML", `<html xmlns="http://www.w3.org/1999/xhtml"></html>`, world.CodeUnprocessed},
		{"no namespace", `<svg><rect/></svg>`, world.CodeUnprocessed},
		{"a group alone", `<g xmlns="http://www.w3.org/2000/svg"/>`, world.CodeUnprocessed},
		{"two drawings", wrap(``) + `<svg xmlns="http://www.w3.org/2000/svg"/>`, world.CodeUnprocessed},
		{"nothing", ``, world.CodeUnprocessed},
	} {
		if out, err := Clean([]byte(c.in), Limits{}); !world.Is(err, c.code) {
			t.Errorf("%s: %v, %d bytes", c.what, err, len(out))
		}
	}
}

func TestLimitsAtTheirEdge(t *testing.T) {
	l := Limits{MaxDepth: 3, MaxElements: 4, MaxValue: 30, MaxBytes: 1000}
	if _, err := Clean([]byte(wrap(`<g><rect id="123456789012345678901234567890"/></g><g/>`)), l); err != nil {
		t.Errorf("just within: %v", err)
	}
	for _, body := range []string{`<g><g><g/></g></g>`, `<g/><g/><g/><g/>`, `<g id="1234567890123456789012345678901"/>`} {
		if _, err := Clean([]byte(wrap(body)), l); !world.Is(err, world.CodeTooLarge) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add([]byte(wrap(`<g id="a"><use href="#a"/></g>`)))
	f.Add([]byte(wrap(`<rect style="fill:url(#a);x:y" onload="b"/><text>a</text>`)))
	f.Add([]byte(`<!DOCTYPE a>`))
	f.Fuzz(func(t *testing.T, in []byte) {
		out, err := Clean(in, Limits{})
		if err != nil {
			if world.CodeOf(err) != world.CodeUnprocessed && world.CodeOf(err) != world.CodeTooLarge {
				t.Errorf("%v", err)
			}
			return
		}
		if low := bytes.ToLower(out); bytes.Contains(low, []byte("<script")) || bytes.Contains(low, []byte("<!")) {
			t.Errorf("%q is let through", out)
		}
		again, err := Clean(out, Limits{MaxBytes: 16 << 20})
		if err != nil || !bytes.Equal(again, out) {
			t.Errorf("%q becomes %q, %v", out, again, err)
		}
	})
}
