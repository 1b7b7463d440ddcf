package imagegrid

import (
	"fmt"
	"slices"
	"strings"

	"meridian/world"
)

// SVGRule is what becomes of drawings that are sent in as SVG.
type SVGRule string

// The rules for SVG. Of every drawing that is taken the variants are pixels.
const (
	SVGRefuse    SVGRule = "refuse"    // they are not taken: what draws them is never given an outsider's file
	SVGRasterise SVGRule = "rasterise" // they are taken, and given out as pixels alone
	SVGSanitise  SVGRule = "sanitise"  // also the drawing itself is given out, without what is not harmless
)

// Policy is what an app's pictures may be made into, and what is taken for one.
type Policy struct {
	Grid      Grid
	Formats   []Format // best first; jpeg, which every client can show, is among them
	OffGrid   OffGrid
	SVG       SVGRule
	Copyright bool // variants keep the notice of their original
}

// DefaultPolicy is that of an app of which nothing is said. SVG is refused: a
// shop's pictures are photographs, and what draws SVG is the largest parser that
// an outsider could reach.
func DefaultPolicy() *Policy {
	return &Policy{Grid: Default(), Formats: Formats(), OffGrid: Refuse, SVG: SVGRefuse}
}

// Resolve is the cell that a request is answered with: itself, or another
// spelling's, or by the policy's OffGrid the nearest. It is invalid for what is
// not served, and names what is. The answer to a request that differs from its
// cell is the cell's address: one that is cached once.
func (p *Policy) Resolve(r Request) (Request, error) {
	if r.Format == SVG {
		if p.SVG != SVGSanitise {
			return Request{}, invalid("Drawings are not served as SVG here; use %s.", p.formatNames())
		}
		return r, nil
	}
	if r.Format != Auto && !slices.Contains(p.Formats, r.Format) {
		if p.OffGrid != Snap {
			return Request{}, invalid("The format %q is not served here; use %s.", r.Format, p.formatNames())
		}
		r.Format = Auto
	}
	asked := r.Size()
	if r.DPR > 1 {
		asked.Width, asked.Height = min(asked.Width*r.DPR, MaxDimension), min(asked.Height*r.DPR, MaxDimension)
	}
	size, err := p.Grid.Resolve(asked, p.OffGrid)
	if err != nil {
		return Request{}, err
	}
	return r.WithSize(size), nil
}

// Nearest is a request for the size that is served and nearest to the one asked
// for: for who writes addresses, whatever the grid.
func (p *Policy) Nearest(r Request) Request {
	if size, err := p.Grid.Resolve(r.Size(), Snap); err == nil {
		return r.WithSize(size)
	}
	return r
}

func (p *Policy) formatNames() string {
	var b strings.Builder
	for _, f := range p.Formats {
		b.WriteString(string(f) + ", ")
	}
	return strings.TrimSuffix(b.String(), ", ") + " or auto"
}

// Policies is the policy of every app; [NewPolicies] makes it.
type Policies struct {
	others *Policy
	own    map[string]*Policy
}

// For is an app's policy. It is not to be changed.
func (p Policies) For(app string) *Policy {
	if own, ok := p.own[app]; ok {
		return own
	}
	return p.others
}

// PoliciesOf are the policies of a world's apps; invalid names the first setting
// that cannot be.
func PoliciesOf(w *world.World) (Policies, error) {
	out, problems := NewPolicies(w.Pictures)
	if len(problems) > 0 {
		return Policies{}, world.E(world.CodeInvalid, "imagegrid.policies", problems[0].String())
	}
	return out, nil
}

// MaxPolicies is how many apps may have settings of their own.
const MaxPolicies = 256

// NewPolicies reads the settings of a world file's apps, and lists everything
// that is wrong with them.
func NewPolicies(settings []world.Pictures) (Policies, []world.Problem) {
	out := Policies{others: DefaultPolicy(), own: map[string]*Policy{}}
	var problems []world.Problem
	if len(settings) > MaxPolicies {
		problems = append(problems, world.Problem{Path: "pictures", What: "there are too many", Fix: fmt.Sprintf("keep at most %d", MaxPolicies)})
	}
	for i, s := range settings {
		r := reader{at: fmt.Sprintf("pictures[%d].", i), policy: DefaultPolicy()}
		r.read(s)
		if out.own[s.App] != nil {
			r.bad("app", fmt.Sprintf("%q is there twice", s.App), "write its settings into one")
		}
		out.own[s.App] = r.policy
		problems = append(problems, r.problems...)
	}
	return out, problems
}

