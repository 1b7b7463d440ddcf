package objectstore

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"meridian/test/s3test"
)

func TestMain(m *testing.M) { os.Exit(s3test.Main(m)) }

// newBucket is an empty bucket that is opened by the least rights there are: the
// policy of role media's README and no more.
func newBucket(t *testing.T) *s3test.Bucket {
	t.Helper()
	b := s3test.New(t)
	b.Policy(t, leastPolicy(t, b.Name, b.Mine.Access))
	return b
}

// leastPolicy is the policy that operators are told to use, for a bucket and an account.
func leastPolicy(t *testing.T, bucket, access string) string {
	t.Helper()
	readme, err := os.ReadFile("../../role/media/README.md")
	if err != nil {
		t.Fatal(err)
	}
	policy := ""
	for block := range strings.SplitSeq(string(readme), "```json\n") {
		if block, _, closed := strings.Cut(block, "```"); closed && strings.Contains(block, "Statement") {
			policy = block
		}
	}
	if policy == "" {
		t.Fatal("the README has no policy in JSON")
	}
	return strings.NewReplacer("arn:aws:iam::111122223333:role/media-eu-central", access, "pictures-eu-central", bucket).Replace(policy)
}

func locationOf(t *testing.T, b *s3test.Bucket, a s3test.Account) Location {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials")
	text := "[default]\naws_access_key_id = " + a.Access + "\naws_secret_access_key = " + a.Secret + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l := DefaultLocation()
	l.URL = "s3://" + b.Name + "?region=" + s3test.Region + "&endpoint=" + b.Endpoint
	l.Credentials = "file:" + path
	return l
}

func openBucket(t *testing.T, b *s3test.Bucket) *Store {
	t.Helper()
	s, err := Open(ctx, locationOf(t, b, b.Mine))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
