package tus

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
)

func sumOf(algorithm, content string) string {
	var sum []byte
	switch algorithm {
	case "sha1":
		s := sha1.Sum([]byte(content))
		sum = s[:]
	default:
		s := sha256.Sum256([]byte(content))
		sum = s[:]
	}
	return algorithm + " " + base64.StdEncoding.EncodeToString(sum)
}

func TestContentThatIsNotItsChecksumLeavesNothing(t *testing.T) {
	m := &memory{data: map[string][]byte{"up": []byte("ab")}, size: 100}
	url := serve(t, m)
	patch := func(content, sum string) *http.Response {
		t.Helper()
		res, body := ask(t, "PATCH", url+"up", content, "Upload-Offset", "2", "Upload-Checksum", sum)
		if res.StatusCode >= 400 && body == "" {
			t.Errorf("%d says nothing", res.StatusCode)
		}
		return res
	}
	for name, c := range map[string]struct {
		content, sum string
		status       int
	}{
		"other content":     {"cdef", sumOf("sha1", "cdeg"), 460},
		"by sha256":         {"cdef", sumOf("sha256", "cdeg"), 460},
		"another algorithm": {"cdef", "md5 " + strings.Fields(sumOf("sha1", "cdef"))[1], 400},
		"no sum":            {"cdef", "sha1", 400},
		"not base 64":       {"cdef", "sha1 ***", 400},
		"of another length": {"cdef", "sha1 YWJj", 400},
		"too much":          {"cdefghijk", sumOf("sha1", "cdefghijk"), 413},
	} {
		if res := patch(c.content, c.sum); res.StatusCode != c.status || string(m.data["up"]) != "ab" {
			t.Errorf("%s: %d, kept %q", name, res.StatusCode, m.data["up"])
		} else if c.status == 460 && res.Header.Get("Tus-Resumable") != Version {
			t.Errorf("%s: %v", name, res.Header)
		}
	}
	if res := patch("cdefghij", sumOf("sha1", "cdefghij")); res.StatusCode != 204 || res.Header.Get("Upload-Offset") != "10" {
		t.Errorf("at the limit: %d %v", res.StatusCode, res.Header)
	}
	res, _ := ask(t, "PATCH", url+"up", "k", "Upload-Offset", "10", "Upload-Checksum", sumOf("sha256", "k"))
	if res.StatusCode != 204 || string(m.data["up"]) != "abcdefghijk" {
		t.Errorf("%d, kept %q", res.StatusCode, m.data["up"])
	}
}

func FuzzChecksum(f *testing.F) {
	for _, s := range []string{"sha1 ", "sha1", "", " ", "sha256 AAAA", sumOf("sha1", "x"), sumOf("sha256", "x"), "sha1 " + strings.Repeat("A", 5000)} {
		f.Add(s, "x")
	}
	h, err := New(Limits{MaxBytes: 1000, Checked: 8, Silence: 1e9})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, sum, content string) {
		r, err := http.NewRequestWithContext(t.Context(), "PATCH", "/up", strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		r.Header["Upload-Checksum"] = []string{sum}
		ok, err := h.verified(nil, r)
		algorithm, _, _ := strings.Cut(sum, " ")
		if ok && (err != nil || len(content) > 8 || sum != sumOf(algorithm, content)) {
			t.Errorf("%q is taken for the sum of %q: %v", sum, content, err)
		}
	})
}
