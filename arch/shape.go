package arch

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// MaxLines is the most that a hand-written Go file may have; at least half of
// them stay under ShortLines.
const (
	MaxLines   = 600
	ShortLines = 150
	MainLines  = 60 // of a command's main
)

// emptyNames say nothing of what is inside.
var emptyNames = []string{"util", "utils", "common", "helper", "helpers", "manager", "managers", "misc", "base", "shared"}

// checkNames: no folder, package or Go file has a name that says nothing.
func checkNames(t *Tree) []Finding {
	const because = "such a name gathers what has nothing to do with each other"
	const instead = "name it after what it does"
	var out []Finding
	for _, d := range t.Dirs {
		if slices.Contains(emptyNames, path.Base(d)) {
			out = append(out, Finding{d, "is a folder named " + path.Base(d), because, instead})
		}
	}
	for _, f := range t.Files {
		stem := strings.TrimSuffix(strings.TrimSuffix(path.Base(f.Path), ".go"), "_test")
		pkg := strings.TrimSuffix(f.AST.Name.Name, "_test")
		for _, name := range []string{stem, pkg} {
			if slices.Contains(emptyNames, name) {
				out = append(out, Finding{f.Path, "is a file or package named " + name, because, instead})
				break
			}
		}
	}
	return out
}

// checkSizes: no hand-written Go file is longer than MaxLines, and half of
// them are shorter than ShortLines.
func checkSizes(t *Tree) []Finding {
	var out []Finding
	var all []*File
	short := 0
	for _, f := range t.Files {
		if f.Generated {
			continue
		}
		all = append(all, f)
		if f.Lines < ShortLines {
			short++
		}
		if f.Lines > MaxLines {
			out = append(out, Finding{f.Path, fmt.Sprintf("has %d lines, over %d", f.Lines, MaxLines),
				"a file is read whole or not at all", "split it by what its parts do"})
		}
		if layer(f.Dir) == "cmd" && !f.Test && f.Lines > MainLines {
			out = append(out, Finding{f.Path, fmt.Sprintf("has %d lines, over %d for a main", f.Lines, MainLines),
				"main cannot be tested or used by others", "move the rest to app"})
		}
	}
	if short*2 < len(all) {
		slices.SortStableFunc(all, func(a, b *File) int { return b.Lines - a.Lines })
		var worst []string
		for _, f := range all[:min(10, len(all))] {
			worst = append(worst, fmt.Sprintf("%s %d", f.Path, f.Lines))
		}
		out = append(out, Finding{".", fmt.Sprintf("has %d of %d Go files under %d lines", short, len(all), ShortLines),
			"short files are what keeps the house readable",
			"split the longest (" + strings.Join(worst, ", ") + ")"})
	}
	return out
}

// checkFolders: every role has the same skeleton, and everything that can
// break on its own has a test beside it.
func checkFolders(t *Tree) []Finding {
	var out []Finding
	pkgs := t.packages()
	for _, dir := range sortedKeys(pkgs) {
		files := pkgs[dir]
		in := layer(dir)
		if in == "role" && part(dir) == dir {
			for _, need := range []string{"README.md", "config.go", path.Base(dir) + ".go"} {
				if !exists(t.FS, path.Join(dir, need)) {
					out = append(out, Finding{dir, "has no " + need,
						"every role has the same skeleton: who has read one finds everything in the next", "write it"})
				}
			}
		}
		tested := slices.ContainsFunc(files, func(f *File) bool { return f.Test })
		if slices.Contains([]string{"role", "engine", "adapter"}, in) && !tested {
			out = append(out, Finding{dir, "has no test",
				"a mechanism that nothing tests is a guess", "write one beside the code"})
		}
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
