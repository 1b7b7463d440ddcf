package objectstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"meridian/test/s3test"
	"meridian/world"
)

// Credentials that the policy does not name, wrong ones and none at all are
// refused at start, each with a sentence that has no secret in it.
func TestABucketIsOpenedByItsOwnCredentialsOnly(t *testing.T) {
	b, other := newBucket(t), newBucket(t)
	other.Policy(t, leastPolicy(t, other.Name, other.Strange.Access)) // the resident one, say
	wrong := s3test.Account{Access: b.Mine.Access, Secret: "not-the-secret"}
	for name, l := range map[string]Location{
		"a stranger":          locationOf(t, b, b.Strange),
		"a wrong secret":      locationOf(t, b, wrong),
		"the public one's":    locationOf(t, other, b.Mine),
		"no such bucket":      {URL: strings.Replace(locationOf(t, b, b.Mine).URL, b.Name, "no-such-bucket", 1), Credentials: locationOf(t, b, b.Mine).Credentials, Connect: time.Second, Silence: time.Minute, Attempts: 1},
		"no such file":        {URL: locationOf(t, b, b.Mine).URL, Credentials: "file:/no/such/file", Connect: time.Second, Silence: time.Minute, Attempts: 1},
		"no such profile":     {URL: locationOf(t, b, b.Mine).URL, Credentials: locationOf(t, b, b.Mine).Credentials + "#other", Connect: time.Second, Silence: time.Minute, Attempts: 1},
		"no such variables":   {URL: locationOf(t, b, b.Mine).URL, Credentials: "env:MERIDIAN_TEST_NOBODY", Connect: time.Second, Silence: time.Minute, Attempts: 1},
		"a secret in the URL": {URL: "s3://key:secret@" + b.Name + "?region=x", Connect: time.Second, Silence: time.Minute, Attempts: 1},
	} {
		s, err := Open(ctx, l)
		if !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v, %v", name, s, err)
		}
		for _, secret := range []string{b.Mine.Secret, b.Strange.Secret, "not-the-secret", "key:secret"} {
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error tells a secret: %v", name, err)
			}
		}
	}
	t.Setenv("MERIDIAN_TEST_MINE_ACCESS_KEY_ID", b.Mine.Access)
	t.Setenv("MERIDIAN_TEST_MINE_SECRET_ACCESS_KEY", b.Mine.Secret)
	l := locationOf(t, b, b.Mine)
	l.Credentials = "env:MERIDIAN_TEST_MINE"
	s, err := Open(ctx, l)
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "tests/a", "cake")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// openOnce is a store that asks once.
func openOnce(t *testing.T, b *s3test.Bucket) *Store {
	t.Helper()
	l := locationOf(t, b, b.Mine)
	l.Attempts = 1
	s, err := Open(ctx, l)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What an S3 store answers becomes one of our codes.
func TestWhatAStoreAnswers(t *testing.T) {
	b := newBucket(t)
	s := openOnce(t, b)
	defer s.Close()
	put(t, s, "tests/a", "before")
	for _, c := range []struct {
		status int
		name   string
		code   world.Code
	}{
		{507, "XMinioStorageFull", world.CodeFull},
		{400, "QuotaExceeded", world.CodeFull},
		{503, "SlowDown", world.CodeUnavailable},
		{500, "InternalError", world.CodeUnavailable},
		{502, "", world.CodeUnavailable},
		{403, "AccessDenied", world.CodeInternal},
		{404, "NoSuchBucket", world.CodeInternal},
		{412, "PreconditionFailed", world.CodeConflict},
	} {
		b.Fault(t, func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(c.status)
			if c.name != "" {
				fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", c.name)
			}
			return true
		})
		_, putErr := s.Put(ctx, "tests/a", strings.NewReader("after"), PutOptions{})
		_, _, getErr := s.Get(ctx, "tests/a")
		var listErr error
		for _, err := range s.List(ctx, "", "") {
			listErr = err
		}
		for what, err := range map[string]error{"Put": putErr, "Get": getErr, "List": listErr} {
			if !world.Is(err, c.code) {
				t.Errorf("%d %s: %s = %v, want %s", c.status, c.name, what, err, c.code)
			}
		}
	}
	b.Fault(t, nil)
	holds(t, s, "tests/a", "before")
}

