package arch

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// plant is a violation and what must be said of it.
type plant struct {
	check string
	path  string
	text  string
	line  string // ":3", or "" when the whole file or folder is meant
	says  []string
}

const commented = "// Package planted stands here to be found out by a test.\npackage planted\n\n"

var plants = []plant{
	{"parses", "engine/planted/a.go", "package planted\n\nfunc {", "", []string{"does not parse"}},

	{"imports", "engine/planted/b.go", commented + `import _ "net/http/httptest"`, ":4",
		[]string{"imports net/http/httptest", "test pieces do not belong in the binary"}},
	{"imports", "engine/planted/c.go", commented + `import _ "github.com/jackc/pgx/v5"`, ":4",
		[]string{"imports github.com/jackc/pgx/v5", "an engine is a pure mechanism"}},
	{"imports", "engine/planted/d.go", commented + `import _ "github.com/bojanz/currency"`, ":4", // allowed to money alone
		[]string{"imports github.com/bojanz/currency"}},
	{"imports", "engine/planted/e.go", commented + `import . "strings"`, ":4", []string{"with a dot"}},
	{"imports", "engine/planted/f.go", commented + `import _ "crypto/rand"`, ":4", []string{"randomness is handed in"}},
	{"imports", "world/planted.go", "package world\n\nimport _ \"meridian/engine/tax\"", ":3",
		[]string{"imports meridian/engine/tax", "every layer stands on world"}},
	{"imports", "role/planted/planted.go", commented + `import _ "meridian/adapter/postgres"`, ":4",
		[]string{"imports meridian/adapter/postgres", "let app hand in the adapter"}},
	{"imports", "role/planted/b.go", commented + `import _ "meridian/role/shop"`, ":4", []string{"imports meridian/role/shop"}},
	{"imports", "adapter/planted/a.go", commented + `import _ "meridian/adapter/wan"`, ":4",
		[]string{"imports meridian/adapter/wan", "cannot be replaced alone"}},
	{"imports", "adapter/planted/b.go", commented + `import _ "meridian"`, ":4", []string{"imports meridian"}},
	{"imports", "platform/planted/a.go", commented + `import _ "meridian/role/shop"`, ":4", []string{"imports meridian/role/shop"}},
	{"imports", "app/planted/a.go", commented + `import _ "meridian/lab"`, ":4", []string{"imports meridian/lab"}},
	{"imports", "attic/a.go", commented + `import _ "meridian/world"`, ":4", []string{"from a folder that no rule knows"}},

	{"calls", "engine/planted/now.go", commented + "import \"time\"\n\nvar t = time.Now()", ":6",
		[]string{"uses time.Now", "cannot be set by a test", "take now func() time.Time"}},
	{"calls", "role/planted/value.go", commented + "import clock \"time\"\n\nvar now = clock.Now", ":6", []string{"uses time.Now"}},
	{"calls", "lab/planted/sleep.go", commented + "import \"time\"\n\nfunc f() { time.Sleep(1) }", ":6", []string{"uses time.Sleep"}},
	{"calls", "engine/planted/rand.go", commented + "import \"math/rand/v2\"\n\nvar n = rand.IntN(3)", ":6", []string{"uses math/rand/v2.IntN", "no run can be repeated"}},
	{"calls", "engine/planted/open.go", commented + "import \"os\"\n\nvar f, _ = os.Open(\"x\")", ":6", []string{"uses os.Open"}},
	{"calls", "role/planted/env.go", commented + "import \"os\"\n\nvar f = os.Getenv(\"x\")", ":6", []string{"uses os.Getenv"}},
	{"calls", "role/planted/dial.go", commented + "import \"net\"\n\nvar d net.Dialer", ":6", []string{"uses net.Dialer", "links that can be cut"}},
	{"calls", "role/planted/get.go", commented + "import \"net/http\"\n\nvar c = http.DefaultClient", ":6", []string{"uses net/http.DefaultClient"}},

	{"init", "app/planted/init.go", commented + "func init() {}", ":4", []string{"has a func init", "table as data"}},
	{"init", "role/planted/driver.go", commented + `import _ "net/http/pprof"`, ":4", []string{"for what its init does"}},

	{"comments", "engine/bare/bare.go", "package bare\n", "", []string{"without a package comment", "// Package bare …"}},
	{"comments", "engine/twofold/b.go", "// Package twofold is here too.\npackage twofold\n", "", []string{"second package comment"}},
	{"comments", "engine/oddly/a.go", "// This is package oddly.\npackage oddly\n", "", []string{"does not begin with `Package oddly`"}},
	{"comments", "engine/twin2/a.go", "// Package twin2 does the same thing. Or not.\npackage twin2\n", "", []string{"says of itself what engine/twin1 says"}},

	{"names", "platform/util/strings.go", "// Package util has what nobody placed.\npackage util\n", "", []string{"named util", "name it after what it does"}},
	{"names", "platform/planted/helpers.go", commented, "", []string{"named helpers"}},

	{"sizes", "engine/planted/long.go", commented + strings.Repeat("\n", 598), "", []string{"has 601 lines, over 600"}},
	{"sizes", "cmd/planted/main.go", "package main\n" + strings.Repeat("\n", 60), "", []string{"has 61 lines, over 60"}},

	{"words", "docs/planted.md", "made in /" + "work/main/docs\n", ":1", []string{"a path of one machine"}},
	{"words", "scripts/planted", "\n\ncurl https://proxy." + "golang.org/x\n", ":3", []string{"a package registry's host"}},

	{"dependencies", "adapter/planted/c.go", commented + `import _ "github.com/tidwall/gjson"`, "", []string{"imports github.com/tidwall/gjson", "does not list"}},
}

