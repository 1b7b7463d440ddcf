package arch

import (
	"slices"
	"strconv"
	"strings"
)

// importRule says what one layer may import. What is not named is refused.
type importRule struct {
	from    string
	ours    []string // layers; a layer's own name means other folders of it
	outside []string // modules of others; "*" is any that docs/dependencies.md lists
	because string
	instead string
}

// reachNothing are the modules that a role may use itself: mechanisms without
// a technology behind them that anybody would want to replace.
var reachNothing = []string{
	"github.com/prometheus/client_golang", "github.com/alexedwards/argon2id",
	"golang.org/x/sync", "golang.org/x/time", "go.n16f.net/thumbhash",
}

// importRules is the table of who may import whom. A package may always import
// what lies in its own folder (adapter/wan and adapter/wan/x).
var importRules = []importRule{
	{from: ".", because: "the root package only embeds the world file",
		instead: "put code where its layer is"},
	{from: "world", because: "every layer stands on world, so it can stand on none",
		instead: "declare what is needed as an interface in world and let an adapter meet it"},
	{from: "engine", ours: []string{"world", "engine"},
		because: "an engine is a pure mechanism, tested by table and property with nothing started",
		instead: "take the value or an interface as an argument"},
	{from: "platform", ours: []string{"world"}, outside: []string{"*"},
		because: "platform is what every role needs and none owns",
		instead: "let app put the two together"},
	{from: "web", because: "web holds files for pages and knows no role",
		instead: "hand data to the template from the role"},
	{from: "data", because: "data only embeds files; who needs one parses it",
		instead: "parse it in an adapter or an engine"},
	{from: "adapter", ours: []string{"world", "engine", "platform"}, outside: []string{"*"},
		because: "an adapter hides one technology; one that knows another cannot be replaced alone",
		instead: "take an interface and let app hand in the other adapter"},
	{from: "role", ours: []string{"world", "engine", "platform", "web"},
		outside: reachNothing,
		because: "a role says what it needs as an interface in its deps, so that it runs with any technology and beside or far from any other role",
		instead: "declare an interface in the role and let app hand in the adapter"},
	{from: "app", ours: []string{".", "data", "world", "engine", "platform", "web", "adapter", "role", "app"}, outside: []string{"*"},
		because: "app is what runs in production; laboratory and rehearsals are built on it",
		instead: "move what both need into app"},
	{from: "lab", ours: []string{"world", "engine", "platform", "web", "app", "lab"}, outside: []string{"*"},
		because: "the lab judges designs by the same engines, and the system only from outside",
		instead: "use the engine, or ask app for it"},
	{from: "drill", ours: []string{"world", "engine", "platform", "web", "app", "drill"}, outside: []string{"*"},
		because: "a drill treats the system as its operators do, from outside",
		instead: "go through app or the world's own HTTP"},
	{from: "cmd", ours: []string{"app", "lab", "drill"}, outside: []string{"*"},
		because: "main reads the command line and calls one function",
		instead: "put the code in app, lab or drill"},
	{from: "arch", ours: nil, because: "the fence must not lean on what it fences",
		instead: "use go/parser"},
	{from: "test", ours: []string{".", "data", "world", "engine", "platform", "web", "adapter", "role", "app", "lab", "drill", "test"}, outside: []string{"*"},
		because: "stories use the world but nothing starts a command's main",
		instead: "call app"},
}

// exception lets one package import one thing that its row refuses.
type exception struct{ dir, path, because string }

var exceptions = []exception{
	{"engine/money", "github.com/bojanz/currency",
		"CLDR's formats of money are data that others keep well; the library is pure"},
}

// testRule is what _test.go files of a layer may import beyond their row.
// Every test may import a property tester.
type testRule struct {
	layers  []string
	may     []string // layers, packages of ours or modules
	because string
}

var testRules = []testRule{
	{[]string{"world", "engine", "platform", "adapter", "role", "app", "lab", "drill", "data", "web"},
		[]string{"pgregory.net/rapid"}, "properties are tested everywhere"},
	{[]string{"engine", "platform", "adapter", "role", "data", "web"},
		[]string{".", "data"}, "the shipped world is the fixture that matters most"},
	{[]string{"adapter", "app", "drill"},
		[]string{"test/pgtest", "test/s3test", "test/varnishtest"}, "an adapter is tested against its real technology"},
	{[]string{"engine", "adapter"},
		[]string{"test/cachetest", "test/leasetest", "test/cdntest"}, "who meets a contract is asked by the same test as all others"},
	{[]string{"adapter", "app"},
		[]string{"test/paytest"}, "every payment provider is asked by the same test"},
	{[]string{"adapter"},
		[]string{"test/likeness"}, "how like two pictures are is measured in one way"},
	{[]string{"platform", "adapter", "role"},
		[]string{"test/certtest", "test/tiertest", "test/apitest"}, "what several packages' tests need alike is made in one place"},
	{[]string{"app"},
		[]string{"test/porttest"}, "a port that is a test's own is chosen in one way"},
	{[]string{"data", "role"},
		[]string{"go.yaml.in/yaml/v3"}, "the shipped files are read as their readers do"},
	{[]string{"role"},
		[]string{"github.com/getkin/kin-openapi"}, "a role's API document is read by a reader of others"},
	{[]string{"role"},
		[]string{"github.com/miekg/dns"}, "a name server's answers are read by a reader of others"},
	{[]string{"engine", "adapter", "role"},
		[]string{"adapter/yaml"}, "the shipped world is read by its own reader"},
	{[]string{"role"},
		[]string{"adapter/tus"}, "what becomes of an upload is tested by the protocol that it comes by"},
}

