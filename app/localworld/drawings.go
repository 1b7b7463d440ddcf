package localworld

import (
	"context"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"

	"meridian/adapter/vips"
	"meridian/data"
	"meridian/platform/lifecycle"
	"meridian/world"
)

// The drawings are rendered at a size of the grid that fills a product's page
// with half as many pixels again to spare. Larger ones cost a first start seconds
// and show little more.
const (
	drawingWidth  = 960
	drawingHeight = 720
)

// drawings are the products' drawings, each rendered once, when it is first wanted.
type drawings struct {
	engine func() (*vips.Engine, error)
	life   context.Context
	end    context.CancelFunc

	mu       sync.Mutex
	rendered map[string]func() ([]byte, error) // by name
}

func newDrawings(engine func() (*vips.Engine, error)) *drawings {
	life, end := context.WithCancel(context.Background())
	return &drawings{engine: engine, life: life, end: end, rendered: map[string]func() ([]byte, error){}}
}

// take gives a drawing as a PNG.
func (d *drawings) take(name string) ([]byte, error) {
	d.mu.Lock()
	picture := d.rendered[name]
	if picture == nil {
		picture = sync.OnceValues(func() ([]byte, error) { return d.render(name) })
		d.rendered[name] = picture
	}
	d.mu.Unlock()
	return picture()
}

// forget gives their memory back.
func (d *drawings) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.rendered)
}

func (d *drawings) render(name string) ([]byte, error) {
	svg, err := fs.ReadFile(data.FS, "art/"+name+".svg")
	if err != nil {
		return nil, world.Wrap("up.drawing", err)
	}
	engine, err := d.engine()
	if err != nil {
		return nil, err
	}
	return engine.RenderSVG(d.life, svg, drawingWidth, drawingHeight)
}

// start renders all drawings ahead, one after the other, where the world is new: a
// core has little to do while its databases are made. An error is told to whoever
// takes the drawing.
func (d *drawings) start(isNew bool) (lifecycle.Running, error) {
	names, err := fs.Glob(data.FS, "art/*.svg")
	if err != nil {
		return nil, world.Wrap("up.drawings", err)
	}
	var ahead sync.WaitGroup
	if isNew {
		ahead.Go(func() {
			for _, name := range names {
				if d.life.Err() != nil {
					return
				}
				_, _ = d.take(strings.TrimSuffix(path.Base(name), ".svg"))
			}
		})
	}
	return newPart(func(context.Context) error {
		d.end()
		ahead.Wait()
		return nil
	}), nil
}

// hasDatabases reports whether a world has lived here before.
func (s *state) hasDatabases() bool {
	entries, err := os.ReadDir(s.path("pg"))
	return err == nil && len(entries) > 0
}
