package vips

import (
	"bytes"
	"testing"

	"golang.org/x/image/webp"

	"meridian/engine/imagegrid"
	"meridian/world"
)

func TestBareWebPDropsWhatIsNotPicture(t *testing.T) {
	chunk := func(name string, body ...byte) []byte {
		b := append([]byte(name), byte(len(body)), 0, 0, 0)
		if b = append(b, body...); len(body)%2 == 1 {
			b = append(b, 0)
		}
		return b
	}
	file := func(chunks ...[]byte) []byte {
		body := append([]byte("WEBP"), bytes.Join(chunks, nil)...)
		return append(append([]byte("RIFF"), byte(len(body)), 0, 0, 0), body...)
	}
	picture, alpha := chunk("VP8 ", 1, 2, 3), chunk("ALPH", 4)
	extended := func(flags byte) []byte { return chunk("VP8X", flags, 0, 0, 0, 9, 0, 0, 9, 0, 0) }
	for name, c := range map[string]struct{ in, want []byte }{
		"plain":          {file(picture), file(picture)},
		"exif":           {file(extended(webpHasEXIF), picture, chunk("EXIF", 1, 2, 3)), file(picture)},
		"all":            {file(extended(webpHasEXIF|webpHasXMP|webpHasICC), chunk("ICCP", 9), picture, chunk("EXIF", 1), chunk("XMP ", 2, 3)), file(picture)},
		"alpha and exif": {file(extended(webpHasAlpha|webpHasEXIF), alpha, picture, chunk("EXIF", 1)), file(extended(webpHasAlpha), alpha, picture)},
	} {
		if got, err := bareWebP("test", c.in); err != nil || !bytes.Equal(got, c.want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
		}
	}
	for name, in := range map[string][]byte{
		"not webp":  []byte("RIFF....WAVE"),
		"cut chunk": file(picture)[:22],
		"cut name":  file(picture, []byte("EXI")),
	} {
		if _, err := bareWebP("test", in); !world.Is(err, world.CodeInternal) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzBareWebP(f *testing.F) {
	e, err := Start(Options{})
	if err != nil {
		f.Fatal(err)
	}
	out, err := e.Transform(ctx, jpegOf(f, quarters(16, 16)), Spec{Width: 16, Format: imagegrid.WebP})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(out)
	f.Add([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x00\x00\x00\x00EXIF\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		bare, err := bareWebP("fuzz", data)
		if err != nil {
			return
		}
		if again, err := bareWebP("fuzz", bare); err != nil || !bytes.Equal(again, bare) {
			t.Fatalf("a bare file is not left as it is: %q, %v", again, err)
		}
		if bytes.Equal(data, out) {
			if _, err := webp.Decode(bytes.NewReader(bare)); err != nil {
				t.Fatal(err)
			}
		}
	})
}
