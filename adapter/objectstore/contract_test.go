package objectstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"gocloud.dev/blob/memblob"
	"pgregory.net/rapid"

	"meridian/engine/imagegrid"
	"meridian/test/s3test"
	"meridian/world"
)

var ctx = context.Background()

// stores are all the stores there are. One more needs one more line: the
// contract below is run over each.
var stores = map[string]func(t *testing.T) *Store{
	"directory": func(t *testing.T) *Store { return openDir(t, t.TempDir()) },
	"memory":    func(*testing.T) *Store { return Over(memblob.OpenBucket(nil)) },
	"s3":        func(t *testing.T) *Store { return openBucket(t, newBucket(t)) },
}

func openDir(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := OpenDir(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func overEach(t *testing.T, f func(t *testing.T, s *Store)) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			f(t, s)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func sum(data string) string {
	h := sha256.Sum256([]byte(data))
	return hex.EncodeToString(h[:])
}

func original(t *testing.T, data string) string {
	t.Helper()
	key, err := OriginalKey(sum(data))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func put(t *testing.T, s *Store, key, data string) {
	t.Helper()
	if n, err := s.Put(ctx, key, strings.NewReader(data), PutOptions{}); err != nil || n != int64(len(data)) {
		t.Fatalf("Put(%s) = %d, %v", key, n, err)
	}
}

// holds fails unless key holds data, or nothing for absent.
func holds(t *testing.T, s *Store, key, data string) {
	t.Helper()
	r, info, err := s.Get(ctx, key)
	if data == absent {
		if !world.Is(err, world.CodeNotFound) {
			t.Errorf("Get(%s) = %v, want not_found", key, err)
		}
		if _, err := s.Stat(ctx, key); !world.Is(err, world.CodeNotFound) {
			t.Errorf("Stat(%s) = %v, want not_found", key, err)
		}
		return
	}
	if err != nil {
		t.Fatalf("Get(%s) = %v", key, err)
	}
	got, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil || string(got) != data {
		t.Errorf("%s holds %.40q, %v; want %.40q", key, got, err, data)
	}
	stat, err := s.Stat(ctx, key)
	if err != nil || stat.Modified.Sub(info.Modified).Abs() >= time.Second {
		t.Errorf("Stat(%s) = %+v, %v; Get says %+v", key, stat, err, info)
	}
	info.Modified = stat.Modified // some stores have a second's grain in one of them
	if stat != info || info.Size != int64(len(data)) || info.Key != key {
		t.Errorf("Stat(%s) = %+v, %v; Get says %+v", key, stat, err, info)
	}
}

const absent = "\x00absent"

func keys(t *testing.T, s *Store, prefix string) (all []string) {
	t.Helper()
	for info, err := range s.List(ctx, prefix, "") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, info.Key)
	}
	return all
}

func TestWhatIsPutIsGot(t *testing.T) {
	overEach(t, func(t *testing.T, s *Store) {
		for _, data := range []string{"", "cake", strings.Repeat("0123456789", 100_000)} {
			key := original(t, data)
			holds(t, s, key, absent)
			put(t, s, key, data)
			holds(t, s, key, data)
			put(t, s, key, data) // again is fine
			holds(t, s, key, data)
			if info, err := s.Stat(ctx, key); err != nil || info.SHA256 != sum(data) || info.MediaType != "" {
				t.Errorf("Stat = %+v, %v", info, err)
			}
		}
		key, err := VariantKey(imagegrid.Request{App: "shop", MediaID: "0123456789abcdef", Version: 2, Format: imagegrid.AVIF, Width: 640})
		if err != nil || key != "variants/shop/0123456789abcdef/v2/avif/640x0" {
			t.Fatalf("VariantKey = %q, %v", key, err)
		}
		put(t, s, key, "first")
		put(t, s, key, "second, made anew")
		holds(t, s, key, "second, made anew")
		if info, err := s.Stat(ctx, key); err != nil || info.MediaType != "image/avif" || info.SHA256 != "" {
			t.Errorf("Stat = %+v, %v", info, err)
		}
	})
}

func TestWhatFailsLeavesWhatWasThere(t *testing.T) {
	broken := errors.New("the visitor hung up")
	gone, cancel := context.WithCancel(ctx)
	cancel()
	overEach(t, func(t *testing.T, s *Store) {
		for name, c := range map[string]struct {
			ctx  context.Context
			r    func() io.Reader
			want PutOptions
			code world.Code
		}{
			"wrong sum":     {ctx, func() io.Reader { return strings.NewReader("tampered") }, PutOptions{SHA256: sum("what was sent")}, world.CodeUnprocessed},
			"cut short":     {ctx, func() io.Reader { return strings.NewReader("what was") }, PutOptions{SHA256: sum("what was sent")}, world.CodeUnprocessed},
			"sum malformed": {ctx, func() io.Reader { return strings.NewReader("x") }, PutOptions{SHA256: "ABC"}, world.CodeInvalid},
			"too large":     {ctx, func() io.Reader { return strings.NewReader("12345") }, PutOptions{MaxBytes: 4}, world.CodeTooLarge},
			"reader fails":  {ctx, func() io.Reader { return io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)) }, PutOptions{}, world.CodeInternal},
			"reader's code": {ctx, func() io.Reader { return iotest.ErrReader(world.E(world.CodeTimeout, "upload", "")) }, PutOptions{}, world.CodeTimeout},
			"context over":  {gone, func() io.Reader { return strings.NewReader("late") }, PutOptions{}, world.CodeUnavailable},
		} {
			for _, before := range []string{absent, "what was there"} {
				key := "tests/" + strings.ReplaceAll(strings.ReplaceAll(name, " ", "-"), "'", "") + "/" + fmt.Sprint(len(before))
				if before != absent {
					put(t, s, key, before)
				}
				n, err := s.Put(c.ctx, key, c.r(), c.want)
				if !world.Is(err, c.code) || n != 0 {
					t.Errorf("%s: %d, %v; want %s", name, n, err, c.code)
				}
				if name == "reader fails" && before == absent && !errors.Is(err, broken) {
					t.Errorf("%s: the cause is lost in %v", name, err)
				}
				holds(t, s, key, before)
			}
		}
		if got := keys(t, s, ""); len(got) != 7 {
			t.Errorf("the store lists %q, want the 7 objects that were there", got)
		}
	})
}