// A failure that passes is not seen by who asks.
func TestAPassingFailureIsTriedAgain(t *testing.T) {
	b := newBucket(t)
	s := openBucket(t, b)
	defer s.Close()
	var asked atomic.Int64
	b.Fault(t, func(w http.ResponseWriter, r *http.Request) bool {
		if asked.Add(1) > 1 {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	put(t, s, "tests/a", "cake")
	if asked.Load() != 2 {
		t.Errorf("asked %d times, want 2", asked.Load())
	}
}

// heard asks until the answer came within a short limit of silence: the machine
// itself may have been silent for so long.
func heard(t *testing.T, ask func() error) {
	t.Helper()
	err := ask()
	for tries := 1; tries < 50 && world.Is(err, world.CodeTimeout); tries++ {
		err = ask()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A store that falls silent, before an answer or in the middle of one, costs
// who asks no more than the limit; here that is the test's whole wait.
func TestASilentStoreIsGivenUp(t *testing.T) {
	b := newBucket(t)
	patient := openBucket(t, b)
	defer patient.Close()
	put(t, patient, "tests/a", "cake")
	l := locationOf(t, b, b.Mine)
	l.Silence, l.Attempts = 100*time.Millisecond, 1
	var s *Store
	heard(t, func() (err error) { s, err = Open(ctx, l); return err })
	defer s.Close()
	b.Fault(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet {
			w.Header().Set("Content-Length", "100000")
			w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
		return true
	})
	var r io.ReadCloser
	heard(t, func() (err error) { r, _, err = s.Get(ctx, "tests/a"); return err })
	_, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); !world.Is(err, world.CodeTimeout) {
		t.Errorf("silent in the middle: %v", err)
	}
	if _, err := s.Stat(ctx, "tests/a"); !world.Is(err, world.CodeTimeout) {
		t.Errorf("silent from the beginning: %v", err)
	}
	soon, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if err := s.Delete(soon, "tests/a"); !world.Is(err, world.CodeTimeout) {
		t.Errorf("with a context that ends sooner: %v", err)
	}
}

func TestAStoreThatIsAwayIsUnavailable(t *testing.T) {
	b := newBucket(t)
	l := locationOf(t, b, b.Mine)
	l.URL = strings.Replace(l.URL, b.Endpoint, "http://127.0.0.1:1", 1)
	l.Attempts = 1
	if _, err := Open(ctx, l); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("Open = %v", err)
	}
}

// What a writer that was killed has left in a bucket costs money and is listed
// nowhere; the sweep ends it.
func TestSweepEndsUploadsThatWereLeft(t *testing.T) {
	b := newBucket(t)
	s := openBucket(t, b)
	defer s.Close()
	key := "tests/left"
	if _, err := b.Owner.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &b.Name, Key: &key}); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Sweep(ctx, time.Now().Add(-time.Hour)); err != nil || n != 0 {
		t.Errorf("Sweep of what is older than an hour = %d, %v", n, err)
	}
	if n, err := s.Sweep(ctx, time.Now().Add(time.Hour)); err != nil || n != 1 {
		t.Errorf("Sweep = %d, %v; want 1", n, err)
	}
	left, err := b.Owner.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &b.Name})
	if err != nil || len(left.Uploads) != 0 {
		t.Errorf("%d left, %v", len(left.Uploads), err)
	}
}

