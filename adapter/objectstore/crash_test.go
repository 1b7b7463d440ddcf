package objectstore

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"meridian/world"
)

// again starts this test's binary once more, to run one test as a process that
// may be killed or limited; what it is to do stands in the environment.
func again(test, job, dir string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$")
	cmd.Env = append(os.Environ(), jobVariable+"="+job, childDir+"="+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

const jobVariable = "MERIDIAN_TEST_OBJECTSTORE_JOB"

// TestKilledAtAnyMoment kills -9 a process that writes with all its might, again
// and again at random moments: what it said it had stored is there, whole;
// whatever else is listed is whole; and nothing unfinished outlives the next start.
func TestKilledAtAnyMoment(t *testing.T) {
	if os.Getenv(jobVariable) == "write" {
		writeForEver(t, os.Getenv(childDir))
		return
	}
	dir := t.TempDir()
	for round := range 12 {
		cmd := again("TestKilledAtAnyMoment", "write", dir)
		var said bytes.Buffer
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// It is killed after so many bytes of what it says, and a little later: at
		// a moment that has nothing to do with what it is at.
		_, readErr := io.CopyN(&said, out, 66+rand.Int64N(66*20))
		time.AfterFunc(rand.N(3*time.Millisecond), func() { _ = cmd.Process.Kill() })
		_, restErr := io.Copy(&said, out)
		_ = cmd.Wait() // it was killed: the error says so
		if err := errors.Join(readErr, restErr); err != nil {
			t.Fatal(err)
		}
		s := openDir(t, dir)
		lines := strings.SplitAfter(said.String(), "\n")
		for _, line := range lines[:len(lines)-1] { // the last may be cut
			if key, ok := strings.CutPrefix(strings.TrimSpace(line), "="); ok {
				if err := s.Verify(ctx, keyOf(t, key)); err != nil {
					t.Errorf("round %d: acknowledged, and %v", round, err)
				}
			}
		}
		whole(t, s, dir)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func keyOf(t *testing.T, sha string) string {
	t.Helper()
	key, err := OriginalKey(sha)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// whole fails unless every object is what its key says, and there is no other file.
func whole(t *testing.T, s *Store, dir string) {
	t.Helper()
	n := 0
	for info, err := range s.List(ctx, "", "") {
		if err == nil {
			err = s.Verify(ctx, info.Key)
		}
		if err != nil {
			t.Error(err)
		}
		n++
	}
	if files := filesIn(t, dir); len(files) != n {
		t.Errorf("%d objects, and the files %q", n, files)
	}
}

// writeForEver stores objects by four at once and says each, "=" and its
// SHA-256, once it is acknowledged.
func writeForEver(t *testing.T, dir string) {
	s := openDir(t, dir)
	said := make(chan string)
	for range 4 {
		go func() {
			for {
				data := make([]byte, rand.IntN(200_000))
				for i := 0; i < len(data); i += 97 {
					data[i] = byte(rand.Uint32())
				}
				sha := fmt.Sprintf("%x", sha256.Sum256(data))
				if _, err := s.Put(ctx, keyOf(t, sha), bytes.NewReader(data), PutOptions{}); err != nil {
					panic(err)
				}
				said <- sha
			}
		}()
	}
	for sha := range said {
		fmt.Println("=" + sha)
	}
}

// full puts small objects, then one that there is no room for, then a small one
// again, and says what became of it.
func full(t *testing.T, dir string, large int) {
	s := openDir(t, dir)
	put(t, s, original(t, "small"), "small")
	big := bytes.Repeat([]byte("x"), large)
	key := keyOf(t, fmt.Sprintf("%x", sha256.Sum256(big)))
	if _, err := s.Put(ctx, key, bytes.NewReader(big), PutOptions{}); !world.Is(err, world.CodeFull) || !strings.Contains(err.Error(), "Make room") {
		t.Errorf("Put without room = %v, want full", err)
	}
	if n, err := s.Append(ctx, "u1", 0, bytes.NewReader(big), int64(large)); !world.Is(err, world.CodeFull) || n != 0 {
		t.Errorf("Append without room = %d, %v, want full", n, err)
	}
	put(t, s, original(t, "small too"), "small too")
	whole(t, s, dir)
	if got := keys(t, s, ""); len(got) != 2 {
		t.Errorf("the store lists %q", got)
	}
}

// TestAFileThatMayNotGrow: the process's own limit of a file's size.
func TestAFileThatMayNotGrow(t *testing.T) {
	if os.Getenv(jobVariable) == "limit" {
		signal.Ignore(syscall.SIGXFSZ)
		const most = 64 << 10
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
			t.Fatal(err)
		}
		full(t, os.Getenv(childDir), 2*most)
		return
	}
	if out, err := again("TestAFileThatMayNotGrow", "limit", t.TempDir()).Output(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
