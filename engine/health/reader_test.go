package health

import (
	"bytes"
	"crypto/ed25519"
	"reflect"
	"testing"

	"meridian/world"
)

// What one follower has had verified another is given, and nothing else: not a
// line that was changed, nor one that another key stands for.
func TestAReaderTakesWhatVerifyTakes(t *testing.T) {
	ring := ringOf(t, "asia", "europe")
	first := issue()
	second := issue()
	second.Beat++
	lines := [][]byte{mustSign(t, first), mustSign(t, second)}
	bent := bytes.Replace(lines[0], []byte(`"number":7`), []byte(`"number":8`), 1)
	foreign := append([]byte("asia"), lines[0][len("europe"):]...)
	others := map[string]ed25519.PublicKey{"europe": ring["asia"]}
	var r Reader
	for i, c := range []struct {
		keys map[string]ed25519.PublicKey
		line []byte
	}{
		{ring, bent}, {ring, lines[0]}, {ring, lines[0]}, {ring, bent}, {others, lines[0]}, {nil, lines[0]}, {ring, foreign},
		{ring, lines[1]}, {ring, lines[0]}, {ring, lines[1]}, {ring, nil}, {ring, []byte("europe")},
	} {
		want, wantErr := Verify(c.keys, c.line)
		got, err := r.Verify(c.keys, c.line)
		if !reflect.DeepEqual(got, want) || world.CodeOf(err) != world.CodeOf(wantErr) {
			t.Errorf("%d: %+v, %v; Verify: %+v, %v", i, got, err, want, wantErr)
		}
	}
}

func mustSign(t *testing.T, h world.Health) []byte {
	t.Helper()
	line, err := Sign(keyOf("europe"), h)
	if err != nil {
		t.Fatal(err)
	}
	return line
}

// The line belongs to whoever reads the stream, and is overwritten by the next.
func TestAReaderKeepsNoLineOfOthers(t *testing.T) {
	ring := ringOf(t, "europe")
	line := mustSign(t, issue())
	theirs := bytes.Clone(line)
	var r Reader
	if _, err := r.Verify(ring, theirs); err != nil {
		t.Fatal(err)
	}
	bent := bytes.Replace(theirs, []byte(`"number":7`), []byte(`"number":8`), 1)
	copy(theirs, bent)
	if h, err := r.Verify(ring, bent); err == nil {
		t.Errorf("a line that was never verified is taken: %+v", h)
	}
	if _, err := r.Verify(ring, line); err != nil {
		t.Error(err)
	}
}
