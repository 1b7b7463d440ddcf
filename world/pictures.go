package world

// Pictures is what an app's pictures may be made into, and what is taken for one.
// Package imagegrid reads it; a setting that is left out has its default there.
type Pictures struct {
	App       string   `yaml:"app" doc:"the app that is meant; one that is not in the list has every default"`
	Widths    []int    `yaml:"widths,flow,omitempty" doc:"widths in pixels, rising; none: 160, 320, 480, 640, 960, 1280, 1600, 1920"`
	Aspects   []string `yaml:"aspects,flow,omitempty" doc:"shapes at each width: natural, or width to height such as 4:3, in quotes; none: natural, 1:1, 4:3"`
	Fits      []string `yaml:"fits,flow,omitempty" doc:"how a picture may meet the box of a shape: cover, contain, smart; none: cover. Sizes times formats are at most 192"`
	Formats   []string `yaml:"formats,flow,omitempty" doc:"avif, webp, jpeg; jpeg must be there; none: all"`
	OffGrid   string   `yaml:"off_grid,omitempty" doc:"what becomes of a request for anything else: refuse, naming the nearest, or snap, a redirect to it; none: refuse"`
	SVG       string   `yaml:"svg,omitempty" doc:"drawings sent in as SVG: refuse; rasterise, to be given out as pixels alone; sanitise, to be given out as SVG too, without what is not harmless; none: refuse"`
	Copyright string   `yaml:"copyright,omitempty" doc:"the copyright notice in an original: drop, or keep it in its variants; none: drop. It holds for variants that are made from then on"`
}
