package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestConfigReferenceIsWhatTheCodeSays(t *testing.T) {
	b, err := os.ReadFile("../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != Reference() {
		t.Error("docs/config.md is not what the code says: run `make generate` and commit it")
	}
	for _, line := range strings.Split(Reference(), "\n") {
		if strings.HasPrefix(line, "| `") && strings.Contains(line, "|  |\n") {
			t.Errorf("a setting without a meaning: %s", line)
		}
	}
}

// snippets are the blocks of a language in a Markdown file.
func snippets(t *testing.T, path, language string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	parts := strings.Split(string(b), "```"+language+"\n")
	for _, p := range parts[1:] {
		text, _, ok := strings.Cut(p, "```")
		if !ok {
			t.Fatalf("%s: a block does not end", path)
		}
		out = append(out, text)
	}
	return out
}

// Each role's README shows the least that must be set. As the role's section
// of a machine's file it is read strictly and found complete.
func TestRoleReadmesShowAGoodSection(t *testing.T) {
	for _, r := range Roles() {
		found := snippets(t, filepath.Join("..", "role", r.Name, "README.md"), "yaml")
		if len(found) == 0 {
			t.Errorf("role/%s/README.md shows no config", r.Name)
		}
		for _, s := range found {
			f, err := readText(t, r.Name+":\n  "+strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n  "))
			if err != nil {
				t.Errorf("role/%s/README.md: %v", r.Name, err)
				continue
			}
			if err := r.section(f).(interface{ Validate() error }).Validate(); err != nil {
				t.Errorf("role/%s/README.md: %v", r.Name, err)
			}
		}
	}
}

// readAlone reads an accelerator's file and demands that it is complete.
func readAlone(t *testing.T, text string) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "edge.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f := NewAcceleratorFile()
	if err := ReadAcceleratorFile(path, f); err != nil {
		return err
	}
	return f.Validate()
}

func TestTheAcceleratorsReadmeShowsAGoodFile(t *testing.T) {
	for _, s := range snippets(t, "../role/accelerator/README.md", "yaml") {
		if err := readAlone(t, s); err != nil {
			t.Error(err)
		}
	}
}

// What other pages show is a whole machine's file, or an accelerator's.
func TestPagesShowGoodFiles(t *testing.T) {
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "../README.md") {
		for _, s := range snippets(t, page, "yaml") {
			read := func() error { _, err := readText(t, s); return err }
			if filepath.Base(page) == "accelerator.md" {
				read = func() error { return readAlone(t, s) }
			}
			if err := read(); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}
