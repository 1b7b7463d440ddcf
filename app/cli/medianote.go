package cli

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"

	"meridian/platform/wholefile"
	"meridian/world"
)

// note remembers an upload from its beginning to its end, in a file of the
// user's cache: so the same command goes on with it. It holds no secret.
type note struct {
	path string
	Key  string `json:"key"` // names the upload to the server: sent twice it is begun once
	At   string `json:"at"`  // its URL
}

// noteFor is the note of a file's upload to a collection. A file that was
// changed since is another.
func noteFor(collection, file, sha string) *note {
	n := &note{}
	cache, err := os.UserCacheDir()
	if err != nil {
		return n // without a place for notes uploads go on within one run alone
	}
	if whole, err := filepath.Abs(file); err == nil {
		file = whole
	}
	name := sha256.Sum256([]byte(collection + "\n" + file + "\n" + sha))
	n.path = filepath.Join(cache, "meridian", "uploads", hex.EncodeToString(name[:16])+".json")
	if b, err := os.ReadFile(n.path); err != nil || json.Unmarshal(b, n) != nil {
		n.Key, n.At = "", ""
	}
	return n
}

// at is the URL of the upload that is under way, or "".
func (n *note) at() string { return n.At }

// begin names a new upload, or the one whose beginning was not answered.
func (n *note) begin() (string, error) {
	if n.Key == "" || n.At != "" { // one that had a URL is gone
		n.Key, n.At = rand.Text(), ""
	}
	return n.Key, n.write()
}

func (n *note) remember(at string) {
	n.At = at
	_ = n.write() // the upload goes on all the same
}

func (n *note) write() error {
	if n.path == "" {
		return nil
	}
	b, err := json.Marshal(n)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(n.path), 0o700)
	}
	if err == nil {
		err = wholefile.Replace(n.path, b)
	}
	if err != nil {
		return world.Because(world.CodeInvalid, "media.put", "What is under way cannot be noted in "+filepath.Dir(n.path)+".", err)
	}
	return nil
}

func (n *note) forget() {
	if n.path != "" {
		_ = os.Remove(n.path) // one that stays costs a question the next time
	}
}
