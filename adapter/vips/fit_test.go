package vips

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"testing"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// wide is quarters with a width that a square crops.
func wide(t *testing.T) []byte { return jpegOf(t, quarters(800, 400)) }

func TestCoverKeepsTheFocus(t *testing.T) {
	e := start(t, Options{})
	for _, c := range []struct {
		focus       imagegrid.Focus
		left, right color.NRGBA // at the upper edge
	}{
		{imagegrid.Focus{}, red, green},
		{imagegrid.At(0, 0.5), red, red},
		{imagegrid.At(1, 0.5), green, green},
		{imagegrid.At(0.3, 0), red, red},
	} {
		for what, data := range map[string][]byte{"JPEG": wide(t), "PNG": pngOf(t, quarters(800, 400))} {
			out, err := e.Transform(ctx, data, Spec{Width: 160, Height: 160, Format: imagegrid.JPEG, Focus: c.focus})
			if err != nil {
				t.Fatal(err)
			}
			m := decoded(t, e, out, imagegrid.JPEG)
			looks(t, what, m, .1, .2, c.left)
			looks(t, what, m, .8, .2, c.right)
		}
	}
}

func TestContainCropsNothing(t *testing.T) {
	e := start(t, Options{})
	for _, f := range imagegrid.Formats() {
		out, err := e.Transform(ctx, wide(t), Spec{Width: 160, Height: 160, Format: f, Fit: imagegrid.Contain})
		if err != nil {
			t.Fatal(err)
		}
		m := decoded(t, e, out, f)
		if b := m.Bounds(); b.Dx() != 160 || b.Dy() != 80 {
			t.Errorf("%s is %v", f, b)
		}
		looks(t, string(f), m, .1, .1, red)
		looks(t, string(f), m, .9, .9, grey)
	}
}

// eyeCatcher is grey with one coloured, sharp-edged spot at a place in fractions.
func eyeCatcher(w, h int, x, y float64) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for py := range h {
		for px := range w {
			m.Set(px, py, grey)
			if dx, dy := px-int(x*float64(w)), py-int(y*float64(h)); dx*dx+dy*dy < w*h/150 && (dx/4+dy/4)%2 == 0 {
				m.Set(px, py, red)
			}
		}
	}
	return m
}

func TestSmartCropsFollowTheEye(t *testing.T) {
	e := start(t, Options{})
	for _, at := range []float64{.15, .85} {
		m := eyeCatcher(1200, 400, at, .5)
		for what, data := range map[string][]byte{"JPEG": jpegOf(t, m), "PNG": pngOf(t, m)} {
			spec := Spec{Width: 160, Height: 160, Format: imagegrid.JPEG, Focus: imagegrid.Focus{Gravity: imagegrid.Smart}}
			out, err := e.TransformAll(ctx, data, []Spec{spec, {Width: 160, Height: 160, Format: imagegrid.JPEG}})
			if err != nil {
				t.Fatal(err)
			}
			if n := reds(decoded(t, e, out[0].Data, imagegrid.JPEG)); n < 100 {
				t.Errorf("%s, spot at %.2f: %d red pixels in the smart crop", what, at, n)
			}
			if n := reds(decoded(t, e, out[1].Data, imagegrid.JPEG)); n > 0 {
				t.Errorf("%s, spot at %.2f: %d red pixels about the centre", what, at, n)
			}
		}
	}
}

func reds(m image.Image) (n int) {
	b := m.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if c := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA); int(c.R) > int(c.G)+60 {
				n++
			}
		}
	}
	return n
}

