package arch

import (
	"os"
	"testing"
)

// TestHouse runs every rule over the project itself.
func TestHouse(t *testing.T) {
	tree, err := Load(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.Files) < 100 {
		t.Fatalf("only %d Go files found: the fence looks at the wrong place", len(tree.Files))
	}
	for _, c := range Checks() {
		t.Run(c.Name, func(t *testing.T) {
			for _, f := range c.Run(tree) {
				t.Error(f)
			}
		})
	}
}
