package imagegrid

import (
	"strings"
	"testing"
)

func TestNegotiate(t *testing.T) {
	for _, c := range []struct {
		accept string
		want   Format
	}{
		// What browsers and tools send.
		{"image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", AVIF}, // Chrome
		{"image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5", AVIF},
		{"image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5", AVIF}, // Safari
		{"image/webp,*/*", WebP},
		{"image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5", JPEG},
		{"*/*", JPEG},
		{"image/*", JPEG},
		{"", JPEG},
		{"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", AVIF},

		// Weights.
		{"image/avif;q=0, image/webp", WebP},
		{"image/avif;q=0.0, image/webp;q=0.000", JPEG},
		{"image/avif;q=0.001", AVIF},
		{"image/avif;q=0.5, image/webp;q=0.9", WebP},
		{"image/avif;q=0.5, image/jpeg", JPEG},
		{"image/avif;q=0.5, */*;q=0.8", JPEG},
		{"image/avif;q=0.5, */*;q=0.8, image/jpeg;q=0.1", AVIF},
		{"image/avif;q=0.5, image/*;q=0.1, */*", AVIF},
		{"image/avif;q=0.2, image/avif;q=0.7, image/webp;q=0.5", AVIF},
		{"IMAGE/AVIF;Q=1", AVIF},
		{"image/avif ; q=0.8 , image/webp;q=0.7", AVIF},
		{"image/avif;;q=0, image/webp", WebP},
		{"image/avif;q=0.9;ext=1, image/webp", WebP},
		{",, image/webp ,", WebP},

		// What is malformed, narrower or quoted is passed over.
		{"image/avif;q=2, image/webp", WebP},
		{"image/avif;q=1.001, image/webp", WebP},
		{"image/avif;q=0.1234, image/webp;q=0.1", WebP},
		{"image/avif;q=.5, image/webp;q=0.1", WebP},
		{"image/avif;q=, image/webp;q=0.1", WebP},
		{"image/avif;q=-1, image/webp;q=0.1", WebP},
		{"image/avif;q, image/webp;q=0.1", WebP},
		{"image/avif;q=\"1\", image/webp;q=0.1", WebP},
		{"image/avif;profile=x, image/webp", WebP},
		{`text/plain;a="x,image/avif,y", image/webp`, WebP},
		{`text/plain;a="x\",image/avif", image/webp`, WebP},
		{`text/plain;a="never closed, image/avif`, JPEG},
		{"image/avifs, xmage/webp, image /webp", JPEG},
		{"image", JPEG},
	} {
		if got := Negotiate(c.accept); got != c.want {
			t.Errorf("Negotiate(%q) = %s, want %s", c.accept, got, c.want)
		}
	}
}

func TestNegotiateReadsUpToItsLimit(t *testing.T) {
	pad := strings.Repeat(" ", MaxAcceptLength-len("image/avif"))
	if got := Negotiate("image/avif" + pad); got != AVIF {
		t.Errorf("at the limit: %s", got)
	}
	if got := Negotiate("image/avif" + pad + " "); got != JPEG {
		t.Errorf("beyond the limit: %s", got)
	}
}

func TestWeightsAreReadExactly(t *testing.T) {
	for s, want := range map[string]int{"0": 0, "1": 1000, "0.": 0, "1.": 1000, "0.5": 500, "0.05": 50, "0.005": 5, "0.999": 999, "1.000": 1000} {
		if got, ok := parseWeight(s); !ok || got != want {
			t.Errorf("parseWeight(%q) = %d, %v", s, got, ok)
		}
	}
}

func FuzzNegotiate(f *testing.F) {
	for _, s := range []string{"", "image/avif", "image/avif;q=0.5,*/*", `a;b="c,d";q=1`, "image/webp;q=1.0000", `"`, `\`, ";q=1", strings.Repeat(",", 2000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		got := Negotiate(accept)
		lower := strings.ToLower(accept)
		switch got {
		case JPEG:
		case AVIF, WebP:
			if !strings.Contains(lower, got.MediaType()) {
				t.Fatalf("Negotiate(%q) = %s, which the header does not name", accept, got)
			}
		default:
			t.Fatalf("Negotiate(%q) = %q, which nothing can be stored in", accept, got)
		}
		if again := Negotiate(accept); again != got {
			t.Fatalf("Negotiate(%q) = %s, then %s", accept, got, again)
		}
	})
}
