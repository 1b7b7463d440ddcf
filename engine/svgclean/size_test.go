package svgclean

import (
	"strings"
	"testing"

	"meridian/world"
)

func TestADrawingHasTheSizeThatItIsGiven(t *testing.T) {
	for _, c := range []struct {
		says string // of itself
		w, h int
		box  string
	}{
		{`viewBox="0 0 20 10"`, 200, 100, "0 0 20 10"},
		{`viewBox="-5,-5, 10 20"`, 100, 200, "-5,-5, 10 20"},
		{`width="20" height="10"`, 200, 100, "0 0 20 10"},
		{`width="2in" height="96px"`, 200, 100, "0 0 192 96"},
		{`width="10mm" height="2cm"`, 100, 200, ""},
		{`width="2000000000" height="1000000000" viewBox="0 0 20 20"`, 200, 100, "0 0 20 20"},
		{`width="0.0002" height="0.0001" viewBox="0 0 20 10"`, 200, 100, "0 0 20 10"},
		{`width="100%" height="50%" viewBox="0 0 20 10"`, 200, 100, "0 0 20 10"},
		{`width="2em" height="2ex" viewBox="0 0 20 10"`, 200, 100, "0 0 20 10"},
		{`width="20" viewBox="0 0 1 1"`, 200, 200, "0 0 1 1"},
		{`width="0" height="0" viewBox="0 0 20 10"`, 200, 100, "0 0 20 10"},
		{`width="1" height="100000000"`, 1, 200, "0 0 1 1e+08"},
		{`width="1e400" height="1" viewBox="0 0 20 10"`, 200, 100, "0 0 20 10"},
	} {
		out, w, h, err := Sized([]byte(`<svg xmlns="http://www.w3.org/2000/svg" `+c.says+`><rect onload="bad()"/></svg>`), 200, Limits{})
		if err != nil || w != c.w || h != c.h {
			t.Errorf("%s: %d × %d, %v", c.says, w, h, err)
			continue
		}
		if text := string(out); strings.Count(text, "width=") != 1 || strings.Contains(text, "bad") || !strings.Contains(text, `viewBox="`+c.box) {
			t.Errorf("%s: %s", c.says, text)
		}
		if again, w2, h2, err := Sized(out, 200, Limits{}); err != nil || w2 != w || h2 != h || string(again) != string(out) {
			t.Errorf("%s becomes %s, %d × %d, %v", out, again, w2, h2, err)
		}
	}
	for _, says := range []string{``, `width="10"`, `viewBox="0 0 0 10"`, `viewBox="0 0 10"`, `viewBox="0 0 NaN 10"`, `viewBox="0 0 -1 10"`, `width="-1" height="5"`, `width="Inf" height="5"`} {
		if _, _, _, err := Sized([]byte(`<svg xmlns="http://www.w3.org/2000/svg" `+says+`/>`), 200, Limits{}); !world.Is(err, world.CodeUnprocessed) {
			t.Errorf("%s: %v", says, err)
		}
	}
	if _, _, _, err := Sized([]byte("<svg"), 200, Limits{}); !world.Is(err, world.CodeUnprocessed) {
		t.Errorf("half: %v", err)
	}
}

func TestWhatIsMeantAsADrawing(t *testing.T) {
	for text, want := range map[string]bool{
		"<svg>": true, "\xef\xbb\xbf <?xml version='1.0'?>\n<svg>": true, "<!DOCTYPE svg>": true, "<x:svg xmlns:x='…'>": true, "<html><svg>": true,
		"": false, "svg": false, "<html>": false, "GIF89a<svg>": false, "\x89PNG<svg>": false, "<" + strings.Repeat(" ", sniffed) + "svg>": false,
	} {
		if Is([]byte(text)) != want {
			t.Errorf("%.30q: %v", text, !want)
		}
	}
}

func FuzzSized(f *testing.F) {
	f.Add("20", "10mm", "0 0 20 10")
	f.Add("1e9", "", "")
	f.Fuzz(func(t *testing.T, width, height, box string) {
		n := &node{name: "svg", attrs: []attr{{"width", width}, {"height", height}, {"viewBox", box}}}
		out, w, h, err := Sized(n.bytes(), 300, Limits{})
		if err != nil {
			if !world.Is(err, world.CodeUnprocessed) && !world.Is(err, world.CodeTooLarge) {
				t.Fatal(err)
			}
			return
		}
		if max(w, h) != 300 || min(w, h) < 1 {
			t.Fatalf("%s is %d × %d", out, w, h)
		}
	})
}