func TestAWrongSumMayBeRetried(t *testing.T) {
	s := stores["memory"](t)
	_, err := s.Put(ctx, original(t, "a"), strings.NewReader("b"), PutOptions{})
	var e *world.Error
	if !errors.As(err, &e) || !e.Retry || e.Code != world.CodeUnprocessed {
		t.Errorf("Put = %v", err)
	}
}

func TestMaxBytesHoldsAtItsEdge(t *testing.T) {
	overEach(t, func(t *testing.T, s *Store) {
		if n, err := s.Put(ctx, "tests/a", strings.NewReader("1234"), PutOptions{MaxBytes: 4}); err != nil || n != 4 {
			t.Errorf("at the limit: %d, %v", n, err)
		}
		if _, err := s.Put(ctx, "tests/a", strings.NewReader("12345"), PutOptions{MaxBytes: 4}); !world.Is(err, world.CodeTooLarge) {
			t.Errorf("beyond the limit: %v", err)
		}
	})
}

func TestAnOriginalIsHeldToItsKey(t *testing.T) {
	overEach(t, func(t *testing.T, s *Store) {
		key := original(t, "cake")
		if _, err := s.Put(ctx, key, strings.NewReader("pie"), PutOptions{}); !world.Is(err, world.CodeUnprocessed) {
			t.Errorf("other bytes: %v", err)
		}
		if _, err := s.Put(ctx, key, strings.NewReader("pie"), PutOptions{SHA256: sum("pie")}); !world.Is(err, world.CodeInvalid) {
			t.Errorf("another sum: %v", err)
		}
		holds(t, s, key, absent)
	})
}