func TestLocationsThatAreRefused(t *testing.T) {
	for says, l := range map[string]Location{
		"url":           {},
		"begins with":   {URL: "https://example.com/bucket"},
		"takes none":    {URL: "/var/lib/x", Credentials: "env:X"},
		"needs region":  {URL: "s3://b"},
		"unknown":       {URL: "s3://b?region=r&endpiont=https://e"},
		"more than":     {URL: "s3://b?region=r&region=s"},
		"https://":      {URL: "s3://b?region=r&endpoint=http://objects.example"},
		"without user":  {URL: "s3://b?region=r&endpoint=https://u:p@objects.example"},
		"or fragment":   {URL: "s3://b/folder?region=r"},
		"true or false": {URL: "s3://b?region=r&path_style=maybe"},
		"file:/path":    {URL: "s3://b?region=r", Credentials: "AKIASECRET"},
	} {
		l.Connect, l.Silence, l.Attempts = time.Second, time.Second, 1
		if err := l.Validate(); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "AKIASECRET") {
			t.Errorf("%q: %v, want it to say %q", l.URL, err, says)
		}
	}
	for _, url := range []string{
		"/var/lib/x", "s3://b?region=r", "s3://b?region=r&endpoint=https://objects.example:9000&path_style=false&checksums=false",
		"s3://b?region=r&endpoint=http://127.0.0.1:9000", "s3://b?region=r&endpoint=http://objects.example&clear=true",
	} {
		l := DefaultLocation()
		l.URL = url
		if err := l.Validate(); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	l := DefaultLocation()
	l.URL, l.Silence = "s3://b?region=r", 0
	if err := l.Validate(); !world.Is(err, world.CodeInvalid) {
		t.Errorf("no limit of silence: %v", err)
	}
	l.Silence, l.Attempts = time.Second, 0
	if err := l.Validate(); !world.Is(err, world.CodeInvalid) {
		t.Errorf("no attempt: %v", err)
	}
}

func TestStoresThatAreNotApart(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(dir+"/a", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir+"/a", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	at := func(url, credentials string) Location {
		l := DefaultLocation()
		l.URL, l.Credentials = url, credentials
		return l
	}
	for _, c := range []struct {
		public, resident Location
		apart            bool
	}{
		{at(dir+"/a", ""), at(dir+"/b", ""), true},
		{at(dir+"/a", ""), at(dir+"/ab", ""), true},
		{at(dir+"/a", ""), at(dir+"/x/../a/", ""), false},
		{at(dir+"/a", ""), at(dir+"/link", ""), false},
		{at(dir+"/a", ""), at(dir+"/link/not/there", ""), false},
		{at(dir+"/a/b/c", ""), at(dir+"/link", ""), false},
		{at(dir+"/new", ""), at(dir+"/new", ""), false},
		{at(dir+"/a", ""), at("s3://b?region=r", "env:R"), true},
		{at("s3://a?region=r", ""), at("s3://b?region=r", "env:R"), true},
		{at("s3://a?region=r", ""), at("s3://b?region=r", ""), false},
		{at("s3://a?region=r", "env:P"), at("s3://b?region=r", "env:P"), false},
		{at("s3://a?region=r", "env:P"), at("s3://a?region=s", "env:R"), false},
		{at("s3://a?region=r&endpoint=https://one.example", "env:P"), at("s3://a?region=r&endpoint=https://two.example", "env:R"), false},
	} {
		err := Apart(c.public, c.resident)
		if (err == nil) != c.apart || err != nil && !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s and %s: %v", c.public.URL, c.resident.URL, err)
		}
	}
}

func FuzzLocation(f *testing.F) {
	for _, url := range []string{"", "/a", "s3://b?region=r", "s3://b?region=r&endpoint=http://[::1]:9", "s3://%zz", "s3://b?region=r&endpoint=https://a/b?c#d", "s3://a@b:1/c?d;e"} {
		f.Add(url, "file:/x#y")
	}
	f.Fuzz(func(t *testing.T, url, credentials string) {
		l := DefaultLocation()
		l.URL, l.Credentials = url, credentials
		err := l.Validate()
		if err != nil && !world.Is(err, world.CodeInvalid) {
			t.Fatalf("%v", err)
		}
		if err == nil && l.isBucket() {
			if b, err := l.bucket(); err != nil || b.bucket == "" || b.region == "" || strings.ContainsAny(b.bucket, "/@?#") {
				t.Fatalf("%+v, %v", b, err)
			}
		}
	})
}