// libraryBans are standard packages that a layer's shipped code may not import.
type libraryBan struct {
	layers  []string // nil is every layer but test
	paths   []string
	because string
	instead string
}

var pure = []string{"world", "engine", "role", "lab"}

var libraryBans = []libraryBan{
	{nil, []string{"testing", "testing/*", "net/http/httptest"},
		"test pieces do not belong in the binary", "move it to a _test.go file or to test/"},
	{pure, []string{"crypto/rand", "math/rand"},
		"randomness is handed in, so that a test can choose it and replay it",
		"take an io.Reader, or a *rand.Rand of math/rand/v2 with the caller's seed"},
	{pure, []string{"os/exec", "os/signal", "os/user", "syscall", "database/sql", "plugin", "log/syslog"},
		"it reaches outside the process", "take an interface and let app hand in an adapter"},
	{[]string{"world", "engine", "platform", "role", "lab", "drill", "app", "cmd", "web", "data"}, []string{"C", "unsafe"},
		"memory that Go does not guard is kept in adapters", "put it behind an adapter"},
}

func checkImports(t *Tree) []Finding {
	var out []Finding
	for _, f := range t.Files {
		for _, spec := range f.AST.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				continue // the parser has already taken it as a string
			}
			place := t.at(f, spec.Pos())
			if spec.Name != nil && spec.Name.Name == "." {
				out = append(out, Finding{place, "imports " + p + " with a dot",
					"a reader cannot see where a name comes from", "name the package"})
			}
			if bad, found := judge(f, p); bad {
				found.Place = place
				out = append(out, found)
			}
		}
	}
	return out
}

// judge says whether a file may not import a path, and why.
func judge(f *File, p string) (bool, Finding) {
	if !foreignOrOurs(p) {
		return judgeLibrary(f, p)
	}
	from := layer(f.Dir)
	i := slices.IndexFunc(importRules, func(r importRule) bool { return r.from == from })
	if i < 0 {
		return true, Finding{Fault: "imports " + p + " from a folder that no rule knows",
			Because: "a layer without a row in arch/imports.go has no fence", Instead: "put the code in a layer, or add the row"}
	}
	r := importRules[i]
	if allowed(r, f, p) {
		return false, Finding{}
	}
	return true, Finding{Fault: "imports " + p, Because: r.because, Instead: r.instead}
}

func allowed(r importRule, f *File, p string) bool {
	if slices.ContainsFunc(exceptions, func(e exception) bool { return e.dir == f.Dir && e.path == p }) {
		return true
	}
	if f.Test && slices.ContainsFunc(testRules, func(tr testRule) bool {
		return slices.Contains(tr.layers, r.from) && slices.ContainsFunc(tr.may, func(m string) bool { return matches(m, p) })
	}) {
		return true
	}
	dir, ours := ownDir(p)
	if !ours {
		return slices.ContainsFunc(r.outside, func(m string) bool { return m == "*" || under(m, p) })
	}
	return part(dir) == part(f.Dir) || slices.Contains(r.ours, layer(dir))
}

// matches reports whether an import path is what a test rule names: a layer or
// package of ours, or a module.
func matches(name, p string) bool {
	if dir, ours := ownDir(p); ours {
		return under(name, dir)
	}
	return under(name, p)
}

func judgeLibrary(f *File, p string) (bool, Finding) {
	from := layer(f.Dir)
	if f.Test || from == "test" {
		return false, Finding{}
	}
	for _, b := range libraryBans {
		if b.layers != nil && !slices.Contains(b.layers, from) {
			continue
		}
		for _, banned := range b.paths {
			prefix, all := strings.CutSuffix(banned, "/*")
			if p == banned || all && under(prefix, p) {
				return true, Finding{Fault: "imports " + p, Because: b.because, Instead: b.instead}
			}
		}
	}
	return false, Finding{}
}

// foreignOrOurs reports whether a path is not of the standard library: the
// first element of a module's path has a dot, ours is named.
func foreignOrOurs(p string) bool {
	first, _, _ := strings.Cut(p, "/")
	return first == Module || strings.Contains(first, ".")
}

// ownDir is the folder of an import path of ours; "." is the root package.
func ownDir(p string) (string, bool) {
	if p == Module {
		return ".", true
	}
	return strings.CutPrefix(p, Module+"/")
}

func under(prefix, p string) bool { return p == prefix || strings.HasPrefix(p, prefix+"/") }
