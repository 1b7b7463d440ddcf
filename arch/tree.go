package arch

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Module is the project's module path; what begins with it is ours.
const Module = "meridian"

// skipped are folders that git does not keep, or that are not the project. In a
// second worktree .git is a file.
var skipped = []string{".git", ".state", "bin", "node_modules", "vendor"}

// Tree is the project as its checks see it.
type Tree struct {
	FS    fs.FS
	Fset  *token.FileSet
	Files []*File  // Go files of this module, in path order
	Paths []string // every file that is not skipped, in path order
	Dirs  []string // every folder that is not skipped, in path order

	broken []Finding
}

// File is one parsed Go file.
type File struct {
	Path      string // from the root, with slashes
	Dir       string // "." is the root
	Test      bool
	Generated bool // says `Code generated … DO NOT EDIT.`
	Lines     int
	AST       *ast.File
}

// Finding is a broken rule: where, what, why there is such a rule, and what
// to do instead.
type Finding struct {
	Place   string // path or path:line
	Fault   string
	Because string
	Instead string
}

func (f Finding) String() string {
	return fmt.Sprintf("%s %s\n\tthat is refused because %s;\n\tinstead: %s", f.Place, f.Fault, f.Because, f.Instead)
}

// Load reads and parses the project under fsys. Go files of nested modules,
// of testdata and of folders that the go command ignores are not parsed. A
// file with a syntax error is a finding of the check "parses".
func Load(fsys fs.FS) (*Tree, error) {
	t := &Tree{FS: fsys, Fset: token.NewFileSet()}
	foreign := map[string]bool{} // folders whose Go files are not ours
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case p == ".git" && !d.IsDir():
			return nil
		case !d.IsDir():
			t.Paths = append(t.Paths, p)
			if strings.HasSuffix(p, ".go") && !foreign[path.Dir(p)] {
				return t.parse(p)
			}
			return nil
		case p == ".":
			return nil
		case slices.Contains(skipped, d.Name()):
			return fs.SkipDir
		}
		t.Dirs = append(t.Dirs, p)
		foreign[p] = foreign[path.Dir(p)] || ignoredByGo(d.Name()) || exists(fsys, path.Join(p, "go.mod"))
		return nil
	})
	return t, err
}

func (t *Tree) parse(p string) error {
	src, err := fs.ReadFile(t.FS, p)
	if err != nil {
		return err
	}
	parsed, err := parser.ParseFile(t.Fset, p, src, parser.ParseComments)
	if err != nil {
		t.broken = append(t.broken, Finding{p, "does not parse (" + err.Error() + ")",
			"no rule can be checked in it", "mend it"})
		return nil
	}
	t.Files = append(t.Files, &File{
		Path: p, Dir: path.Dir(p), Test: strings.HasSuffix(p, "_test.go"),
		Generated: ast.IsGenerated(parsed), Lines: bytes.Count(src, []byte("\n")), AST: parsed,
	})
	return nil
}

// packages are the Go folders with their files, tests too.
func (t *Tree) packages() map[string][]*File {
	out := map[string][]*File{}
	for _, f := range t.Files {
		out[f.Dir] = append(out[f.Dir], f)
	}
	return out
}

func (t *Tree) at(f *File, pos token.Pos) string {
	return fmt.Sprintf("%s:%d", f.Path, t.Fset.Position(pos).Line)
}

// layer is the first folder of a path of ours: "engine" of "engine/tax". The
// root package is ".".
func layer(dir string) string {
	first, _, _ := strings.Cut(dir, "/")
	return first
}

// part is the layer and the folder below it: "adapter/wan" of "adapter/wan/x".
func part(dir string) string {
	elems := strings.SplitN(dir, "/", 3)
	return strings.Join(elems[:min(2, len(elems))], "/")
}

func ignoredByGo(name string) bool {
	return name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

func exists(fsys fs.FS, p string) bool {
	_, err := fs.Stat(fsys, p)
	return err == nil
}
