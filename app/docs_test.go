package app

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"meridian"
	"meridian/adapter/yaml"
	"meridian/world"
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

func TestAPIDocumentsAreWhatTheCodeSays(t *testing.T) {
	for role, path := range map[string]string{"shop": "../docs/openapi.yaml", "owner": "../docs/openapi-owner.yaml"} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := APIDocument(role); err != nil || string(b) != text {
			t.Errorf("%s is not what the code says: run `make generate` and commit it (%v)", path, err)
		}
	}
	if _, err := APIDocument("edge"); !world.Is(err, world.CodeNotFound) {
		t.Errorf("a role without an API: %v", err)
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

func TestTheTestProvidersReadmeShowsAGoodFile(t *testing.T) {
	for _, s := range snippets(t, "testpay/README.md", "yaml") {
		path := filepath.Join(t.TempDir(), "testpay.yaml")
		f := NewTestpayFile()
		if err := errors.Join(os.WriteFile(path, []byte(s), 0o600), ReadTestpayFile(path, f)); err != nil || f.Validate() != nil {
			t.Error(err, f.Validate())
		}
	}
}

// readPictures reads a world file's section of pictures, in place of that of the
// world that ships.
func readPictures(section string) error {
	var rest []string
	inside := false
	for line := range strings.Lines(string(meridian.WorldFile)) {
		if line[0] != ' ' {
			inside = strings.HasPrefix(line, "pictures:")
		}
		if !inside {
			rest = append(rest, line)
		}
	}
	_, err := yaml.World("world.yaml", strings.NewReader(strings.Join(append(rest, section), "")))
	return err
}

// What other pages show is a whole machine's file, an accelerator's, or a section
// of a world's.
func TestPagesShowGoodFiles(t *testing.T) {
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "../README.md") {
		for _, s := range snippets(t, page, "yaml") {
			read := func() error { _, err := readText(t, s); return err }
			switch filepath.Base(page) {
			case "accelerator.md":
				read = func() error { return readAlone(t, s) }
			case "pictures.md":
				read = func() error { return readPictures(s) }
			}
			if err := read(); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}
