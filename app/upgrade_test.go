package app

import (
	"io"
	"net/http"
	"testing"
)

// A change of protocol goes through to the origin (RFC 9110 §7.8): both sides then
// talk in turn over one connection, each byte as it comes.
func TestAnUpgradeGoesThrough(t *testing.T) {
	a := startBefore(t, func(*alone) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Sec-Websocket-Key") != "k" {
				http.Error(w, "no upgrade", http.StatusUpgradeRequired)
				return
			}
			conn, both, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello")
			said := make([]byte, 4)
			for {
				if _, err := io.ReadFull(both, said); err != nil {
					return
				}
				conn.Write(said)
			}
		})
	})
	for range 3 {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", a.site+"/socket", nil)
		for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-Websocket-Key": "k"} {
			r.Header.Set(name, value)
		}
		res, err := a.clients["HTTP/1.1"].RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("%d %v", res.StatusCode, res.Header)
		}
		conn := res.Body.(io.ReadWriteCloser)
		heard := make([]byte, 5)
		if _, err := io.ReadFull(conn, heard); string(heard) != "hello" || err != nil {
			t.Errorf("%q, %v", heard, err)
		}
		for _, word := range []string{"ping", "pong", "done"} {
			io.WriteString(conn, word)
			if _, err := io.ReadFull(conn, heard[:4]); string(heard[:4]) != word || err != nil {
				t.Errorf("%q came back as %q, %v", word, heard[:4], err)
			}
		}
		conn.Close()
	}
	if res, _ := a.get("HTTP/1.1", "/socket"); res.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("without an upgrade: %d", res.StatusCode)
	}
}
