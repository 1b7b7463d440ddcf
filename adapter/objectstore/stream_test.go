package objectstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"meridian/world"
)

func TestPutIfAbsent(t *testing.T) {
	overEach(t, func(t *testing.T, s *Store) {
		if n, err := s.Put(ctx, "tests/a", strings.NewReader("first"), PutOptions{IfAbsent: true}); err != nil || n != 5 {
			t.Fatalf("Put = %d, %v", n, err)
		}
		if _, err := s.Put(ctx, "tests/a", strings.NewReader("second"), PutOptions{IfAbsent: true}); !world.Is(err, world.CodeConflict) {
			t.Errorf("Put where there is one = %v, want conflict", err)
		}
		holds(t, s, "tests/a", "first")
		if err := s.Delete(ctx, "tests/a"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Put(ctx, "tests/a", strings.NewReader("third"), PutOptions{IfAbsent: true}); err != nil {
			t.Errorf("Put after Delete = %v", err)
		}
		holds(t, s, "tests/a", "third")
	})
}

// Of many that put at once if absent, one is told that it has, and its bytes stay.
func TestOneOfManyIsFirst(t *testing.T) {
	overEach(t, func(t *testing.T, s *Store) {
		var mu sync.Mutex
		var first []string
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				data := fmt.Sprint("writer ", i)
				_, err := s.Put(ctx, "tests/a", strings.NewReader(data), PutOptions{IfAbsent: true})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					first = append(first, data)
				} else if !world.Is(err, world.CodeConflict) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if len(first) != 1 {
			t.Fatalf("%d were told that they put it: %q", len(first), first)
		}
		holds(t, s, "tests/a", first[0])
	})
}

func TestReadingAnywhere(t *testing.T) {
	overEach(t, func(t *testing.T, s *Store) {
		data := strings.Repeat("0123456789", 30_000)
		put(t, s, "tests/a", data)
		r, info, err := s.Get(ctx, "tests/a")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		at := func(offset int64, whence int, want string) {
			t.Helper()
			if _, err := r.Seek(offset, whence); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, len(want))
			if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
				t.Errorf("at %d, %d: %q, %v; want %q", offset, whence, got, err, want)
			}
		}
		at(0, io.SeekStart, "0123")
		at(0, io.SeekCurrent, "4567")
		at(-3, io.SeekEnd, "789")
		at(100_003, io.SeekStart, "345")
		at(-3, io.SeekCurrent, "3")
		if end, err := r.Seek(5, io.SeekEnd); err != nil || end != info.Size+5 {
			t.Errorf("Seek behind the end = %d, %v", end, err)
		}
		if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("Read behind the end = %d, %v", n, err)
		}
		if _, err := r.Seek(-1, io.SeekStart); err == nil {
			t.Error("a seek to before the beginning is taken")
		}
		at(1, io.SeekStart, "1234")
	})
}

