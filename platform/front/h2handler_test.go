package front

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
)

func TestInformationalResponses(t *testing.T) {
	bubble(t, rigOf{handler: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</a>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusSwitchingProtocols) // there is none in HTTP/2
		w.Header().Del("Link")
		w.WriteHeader(http.StatusTeapot)
		w.WriteHeader(http.StatusOK) // too late
	}}, func(t *testing.T, r *rig) {
		r.get(1, "/")
		r.expect("HEADERS 1 103", "HEADERS 1 418 END")
		if _, ok := r.heads[1]["link"]; ok {
			t.Error("a field of the hint alone is in the response")
		}
	})
}

func TestContinueIsSentWhenTheContentIsWanted(t *testing.T) {
	bubble(t, rigOf{handler: func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wanted" {
			b, _ := io.ReadAll(r.Body)
			w.Write(b)
		}
	}}, func(t *testing.T, r *rig) {
		r.open(1, false, plainly("POST", "/wanted", "expect", "100-continue")...)
		r.expect("HEADERS 1 100")
		r.must(r.fr.WriteData(1, true, []byte("ok")))
		r.expect("HEADERS 1 200", "DATA 1 2 END")
		r.open(3, false, plainly("POST", "/refused", "expect", "100-continue")...)
		r.expect("HEADERS 3 200 END", "RST 3 NO_ERROR")
	})
}

func TestTrailersBothWays(t *testing.T) {
	bubble(t, rigOf{handler: func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "Sum, Early")
		w.Header().Set("Early", "x") // a trailer, however early it is known
		w.Header().Set("Connection", "keep-alive")
		io.WriteString(w, string(b)+" "+r.Trailer.Get("Sum"))
		w.Header().Set("Sum", "7")
		w.Header().Set(http.TrailerPrefix+"Late", "y")
		w.Header().Set("Content-Length", "1") // too late, and no trailer
		if err != nil || r.Trailer.Get("Unannounced") != "" {
			panic(err)
		}
	}}, func(t *testing.T, r *rig) {
		r.open(1, false, plainly("POST", "/", "trailer", "sum")...)
		r.must(r.fr.WriteData(1, false, []byte("a")))
		r.ask(1, "sum", "5", "unannounced", "z")
		r.expect("HEADERS 1 200", "DATA 1 3", "HEADERS 1  END")
		if got := r.heads[1]; string(r.data[1]) != "a 5" || got["sum"] != "7" || got["late"] != "y" || got["early"] != "x" || len(got) != 3 {
			t.Errorf("%q, %v", r.data[1], got)
		}
	})
}

func TestAHandlerThatFailsResetsItsStream(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"aborts": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"panics": func(http.ResponseWriter, *http.Request) { panic("oh") },
		"sends too little": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "four")
		},
		"sends less than it said, and flushes": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "four")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, rigOf{handler: func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/" {
					h(w, r)
				}
			}}, func(t *testing.T, r *rig) {
				r.get(1, "/")
				if got := r.take(); got[len(got)-1] != "RST 1 INTERNAL_ERROR" {
					t.Errorf("%q", got)
				}
				r.get(3, "/ok")
				r.expect("HEADERS 3 200 END")
			})
		})
	}
}

func TestWhatAResponseWriterRefuses(t *testing.T) {
	bubble(t, rigOf{handler: func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/304":
			w.WriteHeader(http.StatusNotModified)
			if _, err := w.Write([]byte("x")); !errors.Is(err, http.ErrBodyNotAllowed) {
				t.Error(err)
			}
		case "/long":
			w.Header().Set("Content-Length", "2")
			if _, err := w.Write([]byte("xyz")); !errors.Is(err, http.ErrContentLength) {
				t.Error(err)
			}
			io.WriteString(w, "xy")
		case "/fields":
			w.Header().Set("Connection", "keep-alive")
			w.Header().Set("Transfer-Encoding", "chunked")
			w.Header()["Bad\r\nName"] = []string{"x"}
			w.Header().Set("Bad-Value", "x\r\ny: z")
			w.Header().Set("Spaced", " x ")
		}
	}}, func(t *testing.T, r *rig) {
		r.get(1, "/304")
		r.expect("HEADERS 1 304 END")
		r.get(3, "/long")
		r.expect("HEADERS 3 200", "DATA 3 2 END")
		r.get(5, "/fields")
		r.expect("HEADERS 5 200 END")
		got := r.heads[5]
		delete(got, "date")
		if len(got) != 3 || got["spaced"] != "x" || got["content-length"] != "0" {
			t.Errorf("%q", got)
		}
	})
}