func TestKeysThatAreRefused(t *testing.T) {
	overEach(t, func(t *testing.T, s *Store) {
		for _, key := range []string{
			"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a.tmp", "a.attrs", `a\b`, "a b", "A", "é", "a\x00", "a%2fb",
			strings.Repeat("a", MaxNameLength+1), strings.Repeat("a/", MaxKeyLength/2) + "aa",
			"originals/sha256/ab/cd/short", "originals/sha256/00/00/" + sum("cake"), "originals/sha256/" + sum("cake"),
		} {
			_, putErr := s.Put(ctx, key, strings.NewReader("x"), PutOptions{})
			_, _, getErr := s.Get(ctx, key)
			_, statErr := s.Stat(ctx, key)
			for what, err := range map[string]error{"Put": putErr, "Get": getErr, "Stat": statErr, "Delete": s.Delete(ctx, key)} {
				if !world.Is(err, world.CodeInvalid) {
					t.Errorf("%s(%.40q) = %v, want invalid", what, key, err)
				}
			}
		}
		put(t, s, strings.Repeat("b", MaxNameLength), "at the limit")
		put(t, s, strings.Repeat("a/", MaxKeyLength/2)+"a", "at the limit")
		for _, prefix := range []string{"/", "..", "a//", "A", "x.tmp"} {
			for _, err := range s.List(ctx, prefix, "") {
				if !world.Is(err, world.CodeInvalid) {
					t.Errorf("List(%q) = %v, want invalid", prefix, err)
				}
			}
		}
	})
}

func TestListAndDelete(t *testing.T) {
	overEach(t, func(t *testing.T, s *Store) {
		for _, key := range []string{"v/b/2", "v/a/1", "v/b/10", "w/1", "v-x/1"} {
			put(t, s, key, key)
		}
		if got, want := keys(t, s, "v/"), []string{"v/a/1", "v/b/10", "v/b/2"}; !slices.Equal(got, want) {
			t.Errorf("List(v/) = %q, want %q", got, want)
		}
		if got, want := keys(t, s, "v/b/1"), []string{"v/b/10"}; !slices.Equal(got, want) {
			t.Errorf("List(v/b/1) = %q, want %q", got, want)
		}
		for range s.List(ctx, "v", "") {
			break // a reader may stop early
		}
		for range 2 { // a delete can be repeated
			if err := s.Delete(ctx, "v/b/10"); err != nil {
				t.Error(err)
			}
		}
		holds(t, s, "v/b/10", absent)
		if got, want := keys(t, s, ""), []string{"v-x/1", "v/a/1", "v/b/2", "w/1"}; !slices.Equal(got, want) {
			t.Errorf("List() = %q, want %q", got, want)
		}
		if got := keys(t, s, "nothing/here/"); got != nil {
			t.Errorf("List of nothing = %q", got)
		}
	})
}

func TestAReaderKeepsWhatItOpened(t *testing.T) {
	overEach(t, func(t *testing.T, s *Store) {
		old := strings.Repeat("old", 50_000)
		put(t, s, "tests/a", old)
		r, _, err := s.Get(ctx, "tests/a")
		if err != nil {
			t.Fatal(err)
		}
		put(t, s, "tests/a", "new")
		if err := s.Delete(ctx, "tests/a"); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil || string(got) != old {
			t.Errorf("the open reader gives %.20q…, %v", got, err)
		}
	})
}

func TestManyPutTheSameKeyAtOnce(t *testing.T) {
	overEach(t, func(t *testing.T, s *Store) {
		if s.s3 != nil && !s3test.Atomic() {
			t.Skip("the test's server does not replace objects at once on this file system")
		}
		a, b := strings.Repeat("a", 70_000), strings.Repeat("b", 90_000)
		put(t, s, "tests/a", a)
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				if i%3 == 2 {
					put(t, s, "tests/a", []string{a, b}[i%2])
					return
				}
				r, _, err := s.Get(ctx, "tests/a")
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(r)
				if err = errors.Join(err, r.Close()); err != nil || (string(got) != a && string(got) != b) {
					t.Errorf("a mixture of %d bytes, %v", len(got), err)
				}
			})
		}
		wg.Wait()
	})
}

