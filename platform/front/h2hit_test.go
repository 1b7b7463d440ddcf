package front

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// Hits get a request id and are told of, as those of HTTP/1.1.
func TestHitsAreNamedAndToldOf(t *testing.T) {
	var told []string
	cfg := Config{RequestID: "X-Request-Id", Sent: func(s *Sent) {
		told = append(told, string(s.Request.Target)+" "+string(s.ID))
		if s.Bytes != 5 || s.Head.Status != 200 || s.Took < time.Second || s.Request.Method != "GET" || string(s.Request.Get("accept")) != "x" {
			t.Errorf("%+v", s)
		}
	}}
	bubble(t, rigOf{hits: hello, cfg: cfg, mine: []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 0}}}, func(t *testing.T, r *rig) {
		r.get(1, "/hit", "accept", "x")
		r.get(3, "/hit", "accept", "x")
		r.get(5, "/hit", "x-request-id", "mine") // the handler says it again
		r.take()
		r.pass(time.Second)
		for id := uint32(1); id < 6; id += 2 {
			r.must(r.fr.WriteWindowUpdate(id, 100))
		}
		r.take()
		one, three := r.heads[1]["x-request-id"], r.heads[3]["x-request-id"]
		if len(told) != 2 || told[0] != "/hit "+one || told[1] != "/hit "+three || one == three || len(one) != idLength {
			t.Errorf("%q, ids %q and %q", told, one, three)
		}
		if string(r.data[5]) != "handled" {
			t.Errorf("%q", r.data[5])
		}
	})
}

// Release is called once for each answer, sent or not.
func TestAnswersAreReleasedOnce(t *testing.T) {
	released := 0
	a := answerOf(make([]byte, 1000))
	a.Release = func() { released++ }
	bubble(t, rigOf{hits: table{"/a": a}, mine: []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 500}}}, func(t *testing.T, r *rig) {
		for id := uint32(1); id < 12; id += 2 {
			r.get(id, "/a")
		}
		r.take()
		if released != 0 {
			t.Error("released before it was sent")
		}
		r.must(r.fr.WriteWindowUpdate(1, 500))
		r.must(r.fr.WriteRSTStream(3, http2.ErrCodeCancel))
		r.must(r.fr.WriteWindowUpdate(5, maxWindow))
		r.take()
		if released != 3 {
			t.Errorf("%d released, want 3", released)
		}
		r.ask(13, plainly("HEAD", "/a")...)
		r.take()
		if released != 4 {
			t.Errorf("%d released, want 4", released)
		}
	})
	if released != 7 {
		t.Errorf("%d released, want 7", released)
	}
}

func TestAFileThatIsTooShortResetsItsStream(t *testing.T) {
	name := filepath.Join(t.TempDir(), "segment")
	if err := os.WriteFile(name, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	released := 0
	a := Answer{Head: NewHead(200, nil), File: f, Offset: 2, Length: 4, Release: func() { released++ }}
	bubble(t, rigOf{hits: table{"/short": a, "/hit": hello["/hit"]}}, func(t *testing.T, r *rig) {
		r.get(1, "/short")
		r.get(3, "/hit")
		got := strings.Join(r.take(), ", ")
		if !strings.Contains(got, "RST 1 INTERNAL_ERROR") || !strings.Contains(got, "DATA 3 5 END") || strings.Contains(got, "DATA 1") || released != 1 {
			t.Errorf("%s; %d released", got, released)
		}
	})
}

// A client that takes no table of ours is told at the next field block, once
// (RFC 7541 §4.2).
func TestASmallerTableIsAcknowledged(t *testing.T) {
	bubble(t, rigOf{hits: hello, mine: []http2.Setting{{ID: http2.SettingHeaderTableSize, Val: 0}}}, func(t *testing.T, r *rig) {
		r.get(1, "/hit")
		r.get(3, "/hit")
		r.expect("HEADERS 1 200", "DATA 1 5 END", "HEADERS 3 200", "DATA 3 5 END")
	})
	b := appendHeaders(nil, 1, emptyTable, []byte("block"), []byte("id"), true)
	if string(b) != "\x00\x00\x08\x01\x05\x00\x00\x00\x01\x20blockid" {
		t.Errorf("%q", b)
	}
}

// A field block that is larger than a frame goes on in CONTINUATIONs.
func TestALargeHeadIsSentInFrames(t *testing.T) {
	long := strings.Repeat("\x80", 40000)
	a := Answer{Head: NewHead(200, []HeadField{{"a", long}}), Body: []byte("x")}
	bubble(t, rigOf{hits: table{"/a": a}, cfg: Config{RequestID: "x-request-id"}}, func(t *testing.T, r *rig) {
		r.get(1, "/a")
		r.expect("HEADERS 1 200", "DATA 1 1 END")
		if r.heads[1]["a"] != long || len(r.heads[1]["x-request-id"]) != idLength {
			t.Error("the head is not whole")
		}
	})
}