func TestAnimationsStayAlive(t *testing.T) {
	e := start(t, Options{})
	g := &gif.GIF{LoopCount: 3}
	for i, delay := range []int{5, 20, 7} {
		m := image.NewPaletted(image.Rect(0, 0, 60, 40), color.Palette{red, green, blue})
		for p := range m.Pix {
			m.Pix[p] = uint8(i)
		}
		g.Image, g.Delay = append(g.Image, m), append(g.Delay, delay)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		t.Fatal(err)
	}
	specs := []Spec{
		{Width: 30, Format: imagegrid.WebP},
		{Width: 20, Height: 20, Format: imagegrid.WebP},
		{Width: 30, Format: imagegrid.WebP, Still: true},
		{Width: 30, Format: imagegrid.JPEG},
		{Width: 30, Format: imagegrid.AVIF},
	}
	out, err := e.TransformAll(ctx, b.Bytes(), specs)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{3, 3, 1, 1, 1} {
		info, err := e.Inspect(ctx, out[i].Data, Limits{})
		if err != nil || info.Frames != want || out[i].Frames != want || info.Width != out[i].Width || info.Height != out[i].Height {
			t.Errorf("%+v gives %+v, %d frames told, %v", specs[i], info, out[i].Frames, err)
		}
	}
	for i, animation := range [][]byte{out[0].Data, out[1].Data} {
		frames, loops := framesOf(t, animation)
		if len(frames) != 3 || loops != 4 { // GIF counts repeats, WebP plays
			t.Errorf("%+v: %d frames, %d loops", specs[i], len(frames), loops)
			continue
		}
		for f, want := range []int{50, 200, 70} {
			if frames[f] != want {
				t.Errorf("%+v: frame %d stays for %d ms, want %d", specs[i], f, frames[f], want)
			}
		}
	}
	looks(t, "the first frame", decoded(t, e, out[3].Data, imagegrid.JPEG), .5, .5, red)
	if _, err := e.Transform(ctx, out[0].Data, Spec{Width: 10, Format: imagegrid.WebP}); err != nil {
		t.Errorf("an animated WebP made smaller: %v", err)
	}
}

// framesOf reads the delays and the loop count of an animated WebP (RFC 9649 §2.7.1).
func framesOf(t *testing.T, data []byte) (delays []int, loops int) {
	t.Helper()
	for at := 12; at+8 <= len(data); {
		name, n := string(data[at:at+4]), int(data[at+4])|int(data[at+5])<<8|int(data[at+6])<<16
		body := data[at+8:]
		switch name {
		case "ANIM":
			loops = int(body[4]) | int(body[5])<<8
		case "ANMF":
			delays = append(delays, int(body[12])|int(body[13])<<8|int(body[14])<<16)
		}
		at += 8 + n + n%2
	}
	return delays, loops
}

func TestAVIFThatSavesNothingIsMarked(t *testing.T) {
	e := start(t, Options{})
	tiny := pngOf(t, quarters(4, 4)) // an AVIF's boxes alone are larger than its JPEG
	out, err := e.TransformAll(ctx, tiny, []Spec{{Width: 4, Format: imagegrid.AVIF}, {Width: 4, Format: imagegrid.WebP}})
	if err != nil {
		t.Fatal(err)
	}
	if !out[0].Larger || out[1].Larger {
		t.Errorf("AVIF has %d bytes and is larger: %v; WebP has %d: %v", len(out[0].Data), out[0].Larger, len(out[1].Data), out[1].Larger)
	}
	photo := jpegOf(t, quarters(800, 600))
	out, err = e.TransformAll(ctx, photo, []Spec{{Width: 640, Format: imagegrid.AVIF}, {Width: 320, Format: imagegrid.WebP}, {Width: 640, Format: imagegrid.JPEG}})
	if err != nil || out[0].Larger {
		t.Errorf("an AVIF of %d bytes counts as larger than a JPEG of %d, %v", len(out[0].Data), len(out[2].Data), err)
	}
}

func TestSpecsAreChecked(t *testing.T) {
	e := start(t, Options{})
	for _, s := range []Spec{
		{Width: 10, Format: imagegrid.JPEG, Fit: 2},
		{Width: 10, Format: imagegrid.JPEG, Focus: imagegrid.At(2, 0)},
	} {
		if _, err := e.Transform(ctx, wide(t), s); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%+v: %v", s, err)
		}
	}
}
