package drill

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"os"
	"path/filepath"

	"meridian/world"
)

//go:embed report.html
var reportHTML string

//go:embed index.html
var indexHTML string

//go:embed report.css
var reportCSS string

var reportTemplates = template.Must(template.Must(template.New("report").Funcs(template.FuncMap{
	"css":     func() template.CSS { return template.CSS(reportCSS) },
	"picture": func(v *Verdict) picture { return draw(v) },
	"percent": func(part float64) string { return fmt.Sprintf("%.4f %%", part*100) },
	"ms":      func(ms float64) string { return fmt.Sprintf("%.0f ms", ms) },
	"seconds": func(s float64) string {
		if s < 0 {
			return "–"
		}
		return fmt.Sprintf("%.1f s", s)
	},
}).Parse(reportHTML)).New("index").Parse(indexHTML))

// write puts a verdict into a directory: as JSON, and as a page that needs nothing
// else.
func write(dir string, v *Verdict) (page string, err error) {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return "", world.Wrap("drill.report", err)
	}
	if err := save(filepath.Join(dir, v.Drill+".json"), b); err != nil {
		return "", err
	}
	page = filepath.Join(dir, v.Drill+".html")
	return page, render(page, "report", v)
}

// writeIndex lists all drills of a directory.
func writeIndex(dir string, results []Result) error {
	return render(filepath.Join(dir, "index.html"), "index", results)
}

func render(path, name string, data any) error {
	var b bytes.Buffer
	if err := reportTemplates.ExecuteTemplate(&b, name, data); err != nil {
		return world.Wrap("drill.report", err)
	}
	return save(path, b.Bytes())
}

func save(path string, b []byte) error {
	if err := os.WriteFile(path, b, 0o644); err != nil {
		return world.Because(world.CodeInvalid, "drill.report", "The verdict cannot be written: name another directory with --out.", err)
	}
	return nil
}