func TestAContextEndsWithItsStreamAndConnection(t *testing.T) {
	var ended []string
	bubble(t, rigOf{handler: func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		_, werr := w.Write(make([]byte, 1<<20))
		_, rerr := r.Body.Read(make([]byte, 1))
		ended = append(ended, r.URL.Path)
		if werr == nil || rerr == nil {
			t.Errorf("%s: %v, %v", r.URL.Path, werr, rerr)
		}
	}}, func(t *testing.T, r *rig) {
		r.open(1, false, plainly("POST", "/reset")...)
		r.must(r.fr.WriteRSTStream(1, http2.ErrCodeCancel))
		r.take()
		if len(ended) != 1 {
			t.Errorf("%q", ended)
		}
		r.open(3, false, plainly("POST", "/gone")...)
		r.take()
		r.conn.Close()
		synctest.Wait()
		if len(ended) != 2 {
			t.Errorf("%q", ended)
		}
	})
}

func TestDeadlinesOfAHandler(t *testing.T) {
	bubble(t, rigOf{handler: func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		if err := rc.EnableFullDuplex(); err != nil {
			t.Error(err)
		}
		switch r.URL.Path {
		case "/read":
			rc.SetReadDeadline(time.Now().Add(time.Second))
			if _, err := io.ReadAll(r.Body); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error(err)
			}
			rc.SetReadDeadline(time.Time{})
			b := make([]byte, 1)
			if _, err := io.ReadFull(r.Body, b); err != nil {
				t.Error(err)
			}
			w.Write(b)
		case "/write":
			rc.SetWriteDeadline(time.Now().Add(time.Second))
			if _, err := w.Write(make([]byte, 1<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error(err)
			}
		case "/in time":
			rc.SetWriteDeadline(time.Now().Add(time.Second))
			rc.SetReadDeadline(time.Now().Add(time.Second))
		}
	}}, func(t *testing.T, r *rig) {
		r.open(1, false, plainly("POST", "/read")...)
		r.pass(time.Second)
		r.expect()
		r.must(r.fr.WriteData(1, true, []byte("x")))
		r.expect("HEADERS 1 200", "DATA 1 1 END")
		r.get(3, "/write")
		r.take()
		r.pass(time.Second)
		r.expect("RST 3 INTERNAL_ERROR")
		r.get(5, "/in%20time")
		r.expect("HEADERS 5 200 END")
		r.pass(time.Hour)
		if _, reset := r.reset[5]; reset {
			t.Error("a deadline outlived its request")
		}
	})
}

func TestFlushSendsWhatThereIs(t *testing.T) {
	goOn := make(chan bool)
	bubble(t, rigOf{handler: func(w http.ResponseWriter, _ *http.Request) {
		rc := http.NewResponseController(w)
		for range 3 {
			io.WriteString(w, "a")
			io.WriteString(w, "b")
			if err := rc.Flush(); err != nil {
				t.Error(err)
			}
			<-goOn
		}
	}}, func(t *testing.T, r *rig) {
		goOn = make(chan bool)
		r.get(1, "/")
		r.expect("HEADERS 1 200", "DATA 1 2")
		goOn <- true
		r.expect("DATA 1 2")
		goOn <- true
		r.expect("DATA 1 2")
		goOn <- true
		r.expect("DATA 1 0 END")
	})
}

func TestAnAnswerToContentThatNobodyReads(t *testing.T) {
	bubble(t, rigOf{handler: func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "no") }}, func(t *testing.T, r *rig) {
		r.open(1, false, plainly("POST", "/")...)
		r.expect("HEADERS 1 200", "DATA 1 2 END", "RST 1 NO_ERROR")
		r.must(r.fr.WriteData(1, true, []byte("was under way")))
		r.get(3, "/")
		r.expect("HEADERS 3 200", "DATA 3 2 END")
	})
}

func TestAHandlerSeesTheRequest(t *testing.T) {
	type key struct{}
	seen := make(chan *http.Request, 1)
	bubble(t, rigOf{handler: func(_ http.ResponseWriter, r *http.Request) {
		seen <- r.Clone(context.WithValue(r.Context(), key{}, 1))
	}}, func(t *testing.T, r *rig) {
		seen = make(chan *http.Request, 1)
		r.ask(1, plainly("GET", "/a%20b?c=d", "cookie", "a=b", "accept", "x", "cookie", "c=d", "accept", "y", "te", "trailers")...)
		r.take()
		q := <-seen
		if q.Method != "GET" || q.URL.Path != "/a b" || q.URL.RawQuery != "c=d" || q.RequestURI != "/a%20b?c=d" || q.Host != "shop.example" || q.ProtoMajor != 2 ||
			q.Header.Get("Cookie") != "a=b; c=d" || strings.Join(q.Header["Accept"], "|") != "x|y" || q.Header.Get("Te") != "trailers" || q.ContentLength != 0 || q.Body != http.NoBody || q.RemoteAddr == "" {
			t.Errorf("%+v", q)
		}
	})
}

func TestABrokenURLIsRefused(t *testing.T) {
	bubble(t, rigOf{}, func(t *testing.T, r *rig) {
		r.get(1, "/%zz")
		r.expect("HEADERS 1 400 END")
	})
}
