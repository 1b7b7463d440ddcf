package imagegrid

// Format is a picture format as URLs spell it.
type Format string

// The formats. Auto stands for the best that the browser accepts and never
// names stored bytes. SVG is a drawing itself, made harmless: it has no size, and
// is never negotiated.
const (
	AVIF Format = "avif"
	WebP Format = "webp"
	JPEG Format = "jpeg"
	Auto Format = "auto"
	SVG  Format = "svg"
)

// Formats are those that pixels can be stored in, best first.
func Formats() []Format { return []Format{AVIF, WebP, JPEG} }

// ParseFormat is the format that s spells exactly; false for any other text.
func ParseFormat(s string) (Format, bool) {
	switch f := Format(s); f {
	case AVIF, WebP, JPEG, Auto, SVG:
		return f, true
	}
	return "", false
}

// MediaType is the format's media type; "" for Auto, which is none.
func (f Format) MediaType() string {
	switch f {
	case AVIF, WebP, JPEG:
		return "image/" + string(f)
	case SVG:
		return "image/svg+xml"
	}
	return ""
}
