package arch

import (
	"go/doc"
	"path"
	"slices"
	"strings"
)

// checkComments: every package has exactly one package comment, which begins
// "Package x" (a main: "Command x"), and whose first sentence no sibling has.
func checkComments(t *Tree) []Finding {
	const because = "a reader learns the system from one sentence a package"
	var out []Finding
	first := map[string]string{} // parent folder and sentence to the folder that has it
	pkgs := t.packages()
	for _, dir := range sortedKeys(pkgs) {
		files := describing(pkgs[dir])
		var texts, places []string
		for _, f := range files {
			if f.AST.Doc != nil {
				texts = append(texts, f.AST.Doc.Text())
				places = append(places, f.Path)
			}
		}
		switch {
		case len(texts) == 0:
			out = append(out, Finding{files[0].Path, "is in a package without a package comment", because,
				"begin doc.go or the main file with `// " + wanted(files[0]) + " …`"})
			continue
		case len(texts) > 1:
			out = append(out, Finding{places[1], "has a second package comment beside that of " + places[0],
				"two comments drift apart", "put a file's own remarks under its imports"})
			continue
		}
		sentence := new(doc.Package).Synopsis(texts[0])
		rest, ok := strings.CutPrefix(sentence, wanted(files[0])+" ")
		if !ok {
			out = append(out, Finding{places[0], "has a package comment that does not begin with `" + wanted(files[0]) + "`",
				"go doc and every reader expect it", "rewrite its first sentence"})
			continue
		}
		key := path.Dir(dir) + "\n" + strings.ToLower(rest)
		if other, twice := first[key]; twice {
			out = append(out, Finding{places[0], "says of itself what " + other + " says", because,
				"say in the first sentence what tells the two apart"})
		}
		first[key] = dir
	}
	return out
}

// describing are the files whose package comments count: the shipped ones, or
// the tests of a folder that has nothing else.
func describing(files []*File) []*File {
	shipped := slices.DeleteFunc(slices.Clone(files), func(f *File) bool { return f.Test })
	if len(shipped) == 0 {
		return files
	}
	return shipped
}

func wanted(f *File) string {
	if f.AST.Name.Name == "main" {
		return "Command " + path.Base(f.Dir)
	}
	return "Package " + f.AST.Name.Name
}
