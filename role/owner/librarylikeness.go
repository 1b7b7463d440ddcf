package owner

import (
	"bytes"
	"encoding/base64"
	"html/template"
	"image/png"

	"go.n16f.net/thumbhash"

	"meridian/world"
)

// likenessSide is the longer side of a drawn likeness, in pixels: a ThumbHash
// tells seven waves across it at most, and the browser smooths what it enlarges.
const likenessSide = 16

// ground is what lies in a picture's place until it has come, and is there with
// the page: a blurred likeness, or a colour. The zero ground is neither.
type ground struct {
	Likeness template.URL
	Color    string
}

// groundOf is a version's. One that lets its ground shine through has none: it
// would be seen behind the picture for good.
func groundOf(n world.Version) ground {
	raw, err := base64.StdEncoding.DecodeString(n.Thumbhash)
	var hash thumbhash.Hash
	cfg := thumbhash.DecodingCfg{BaseSize: likenessSide}
	if err != nil || hash.Decode(raw, &cfg) != nil {
		return ground{Color: n.Color}
	}
	if hash.HasAlpha {
		return ground{}
	}
	return ground{Color: n.Color, Likeness: drawn(raw, cfg)}
}

// drawn is a ThumbHash as a small PNG in a data URL, which no request has to
// fetch; "" if it cannot be drawn.
func drawn(raw []byte, cfg thumbhash.DecodingCfg) template.URL {
	m, err := thumbhash.DecodeImageWithCfg(raw, cfg)
	if err != nil {
		return ""
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, m); err != nil {
		return ""
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()))
}