// innocents must not be found out: what looks like a violation and is none.
var innocents = map[string]string{
	"engine/innocent/innocent.go": `// Package innocent does nothing wrong, only nearly so.
package innocent

import (
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"time"

	"meridian/world"
)

var seeded = rand.New(rand.NewPCG(1, 2))
var timer = time.NewTimer(time.Second)

type listener = net.Listener
type header = http.Header

var missing = os.ErrNotExist
var code = world.CodeInvalid

type clock struct{ Now func() time.Time }

func shadow(time clock) any { return time.Now() }
`,
	"engine/innocent/innocent_test.go":  "package innocent\n\nimport (\n\t\"math/rand\"\n\t\"net/http/httptest\"\n\t\"os\"\n\t\"time\"\n\n\t\"meridian/data\"\n\t\"pgregory.net/rapid\"\n)\n\nvar _ = time.Now\nvar _ = os.Open\nvar _ = rand.Int\n",
	"engine/innocent/edge.go":           "package innocent\n" + strings.Repeat("\n", 599),
	"engine/innocent/generated.go":      "// Code generated by a tool. DO NOT EDIT.\n\npackage innocent\n\nfunc init() {}\n" + strings.Repeat("\n", 700),
	"engine/innocent/testdata/x/bad.go": "package util\n\nfunc init() {",
	"adapter/innocent/innocent.go":      "// Package innocent has a sibling in its own folder.\npackage innocent\n\nimport _ \"meridian/adapter/innocent/inner\"\n",
	"docs/innocent.md":                  "The framework/main of it, at /homework/shared.\n",
}