// TestStoresBehaveLikeAMap runs random operations on each store beside a map.
func TestStoresBehaveLikeAMap(t *testing.T) {
	overEach(t, func(t *testing.T, s *Store) {
		rapid.Check(t, func(rt *rapid.T) {
			model := map[string]string{}
			for key := range s.List(ctx, "", "") { // the case before this one
				if err := s.Delete(ctx, key.Key); err != nil {
					rt.Fatal(err)
				}
			}
			key := rapid.SampledFrom([]string{"a/1", "a/2", "b/1", "a-b"})
			data := rapid.SampledFrom([]string{"", "x", "yy"})
			for range rapid.IntRange(1, 8).Draw(rt, "steps") {
				k := key.Draw(rt, "key")
				switch rapid.IntRange(0, 2).Draw(rt, "step") {
				case 0:
					d := data.Draw(rt, "data")
					if _, err := s.Put(ctx, k, strings.NewReader(d), PutOptions{SHA256: sum(d)}); err != nil {
						rt.Fatal(err)
					}
					model[k] = d
				case 1:
					if _, err := s.Put(ctx, k, strings.NewReader("bad"), PutOptions{SHA256: sum("good")}); err == nil {
						rt.Fatal("bad bytes were taken")
					}
				case 2:
					if err := s.Delete(ctx, k); err != nil {
						rt.Fatal(err)
					}
					delete(model, k)
				}
			}
			got := map[string]string{}
			for info, err := range s.List(ctx, "", "") {
				if err != nil {
					rt.Fatal(err)
				}
				r, _, err := s.Get(ctx, info.Key)
				if err != nil {
					rt.Fatal(err)
				}
				b, err := io.ReadAll(r)
				if err = errors.Join(err, r.Close()); err != nil {
					rt.Fatal(err)
				}
				got[info.Key] = string(b)
			}
			if fmt.Sprint(got) != fmt.Sprint(model) {
				rt.Fatalf("the store holds %v, want %v", got, model)
			}
		})
	})
}

func FuzzCheckKey(f *testing.F) {
	for _, s := range []string{"a", "", "a/b", "../a", "originals/sha256/ab/cd/x", "variants/shop", "a.tmp", "/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if checkKey("fuzz", key) != nil {
			return
		}
		if strings.ContainsAny(key, ".\\\x00 ") || strings.HasPrefix(key, "/") || len(key) > MaxKeyLength {
			t.Fatalf("%q passes", key)
		}
		if id := contentID(key); id != "" {
			if back, err := OriginalKey(id); err != nil || back != key {
				t.Fatalf("%q has the content id %s, whose key is %q", key, id, back)
			}
		}
		_ = mediaType(key)
	})
}

func TestKeysAreBuiltFromGoodPartsOnly(t *testing.T) {
	for _, sha := range []string{"", "abc", strings.ToUpper(sum("x")), sum("x") + "00", strings.Repeat("g", 64)} {
		if key, err := OriginalKey(sha); !world.Is(err, world.CodeInvalid) {
			t.Errorf("OriginalKey(%q) = %q, %v", sha, key, err)
		}
	}
	if key, err := VariantKey(imagegrid.Request{App: "a", MediaID: "0123456789abcdef", Version: 1, Format: imagegrid.Auto, Width: 1}); !world.Is(err, world.CodeInvalid) {
		t.Errorf("VariantKey of auto = %q, %v", key, err)
	}
	x := bytes.Repeat([]byte("z"), 32)
	longest, err := VariantKey(imagegrid.Request{App: string(x), MediaID: "zzzzzzzzzzzzzzzz", Version: imagegrid.MaxVersion, Format: imagegrid.JPEG, Width: imagegrid.MaxDimension, Height: imagegrid.MaxDimension})
	if err != nil || checkKey("test", longest) != nil {
		t.Errorf("the longest variant's key %q is refused: %v", longest, err)
	}
}
