package arch

import (
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strconv"
)

// callBan is a set of names that pure layers may not use, called or not: a
// function handed on as a value is the same as a call.
type callBan struct {
	path    string
	names   *regexp.Regexp
	allBut  bool // the names are those allowed, all others are banned
	because string
	instead string
}

// handedIn are the layers whose clock, randomness and I/O come from outside.
var handedIn = []string{"role", "engine", "lab"}

// callBans leaves out time.NewTimer, time.NewTicker, time.AfterFunc and
// contexts with a deadline: testing/synctest covers them, and a hand-made
// timer on a handed-in clock would only copy them.
var callBans = []callBan{
	{path: "time", names: only("Now|Since|Until"),
		because: "a clock that is read here cannot be set by a test or by the lab's simulator",
		instead: "take now func() time.Time, or the time itself"},
	{path: "time", names: only("Sleep|After|Tick"),
		because: "it waits and cannot be stopped",
		instead: "use time.NewTimer and select on ctx.Done() too"},
	{path: "math/rand/v2", names: only("New|NewPCG|NewChaCha8|NewZipf|Rand|Source|PCG|ChaCha8|Zipf"), allBut: true,
		because: "its functions share one generator of the process, so no run can be repeated",
		instead: "take a *rand.Rand with the caller's seed"},
	{path: "net", names: only("Dial.*|Listen(Packet|TCP|UDP|Unix|Unixgram|IP|MulticastUDP|Config)?|Lookup.*|Resolve.*|DefaultResolver|File.*|Interface.*"),
		because: "it reaches the network, and whom a role talks to is decided by its config, over links that can be cut",
		instead: "take an interface, an http.RoundTripper or a net.Listener"},
	{path: "os", names: only("Err.*|IsNotExist|IsExist|File|FileMode|FileInfo|PathError"), allBut: true,
		because: "it reaches files, environment or processes of the machine",
		instead: "take an fs.FS, an io.Reader, an open *os.File or a config value"},
	{path: "net/http", names: only("Get|Head|Post|PostForm|DefaultClient|DefaultTransport|ListenAndServe.*|Serve|ServeTLS|ServeFile|Dir"),
		because: "it reaches the network or files by a way of its own, without limits and past the links",
		instead: "take an http.RoundTripper, and let platform/httpserver listen"},
	{path: "net/http", names: only("Handle|HandleFunc|DefaultServeMux"),
		because: "the process has one default mux and many roles",
		instead: "make a mux with http.NewServeMux"},
}

func only(names string) *regexp.Regexp { return regexp.MustCompile(`^(?:` + names + `)$`) }

func checkCalls(t *Tree) []Finding {
	var out []Finding
	for _, f := range t.Files {
		if f.Test || f.Generated || !slices.Contains(handedIn, layer(f.Dir)) {
			continue
		}
		imported := importNames(f.AST)
		ast.Inspect(f.AST, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			id, ok := sel.X.(*ast.Ident)
			if !ok || id.Obj != nil { // a variable that hides the package has an Obj
				return true
			}
			for _, b := range callBans {
				if imported[id.Name] == b.path && b.names.MatchString(sel.Sel.Name) != b.allBut {
					out = append(out, Finding{t.at(f, sel.Pos()), "uses " + b.path + "." + sel.Sel.Name, b.because, b.instead})
				}
			}
			return true
		})
	}
	return out
}

// majorVersion is an import path's last element that names no package.
var majorVersion = regexp.MustCompile(`/v[0-9]+$`)

// importNames maps the name by which a file knows a package to its path.
func importNames(f *ast.File) map[string]string {
	out := map[string]string{}
	for _, spec := range f.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has already taken it as a string
		}
		name := path.Base(majorVersion.ReplaceAllString(p, ""))
		if spec.Name != nil {
			name = spec.Name.Name
		}
		out[name] = p
	}
	return out
}

// checkInits keeps side effects out of importing: a registry that fills itself
// depends on who happens to be linked in, and in which order.
func checkInits(t *Tree) []Finding {
	var out []Finding
	for _, f := range t.Files {
		if f.Generated {
			continue
		}
		for _, d := range f.AST.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				out = append(out, Finding{t.at(f, fn.Pos()), "has a func init",
					"what happens at import depends on who is linked in, cannot be left out and cannot fail",
					"write a function and call it where the program is put together, or a table as data"})
			}
		}
		for _, spec := range f.AST.Imports {
			if spec.Name != nil && spec.Name.Name == "_" && spec.Path.Value != `"embed"` && !f.Test &&
				!slices.Contains(blankImports, layer(f.Dir)) {
				out = append(out, Finding{t.at(f, spec.Pos()), "imports " + spec.Path.Value + " for what its init does",
					"what happens at import depends on who is linked in",
					"import it in the adapter or in app, where the choice of technology is made"})
			}
		}
	}
	return out
}

// blankImports are the layers that may link in a driver that registers itself:
// libraries such as gocloud.dev/blob know no other way.
var blankImports = []string{"adapter", "app", "cmd", "test"}