// reader turns an app's settings into its policy.
type reader struct {
	at       string
	policy   *Policy
	problems []world.Problem
}

func (r *reader) bad(field, what, fix string) {
	r.problems = append(r.problems, world.Problem{Path: r.at + field, What: what, Fix: fix})
}

func (r *reader) read(s world.Pictures) {
	if CheckApp(s.App) != nil {
		r.bad("app", fmt.Sprintf("%q is not an app's name", s.App), fmt.Sprintf("write 1 to %d characters of a-z, 0-9 and -, beginning with a letter", MaxAppLength))
	}
	r.grid(s)
	r.formats(s.Formats)
	if n := len(r.policy.Grid.sizes) * len(r.policy.Formats); n > MaxCells {
		r.tooMany(n)
	}
	r.policy.OffGrid = OffGrid(r.oneOf("off_grid", s.OffGrid, string(Refuse), string(Snap)))
	r.policy.SVG = SVGRule(r.oneOf("svg", s.SVG, string(SVGRefuse), string(SVGRasterise), string(SVGSanitise)))
	r.policy.Copyright = r.oneOf("copyright", s.Copyright, "drop", "keep") == "keep"
}

// oneOf is a setting that must be one of some words; the first is the default.
func (r *reader) oneOf(field, value string, words ...string) string {
	switch {
	case value == "":
		return words[0]
	case !slices.Contains(words, value):
		r.bad(field, fmt.Sprintf("%q is none of its values", value), "write one of: "+strings.Join(words, ", "))
	}
	return value
}

func (r *reader) grid(s world.Pictures) {
	widths, aspects := Default().widths, Default().aspects
	if len(s.Widths) > 0 {
		widths = s.Widths
	}
	before := len(r.problems)
	for i, w := range widths {
		if w < 1 || w > MaxDimension || (i > 0 && w <= widths[i-1]) {
			r.bad(fmt.Sprintf("widths[%d]", i), fmt.Sprintf("%d is out of order or out of range", w), fmt.Sprintf("write rising widths from 1 to %d", MaxDimension))
		}
	}
	if len(s.Aspects) > 0 {
		aspects = nil
	}
	for i, text := range s.Aspects {
		a, err := ParseAspect(text)
		if err != nil || slices.Contains(aspects, a) {
			r.bad(fmt.Sprintf("aspects[%d]", i), fmt.Sprintf("%q is no aspect, or is there twice", text), `write natural, or width to height in quotes, such as "4:3"`)
		}
		aspects = append(aspects, a)
	}
	var modes []Mode
	for i, text := range s.Fits {
		m, ok := parseMode(text)
		if !ok || slices.Contains(modes, m) {
			r.bad(fmt.Sprintf("fits[%d]", i), fmt.Sprintf("%q is no fit, or is there twice", text), "write cover, contain or smart")
		}
		modes = append(modes, m)
	}
	if len(r.problems) > before {
		return
	}
	g, err := New(widths, aspects, modes...)
	if err != nil { // each of them is good
		r.tooMany(len(widths) * len(aspects) * max(1, len(modes)))
		return
	}
	r.policy.Grid = g
}

func (r *reader) tooMany(cells int) {
	r.bad("widths", fmt.Sprintf("with the other settings they make %d variants of each picture", cells), fmt.Sprintf("leave some widths, aspects, fits or formats out: at most %d are made", MaxCells))
}

func (r *reader) formats(texts []string) {
	if len(texts) == 0 {
		return
	}
	var named []Format
	for i, text := range texts {
		if f := Format(text); !slices.Contains(Formats(), f) || slices.Contains(named, f) {
			r.bad(fmt.Sprintf("formats[%d]", i), fmt.Sprintf("%q is no format, or is there twice", text), "write avif, webp or jpeg")
		} else {
			named = append(named, f)
		}
	}
	if !slices.Contains(named, JPEG) {
		r.bad("formats", "jpeg is missing", "add it: clients that can show nothing else need it")
	}
	r.policy.Formats = slices.DeleteFunc(Formats(), func(f Format) bool { return !slices.Contains(named, f) })
}
