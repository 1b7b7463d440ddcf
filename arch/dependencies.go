package arch

import (
	"io/fs"
	"regexp"
	"strconv"
	"strings"
)

// dependencyPage lists every module that our code imports, as rows
// | `module` | version | licence | what for | chosen over |
const dependencyPage = "docs/dependencies.md"

// dependencyCells is how many cells such a row has.
const dependencyCells = 5

var (
	requireLine = regexp.MustCompile(`(?m)^(?:require)?\s+([\w./~-]+\.[\w./~-]+) (v\S+)`)
	modulePath  = regexp.MustCompile("^`([^`]+)`$")
)

// checkDependencies: each module that is imported stands on the page with
// go.mod's version and a reason, and nothing else does.
func checkDependencies(t *Tree) []Finding {
	required, tools := requirements(t.FS, "go.mod"), requirements(t.FS, "tools/go.mod")
	listed, out := listedModules(t.FS)
	used := map[string]string{} // module to the file that imports it
	for _, f := range t.Files {
		for _, spec := range f.AST.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if _, ours := ownDir(p); err != nil || ours || !foreignOrOurs(p) {
				continue
			}
			if m := moduleOf(required, p); m != "" {
				used[m] = f.Path
			}
		}
	}
	for _, m := range sortedKeys(used) {
		switch version, ok := listed[m]; {
		case !ok:
			out = append(out, Finding{used[m], "imports " + m + ", which " + dependencyPage + " does not list",
				"each dependency is a cost that somebody once decided on", "add its row with the reason, or do without it"})
		case version != required[m]:
			out = append(out, Finding{dependencyPage, "has " + m + " " + version + ", go.mod has " + required[m],
				"the page is what a reader trusts", "write go.mod's version"})
		}
	}
	for _, m := range sortedKeys(listed) {
		if tools[m] == "" && used[m] == "" {
			out = append(out, Finding{dependencyPage, "lists " + m + ", which nothing imports",
				"the page is what a reader trusts", "take the row out"})
		}
		if tools[m] != "" && used[m] == "" && listed[m] != tools[m] {
			out = append(out, Finding{dependencyPage, "has " + m + " " + listed[m] + ", tools/go.mod has " + tools[m],
				"the page is what a reader trusts", "write the version of tools/go.mod"})
		}
	}
	return out
}

// requirements are the modules of a go.mod with their versions; none if there
// is no such file.
func requirements(fsys fs.FS, name string) map[string]string {
	out := map[string]string{}
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return out
	}
	for _, m := range requireLine.FindAllStringSubmatch(string(text), -1) {
		out[m[1]] = m[2]
	}
	return out
}

// listedModules are the page's rows, module to version, and what is wrong with
// those that are not whole.
func listedModules(fsys fs.FS) (map[string]string, []Finding) {
	out := map[string]string{}
	text, err := fs.ReadFile(fsys, dependencyPage)
	if err != nil {
		return out, []Finding{{dependencyPage, "cannot be read", "it says why each dependency is there", "write it"}}
	}
	var faults []Finding
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		m := modulePath.FindStringSubmatch(strings.TrimSpace(cells[0]))
		if m == nil {
			continue
		}
		whole := len(cells) == dependencyCells
		for _, c := range cells {
			whole = whole && strings.TrimSpace(c) != ""
		}
		if !whole {
			faults = append(faults, Finding{dependencyPage, "has an unfinished row for " + m[1],
				"a dependency without version, licence, reason and alternative was not decided on", "fill all five cells"})
			continue
		}
		out[m[1]] = strings.TrimSpace(cells[1])
	}
	return out, faults
}

// moduleOf is the required module that holds a package: the longest that fits.
func moduleOf(required map[string]string, p string) string {
	best := ""
	for m := range required {
		if under(m, p) && len(m) > len(best) {
			best = m
		}
	}
	return best
}
