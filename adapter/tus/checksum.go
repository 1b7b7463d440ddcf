package tus

import (
	"bytes"
	"crypto/sha1" // tus 1.0 §checksum demands it; it guards against accidents alone
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"
	"time"

	"meridian/world"
)

// The extension checksum (https://tus.io/protocols/resumable-upload#checksum),
// which the library has not: content whose sum is not the one that was sent with it
// must leave nothing behind, so it is held until it is verified.
const (
	headerChecksum   = "Upload-Checksum"
	headerAlgorithms = "Tus-Checksum-Algorithm"
	algorithms       = "sha1,sha256"

	// statusMismatch is a status of tus' own.
	statusMismatch = 460
)

func newSum(algorithm string) hash.Hash {
	switch algorithm {
	case "sha1":
		return sha1.New()
	case "sha256":
		return sha256.New()
	}
	return nil
}

// verified reads the content of a request with a checksum and gives it back to the
// request; false if it is not what the checksum says.
func (h *Handler) verified(w http.ResponseWriter, r *http.Request) (bool, error) {
	const op = "tus.checksum"
	algorithm, encoded, _ := strings.Cut(r.Header.Get(headerChecksum), " ")
	sum := newSum(algorithm)
	want, err := base64.StdEncoding.DecodeString(encoded)
	if sum == nil || err != nil || len(want) != sum.Size() {
		return false, world.Because(world.CodeInvalid, op, headerChecksum+" must be one of "+algorithms+", a space, and the content's sum in base 64.", err)
	}
	if r.ContentLength > h.limits.Checked {
		return false, h.tooMuch()
	}
	var content bytes.Buffer
	from := &patient{r: http.MaxBytesReader(w, r.Body, h.limits.Checked), control: http.NewResponseController(w), silence: h.limits.Silence}
	if _, err := content.ReadFrom(from); err != nil {
		if int64(content.Len()) >= h.limits.Checked {
			return false, h.tooMuch()
		}
		return false, world.Because(world.CodeInvalid, op, brokeOff, err)
	}
	sum.Write(content.Bytes())
	r.Body, r.ContentLength = io.NopCloser(&content), int64(content.Len())
	return subtle.ConstantTimeCompare(sum.Sum(nil), want) == 1, nil
}

func (h *Handler) tooMuch() error {
	return world.E(world.CodeTooLarge, "tus.checksum", fmt.Sprintf("A request with %s carries at most %d bytes: send smaller parts.", headerChecksum, h.limits.Checked))
}

// mismatched answers content that is not what its checksum says. Nothing of it is
// kept.
func mismatched(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Tus-Resumable", Version)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(statusMismatch)
	_, err := io.WriteString(w, "The content does not have the checksum that was sent: send it again.\n")
	return world.Wrap("tus.checksum", err)
}

// patient reads from a connection that is given up once it is silent for so long.
type patient struct {
	r       io.Reader
	control *http.ResponseController
	silence time.Duration
}

// Read reads on.
func (p *patient) Read(b []byte) (int, error) {
	// A server that cannot set a deadline has its own limit on a whole request.
	_ = p.control.SetReadDeadline(time.Now().Add(p.silence))
	return p.r.Read(b)
}