// planted is a copy of the project with every violation in it.
func planted(t *testing.T) *Tree {
	t.Helper()
	house := fstest.MapFS{}
	err := fs.WalkDir(os.DirFS(".."), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains(skipped, d.Name()) {
			return fs.SkipDir
		}
		if keep := path.Ext(p) == ".go" || path.Ext(p) == ".md" || path.Ext(p) == ".mod"; d.IsDir() || !keep {
			return nil
		}
		text, err := os.ReadFile(path.Join("..", p))
		house[p] = &fstest.MapFile{Data: text}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	house["engine/twofold/a.go"] = &fstest.MapFile{Data: []byte("// Package twofold is here.\npackage twofold\n")}
	house["engine/twin1/a.go"] = &fstest.MapFile{Data: []byte("// Package twin1 does the same thing. And more.\npackage twin1\n")}
	for _, p := range plants {
		house[p.path] = &fstest.MapFile{Data: []byte(p.text)}
	}
	for p, text := range innocents {
		house[p] = &fstest.MapFile{Data: []byte(text)}
	}
	tree, err := Load(house)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestPlantedViolationsAreFound(t *testing.T) {
	tree := planted(t)
	found := map[string][]Finding{}
	for _, c := range Checks() {
		found[c.Name] = c.Run(tree)
	}
	for _, p := range plants {
		t.Run(p.check+"/"+p.path, func(t *testing.T) {
			for _, f := range found[p.check] {
				if f.Place == p.path+p.line && containsAll(f.String(), p.says) && f.Because != "" && f.Instead != "" {
					return
				}
			}
			t.Errorf("not found out; check %s says of %s: %v", p.check, p.path, about(found[p.check], p.path))
		})
	}
	t.Run("role without its skeleton", func(t *testing.T) {
		got := about(found["folders"], "role/planted")
		for _, want := range []string{"has no README.md", "has no config.go", "has no test"} {
			if !slices.ContainsFunc(got, func(f Finding) bool { return strings.Contains(f.Fault, want) }) {
				t.Errorf("%q is missing in %v", want, got)
			}
		}
	})
	for p := range innocents {
		for name, fs := range found {
			for _, f := range about(fs, p) {
				t.Errorf("check %s accuses an innocent: %v", name, f)
			}
		}
	}
}

func TestTooFewShortFiles(t *testing.T) {
	long := strings.Repeat("\n", ShortLines)
	house := fstest.MapFS{
		"world/a.go": {Data: []byte("package world" + long)},
		"world/b.go": {Data: []byte("package world" + long)},
		"world/c.go": {Data: []byte("package world\n")},
	}
	tree, err := Load(house)
	if err != nil {
		t.Fatal(err)
	}
	got := checkSizes(tree)
	if len(got) != 1 || !strings.Contains(got[0].Fault, "has 1 of 3 Go files under 150 lines") || !strings.Contains(got[0].Instead, "world/a.go 150") {
		t.Errorf("got %v", got)
	}
	house["world/b.go"] = &fstest.MapFile{Data: []byte("package world" + long[1:])} // one line less: half are short
	if tree, err = Load(house); err != nil {
		t.Fatal(err)
	}
	if got := checkSizes(tree); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestDependencyPageIsHeldToGoMod(t *testing.T) {
	house := fstest.MapFS{
		"go.mod":       {Data: []byte("module meridian\n\nrequire (\n\texample.org/a v1.0.0\n\texample.org/a/sub v1.2.0\n\texample.org/b v2.0.0 // indirect\n)\n")},
		"tools/go.mod": {Data: []byte("module meridian/tools\n\nrequire example.org/tool v0.2.0 // indirect\n")},
		"app/app.go":   {Data: []byte("package app\n\nimport (\n\t_ \"example.org/a/sub/x\"\n\t_ \"example.org/b\"\n)\n")},
		dependencyPage: {Data: []byte("| module | version | licence | what for | chosen over |\n|---|---|---|---|---|\n" +
			"| `example.org/a` | v1.0.0 | MIT | x | y |\n" + // stale
			"| `example.org/b` | v1.9.0 | MIT | x | y |\n" + // another version
			"| `example.org/tool` | v0.1.0 | MIT | x | y |\n" + // another version
			"| `example.org/a/sub` | v1.2.0 | MIT | | y |\n")}, // no reason
	}
	tree, err := Load(house)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range checkDependencies(tree) {
		got = append(got, f.Place+" "+f.Fault)
	}
	want := []string{
		"docs/dependencies.md has an unfinished row for example.org/a/sub",
		"app/app.go imports example.org/a/sub, which docs/dependencies.md does not list",
		"docs/dependencies.md has example.org/b v1.9.0, go.mod has v2.0.0",
		"docs/dependencies.md lists example.org/a, which nothing imports",
		"docs/dependencies.md has example.org/tool v0.1.0, tools/go.mod has v0.2.0",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func about(fs []Finding, path string) []Finding {
	var out []Finding
	for _, f := range fs {
		if f.Place == path || strings.HasPrefix(f.Place, path+":") {
			out = append(out, f)
		}
	}
	return out
}

func containsAll(s string, parts []string) bool {
	return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(s, p) })
}