// One that is replaced is read on as it was, or not at all.
func TestAReplacedObjectIsNeverMixed(t *testing.T) {
	overEach(t, func(t *testing.T, s *Store) {
		old := strings.Repeat("o", 40_000)
		put(t, s, "tests/a", old)
		r, _, err := s.Get(ctx, "tests/a")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		put(t, s, "tests/a", strings.Repeat("n", 40_000))
		if _, err := r.Seek(20_000, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if world.Is(err, world.CodeConflict) && len(got) == 0 {
			return
		}
		if err != nil || string(got) != old[20_000:] {
			t.Errorf("%d bytes, %.10q…, %v", len(got), got, err)
		}
	})
}

// A multipart upload in a bucket, which begins at 16 MiB, is verified as well.
func TestALargeObject(t *testing.T) {
	overEach(t, func(t *testing.T, s *Store) {
		data := strings.Repeat("0123456789abcdef", 18<<16) // 18 MiB
		key := original(t, data)
		if _, err := s.Put(ctx, key, strings.NewReader(data[:len(data)-1]+"x"), PutOptions{}); !world.Is(err, world.CodeUnprocessed) {
			t.Errorf("the last byte is another: %v", err)
		}
		if got := keys(t, s, ""); got != nil {
			t.Errorf("the store lists %q", got)
		}
		put(t, s, key, data)
		if err := s.Verify(ctx, key); err != nil {
			t.Error(err)
		}
		if n, err := s.Sweep(ctx, time.Now().Add(time.Hour)); err != nil || n != 0 {
			t.Errorf("the refused one has left %d to sweep, %v", n, err)
		}
	})
}

func TestVerify(t *testing.T) {
	overEach(t, func(t *testing.T, s *Store) {
		key := original(t, "cake")
		if err := s.Verify(ctx, key); !world.Is(err, world.CodeNotFound) {
			t.Errorf("Verify of nothing = %v", err)
		}
		put(t, s, key, "cake")
		if err := s.Verify(ctx, key); err != nil {
			t.Error(err)
		}
		if err := s.Verify(ctx, "tests/a"); !world.Is(err, world.CodeInvalid) {
			t.Errorf("Verify of what has no SHA-256 = %v", err)
		}
		// Behind the store's back, as a disk would.
		if err := s.bucket.WriteAll(ctx, key, []byte("cakf"), nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Verify(ctx, key); !world.Is(err, world.CodeUnprocessed) {
			t.Errorf("Verify of damaged bytes = %v", err)
		}
		gone, cancel := context.WithCancel(ctx)
		cancel()
		if err := s.Verify(gone, key); !world.Is(err, world.CodeUnavailable) {
			t.Errorf("Verify with a context that is over = %v", err)
		}
	})
}

// Lists go on from any key, there or not, in byte order, each key once.
func TestListsGoOn(t *testing.T) {
	overEach(t, func(t *testing.T, s *Store) {
		name := rapid.StringMatching(`[ab0-]{1,2}(/[ab-]{1,2}){0,2}`)
		rapid.Check(t, func(rt *rapid.T) {
			for info := range s.List(ctx, "", "") { // the case before this one
				if err := s.Delete(ctx, info.Key); err != nil {
					rt.Fatal(err)
				}
			}
			var all []string
			for _, top := range rapid.SliceOfNDistinct(name, 0, 6, rapid.ID[string]).Draw(rt, "keys") {
				key := "t-" + top + "-x" // no key is another's folder
				if _, err := s.Put(ctx, key, strings.NewReader(key), PutOptions{}); err != nil {
					rt.Fatal(err)
				}
				all = append(all, key)
			}
			slices.Sort(all)
			prefix := rapid.SampledFrom([]string{"", "t-", "t-a", "t-a/", "t-b-"}).Draw(rt, "prefix")
			after := rapid.SampledFrom([]string{"", "t-a", "t-a-x", "t-a/b-x", "t-zz"}).Draw(rt, "after")
			var want, got []string
			for _, key := range all {
				if strings.HasPrefix(key, prefix) && key > after {
					want = append(want, key)
				}
			}
			// In pages of two, each going on from the last key of the one before.
			for token := after; ; {
				page := 0
				for info, err := range s.List(ctx, prefix, token) {
					if err != nil {
						rt.Fatal(err)
					}
					got, token = append(got, info.Key), info.Key
					if page++; page == 2 {
						break
					}
				}
				if page < 2 {
					break
				}
			}
			if !slices.Equal(got, want) {
				rt.Fatalf("%q behind %q of %q: %q, want %q", prefix, after, all, got, want)
			}
		})
		for _, err := range s.List(ctx, "", "no/Key") {
			if !world.Is(err, world.CodeInvalid) {
				t.Errorf("List from behind what is no key = %v", err)
			}
		}
	})
}

func staged(t *testing.T, s *Store, id, want string) {
	t.Helper()
	r, size, err := s.ReadStaged(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil || string(got) != want || size != int64(len(want)) {
		t.Errorf("the upload holds %d bytes, %.40q, %v; want %.40q", size, got, err, want)
	}
}

func TestAnUploadInParts(t *testing.T) {
	broken := errors.New("the link broke")
	overEach(t, func(t *testing.T, s *Store) {
		const id, most = "u1", 26
		if _, err := s.Staged(ctx, id); !world.Is(err, world.CodeNotFound) {
			t.Errorf("Staged before the first = %v", err)
		}
		put(t, s, "uploads/u1/info", "what the caller knows")
		if stage, err := s.Staged(ctx, id); err != nil || stage.Size != 0 {
			t.Errorf("Staged with a document alone = %+v, %v", stage, err)
		}
		add := func(offset int64, r io.Reader, taken int64, is func(error) bool) {
			t.Helper()
			n, err := s.Append(ctx, id, offset, r, most)
			if n != taken || !is(err) {
				t.Errorf("Append at %d = %d, %v; want %d", offset, n, err, taken)
			}
		}
		none := func(err error) bool { return err == nil }
		code := func(c world.Code) func(error) bool {
			return func(err error) bool { return world.Is(err, c) }
		}
		add(0, strings.NewReader("abcdefgh"), 8, none)
		add(0, strings.NewReader("abcdefgh"), 0, code(world.CodeConflict)) // sent again
		add(9, strings.NewReader("x"), 0, code(world.CodeConflict))        // a gap
		add(8, io.MultiReader(strings.NewReader("ijkl"), iotest.ErrReader(broken)), 4, func(err error) bool { return errors.Is(err, broken) })
		staged(t, s, id, "abcdefghijkl")
		add(12, strings.NewReader(""), 0, none)
		add(12, iotest.OneByteReader(strings.NewReader("mnopqrstuvwxyz")), 14, none) // up to the limit
		add(26, strings.NewReader("!"), 0, code(world.CodeTooLarge))
		staged(t, s, id, "abcdefghijklmnopqrstuvwxyz")
		if got := len(keys(t, s, "uploads/u1/")); got != 4 {
			t.Errorf("%d objects, want three parts and a document", got)
		}
		for range 2 {
			if err := s.DropStaged(ctx, id); err != nil {
				t.Error(err)
			}
		}
		if _, err := s.Staged(ctx, id); !world.Is(err, world.CodeNotFound) {
			t.Errorf("Staged after the drop = %v", err)
		}
		for _, id := range []string{"", "a/b", "A", "..", strings.Repeat("a", MaxNameLength+1)} {
			if _, err := s.Append(ctx, id, 0, strings.NewReader("x"), 1); !world.Is(err, world.CodeInvalid) {
				t.Errorf("Append to %.10q = %v", id, err)
			}
		}
	})
}

// A context that ends takes nothing away that had come.
func TestAnUploadKeepsWhatCameBeforeItsContextEnded(t *testing.T) {
	overEach(t, func(t *testing.T, s *Store) {
		ctx, cancel := context.WithCancel(ctx)
		hangsUp := readerFunc(func(p []byte) (int, error) { cancel(); return copy(p, "more"), nil })
		n, err := s.Append(ctx, "u1", 0, io.MultiReader(strings.NewReader("some"), hangsUp), 100)
		if !world.Is(err, world.CodeUnavailable) || n < 4 {
			t.Errorf("Append = %d, %v", n, err)
		}
		staged(t, s, "u1", "somemore"[:n])
	})
}

func TestALongUploadIsCutIntoParts(t *testing.T) {
	overEach(t, func(t *testing.T, s *Store) {
		data := strings.Repeat("x", partBytes+1)
		if n, err := s.Append(ctx, "u1", 0, strings.NewReader(data), partBytes+1); err != nil || n != partBytes+1 {
			t.Fatalf("Append = %d, %v", n, err)
		}
		staged(t, s, "u1", data)
		if got := len(keys(t, s, "uploads/u1/")); got != 2 {
			t.Errorf("%d parts, want 2", got)
		}
	})
}

// Of several that go on from one place one wins, and the whole is its.
func TestManyGoOnFromOnePlace(t *testing.T) {
	overEach(t, func(t *testing.T, s *Store) {
		var mu sync.Mutex
		var won []string
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				data := strings.Repeat(fmt.Sprint(i), 10+i)
				n, err := s.Append(ctx, "u1", 0, strings.NewReader(data), 100)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil && n == int64(len(data)):
					won = append(won, data)
				case n != 0 || !world.Is(err, world.CodeConflict):
					t.Errorf("Append = %d, %v", n, err)
				}
			})
		}
		all.Wait()
		if len(won) != 1 {
			t.Fatalf("%d have won", len(won))
		}
		staged(t, s, "u1", won[0])
	})
}

func TestSweepTakesWhatIsOldAndNothingElse(t *testing.T) {
	overEach(t, func(t *testing.T, s *Store) {
		put(t, s, original(t, "cake"), "cake")
		for _, id := range []string{"u1", "u2", "u3"} {
			put(t, s, uploads+id+"/info", "about "+id)
			if _, err := s.Append(ctx, id, 0, bytes.NewReader([]byte("part")), 10); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := s.Sweep(ctx, time.Now().Add(-time.Hour)); err != nil || n != 0 {
			t.Errorf("Sweep of what is older than an hour = %d, %v", n, err)
		}
		staged(t, s, "u2", "part")
		if n, err := s.Sweep(ctx, time.Now().Add(time.Hour)); err != nil || n != 3 {
			t.Errorf("Sweep of all = %d, %v; want 3", n, err)
		}
		if got := keys(t, s, ""); !slices.Equal(got, []string{original(t, "cake")}) {
			t.Errorf("after the sweep: %q", got)
		}
	})
}
