package httpserver

import (
	"bufio"
	"net/http"
	"testing"
	"time"
)

func TestLinesComeOneByOne(t *testing.T) {
	next := make(chan struct{})
	_, url := start(t, func(w http.ResponseWriter, _ *http.Request) {
		l := NewLines(w, time.Now, time.Minute)
		if l.Begun() {
			t.Error("it has begun before the first line")
		}
		if err := l.Send([]byte("one")); err != nil || !l.Begun() {
			t.Errorf("the first line: %v", err)
		}
		<-next
		if err := l.Send([]byte("two"), []byte("three")); err != nil {
			t.Errorf("the next: %v", err)
		}
	})
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.Header.Get("Content-Type") != "application/x-ndjson" || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", res.Header)
	}
	lines := bufio.NewScanner(res.Body)
	for _, want := range []string{"one", "two", "three"} {
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("%q, %v; want %q", lines.Text(), lines.Err(), want)
		}
		if want == "one" {
			close(next)
		}
	}
}

// A handler of long lines that nobody reads does not wait for ever.
func TestALineThatNobodyTakesEndsIt(t *testing.T) {
	ended := make(chan error, 1)
	_, url := start(t, func(w http.ResponseWriter, _ *http.Request) {
		l := NewLines(w, time.Now, 50*time.Millisecond)
		for {
			if err := l.Send(make([]byte, 1<<20)); err != nil {
				ended <- err
				return
			}
		}
	})
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := <-ended; err == nil {
		t.Error("it ended without an error")
	}
}
