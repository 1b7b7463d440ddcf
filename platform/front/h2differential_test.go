package front

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// behaviours are handlers that net/http's server and ours must serve alike.
var behaviours = map[string]http.HandlerFunc{
	"/empty":   func(http.ResponseWriter, *http.Request) {},
	"/short":   func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>short") },
	"/long":    func(w http.ResponseWriter, _ *http.Request) { w.Write(bytes.Repeat([]byte("long "), 50_000)) },
	"/pieces":  func(w http.ResponseWriter, _ *http.Request) { pieces(w, false) },
	"/flushed": func(w http.ResponseWriter, _ *http.Request) { pieces(w, true) },
	"/204":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
	"/304": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"x"`)
		w.WriteHeader(304)
	},
	"/404":   http.NotFound,
	"/moved": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/short", http.StatusFound) },
	"/length": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "6")
		io.WriteString(w, "length")
	},
	"/length of HEAD": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "12345")
		if r.Method != "HEAD" {
			w.Write(make([]byte, 12345))
		}
	},
	"/fields": func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Date"] = nil
		w.Header().Add("Set-Cookie", "a=b")
		w.Header().Add("Set-Cookie", "c=d")
		w.Header().Set("Content-Type", "")
		w.Header().Set("Empty", "")
		io.WriteString(w, "x")
	},
	"/encoded": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "br")
		io.WriteString(w, "<html>")
	},
	"/hints": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</a>; rel=preload")
		w.WriteHeader(103)
		io.WriteString(w, "hinted")
	},
	"/trailers": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "A, B")
		io.WriteString(w, "begun")
		w.(http.Flusher).Flush()
		io.Copy(w, r.Body)
		w.Header().Set("A", r.Trailer.Get("Sent"))
		w.Header().Set("B", "b")
		w.Header().Set(http.TrailerPrefix+"C", "c")
	},
	"/echo": func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %d %v ", r.Method, r.RequestURI, r.ContentLength, r.Header["X"])
		io.Copy(w, r.Body)
	},
	"/ignored": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ignored") },
	"/abort":   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"/late abort": func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "begun")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	},
}

func pieces(w http.ResponseWriter, flush bool) {
	for i := range 2000 {
		io.WriteString(w, strconv.Itoa(i))
		if flush && i%100 == 0 {
			w.(http.Flusher).Flush()
		}
	}
}

func TestServesAsTheStandardServerDoes(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { behaviours[r.URL.Path](w, r) })
	ours, client, _ := serveTLS(t, nil, Limits2{}, h, false)
	theirs, standard, _ := serveTLS(t, nil, Limits2{}, h, true)
	upload := bytes.Repeat([]byte("upload "), 100_000)
	for _, path := range slices.Sorted(maps.Keys(behaviours)) {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			for _, body := range [][]byte{nil, []byte("small"), upload} {
				// What a client makes of an answer, or a reset, while it is still sending
				// is chance; and ours ends a HEAD with its handler, not its first flush.
				if body != nil && path != "/echo" && path != "/trailers" || method == "HEAD" && path == "/late abort" {
					continue
				}
				if method != "POST" && body != nil {
					continue
				}
				got, want := outcomeOf(client, method, ours+path, body), outcomeOf(standard, method, theirs+path, body)
				if got != want {
					t.Errorf("%s %s with %d bytes:\ngot  %.300s\nwant %.300s", method, path, len(body), got, want)
				}
			}
		}
	}
}

// outcomeOf is all that a client sees of an answer.
func outcomeOf(c *http.Client, method, url string, body []byte) string {
	var content io.Reader
	if body != nil {
		content = io.MultiReader(bytes.NewReader(body)) // of unknown length
	}
	req, err := http.NewRequest(method, strings.ReplaceAll(url, " ", "%20"), content)
	if err != nil {
		return err.Error()
	}
	if len(body) < 10 {
		req.ContentLength = int64(len(body))
	}
	req.Header["X"] = []string{"1", "2"}
	if body != nil {
		req.Trailer = http.Header{"Sent": {"by the client"}}
	}
	hints := ""
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		hints += fmt.Sprint(code, h)
		return nil
	}}))
	resp, err := c.Transport.RoundTrip(req)
	if err != nil {
		return fmt.Sprint("failed ", strings.Contains(err.Error(), "INTERNAL_ERROR"))
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	_, dated := resp.Header["Date"]
	resp.Header.Del("Date")
	return fmt.Sprint(hints, resp.StatusCode, resp.Header, resp.ContentLength, dated, resp.Trailer, err != nil, len(b), " ", string(b))
}
