package shop

import (
	"fmt"
	"html/template"
	"regexp"
	"strings"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// shot is a picture as a page shows it; without Src it is a drawn placeholder.
type shot struct {
	Src, Srcset, Sizes string
	Width, Height      int // of Src, so that its place is kept
	Alt                string
	Class              string // its background, the picture's average colour
	First              bool   // seen without scrolling: fetched at once
}

// Imagesrcset is the attribute of a preload. html/template knows srcset as a
// list of URLs but takes imagesrcset for one URL, and would escape its spaces.
func (s shot) Imagesrcset() template.HTMLAttr {
	return template.HTMLAttr(`imagesrcset="` + template.HTMLEscapeString(s.Srcset) + `"`)
}

// Where pictures stand on the pages: the sizes attribute, and the width that
// a browser without srcset gets.
const (
	cardSizes    = "(min-width: 76rem) 17rem, (min-width: 56rem) 30vw, (min-width: 36rem) 45vw, 92vw"
	denseSizes   = "(min-width: 76rem) 17rem, (min-width: 56rem) 30vw, 45vw"
	productSizes = "(min-width: 76rem) 40rem, (min-width: 56rem) 52vw, 92vw"
	lineSizes    = "8rem"
	heroSizes    = "20rem"

	cardWidth    = 480
	productWidth = 960
	lineWidth    = 160

	heroPictures = 3
	moreCards    = 4

	eagerCards = 4 // a phone shows one or two without scrolling, a desk four
)

// shot makes a product's picture at a place on the page of view v.
func (s *Shop) shot(v *view, p world.Product, sizes string, width int, first bool) shot {
	out := shot{Alt: p.Name, First: first}
	if p.Picture.MediaID == "" {
		return out
	}
	g := s.onGrid(p.Picture, width)
	out.Src, out.Srcset, out.Sizes, out.Width, out.Height = g.src, g.srcset, sizes, g.width, g.height
	out.Class = v.colors.class(p.Picture.Color)
	return out
}

// gridded is where a picture is in the sizes that are served of it.
type gridded struct {
	src, srcset   string
	width, height int // of src
}

// onGrid finds a picture in the size nearest to a width.
func (s *Shop) onGrid(p world.Picture, width int) gridded {
	req := s.served.Nearest(imagegrid.Request{App: s.world.App, MediaID: p.MediaID, Version: p.Version,
		Format: imagegrid.Auto, Width: width, Height: width * imagegrid.Landscape.H / imagegrid.Landscape.W})
	out := gridded{src: req.String(), srcset: s.served.Grid.Srcset(req, imagegrid.Landscape, p.Width, p.Height), width: req.Width, height: req.Height}
	if out.height == 0 {
		out.width, out.height, _ = imagegrid.OutputSize(p.Width, p.Height, req.Width, 0)
	}
	return out
}

// colors are the average colours on a page. They stand in one block of style,
// which the page's policy names by its hash; attributes could not be allowed
// one by one.
type colors struct{ list []string }

var colorForm = regexp.MustCompile(`^#[0-9a-f]{6}$`)

// class is the class that gives an element the colour; "" for what is none.
func (c *colors) class(color string) string {
	if !colorForm.MatchString(color) {
		return ""
	}
	for i, have := range c.list {
		if have == color {
			return fmt.Sprintf("c%d", i)
		}
	}
	c.list = append(c.list, color)
	return fmt.Sprintf("c%d", len(c.list)-1)
}

func (c *colors) css() string {
	var b strings.Builder
	for i, color := range c.list {
		fmt.Fprintf(&b, ".c%d{background-color:%s}", i, color)
	}
	return b.String()
}
