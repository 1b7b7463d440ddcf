package localworld

import (
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"meridian/app"
	"meridian/world"
)

func open(t *testing.T, dir string, fresh bool) *state {
	t.Helper()
	s, err := furnished(dir, fresh)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

// furnished is a state with its folders, as `up` has it.
func furnished(dir string, fresh bool) (*state, error) {
	s, err := openState(dir)
	if err != nil {
		return nil, err
	}
	if err := s.furnish(fresh); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func TestSecretsAreKeptAndShut(t *testing.T) {
	w := shippedWorld(t)
	dir := filepath.Join(t.TempDir(), "world")
	s := open(t, dir, false)
	first, err := s.secrets(w)
	if err != nil {
		t.Fatal(err)
	}
	all := []string{first.Super, first.Replication, first.Shop, first.Media, first.Owner, first.WireKey, first.FeedKey, first.UploadToken, first.UploadKey}
	for _, m := range w.Markets {
		if !regexp.MustCompile(`^([A-Z2-7]{5}-){3}[A-Z2-7]{5}$`).MatchString(first.Owners[m.ID]) {
			t.Errorf("the owner's password of %s is %q", m.ID, first.Owners[m.ID])
		}
		all = append(all, first.Owners[m.ID])
	}
	for i, a := range all {
		if len(a) < 20 || slices.Contains(all[:i], a) {
			t.Errorf("secret %d is weak or there twice", i)
		}
	}
	for name, want := range map[string]fs.FileMode{"secrets.json": 0o600, "lock": 0o600, "config": 0o700, "logs": 0o700, "objects": 0o700, "pg": 0o711, "": 0o711} {
		if got := mode(t, s.path(name)); got != want {
			t.Errorf("%q has mode %o, want %o", name, got, want)
		}
	}
	s.close()
	s = open(t, dir, false)
	defer s.close()
	again, err := s.secrets(w)
	if err != nil || again.Shop != first.Shop || again.FeedKey != first.FeedKey || !maps.Equal(again.Owners, first.Owners) {
		t.Errorf("after a restart the credentials are others: %v", err)
	}
}

// A world file may gain a market: its owner gets a password, nobody else's changes.
func TestANewMarketGetsItsOwner(t *testing.T) {
	w := shippedWorld(t)
	s := open(t, t.TempDir(), false)
	defer s.close()
	first, err := s.secrets(w)
	if err != nil {
		t.Fatal(err)
	}
	more := *w
	more.Markets = append(slices.Clone(w.Markets), world.Market{ID: "fr"})
	for range 2 {
		second, err := s.secrets(&more)
		if err != nil {
			t.Fatal(err)
		}
		if second.Owners["fr"] == "" || second.Owners["us"] != first.Owners["us"] || second.Super != first.Super {
			t.Errorf("%v after %v", second.Owners, first.Owners)
		}
		kept, err := ReadSecrets(s.dir)
		if err != nil || kept.Owners["fr"] != second.Owners["fr"] {
			t.Errorf("the new password was not kept: %v", err)
		}
	}
}

func TestDamagedSecretsAreNotReplaced(t *testing.T) {
	s := open(t, t.TempDir(), false)
	defer s.close()
	if err := os.WriteFile(s.path("secrets.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.secrets(shippedWorld(t)); err == nil {
		t.Error("new credentials were made over a damaged file: the databases know the old ones")
	}
	if b, _ := os.ReadFile(s.path("secrets.json")); string(b) != "{" {
		t.Error("the damaged file is gone")
	}
}

func TestFreshRemovesAWorldAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, false)
	if _, err := s.secrets(shippedWorld(t)); err != nil {
		t.Fatal(err)
	}
	write := func(name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("objects/cake")
	s.close()
	s = open(t, dir, true)
	for _, gone := range []string{"secrets.json", "objects/cake"} {
		if _, err := os.Stat(s.path(gone)); err == nil {
			t.Errorf("%s is still there", gone)
		}
	}
	if _, err := s.secrets(shippedWorld(t)); err != nil {
		t.Fatal(err)
	}
	s.close()

	write("thesis.txt")
	_, err := furnished(dir, true)
	if !world.Is(err, world.CodeConflict) || !strings.Contains(err.Error(), `"thesis.txt"`) || !strings.Contains(err.Error(), "Nothing was removed") {
		t.Errorf("a directory with a foreign file: %v", err)
	}
	for _, kept := range []string{"thesis.txt", "secrets.json"} {
		if _, err := os.Stat(filepath.Join(dir, kept)); err != nil {
			t.Errorf("%s was removed", kept)
		}
	}
	s = open(t, dir, false) // the refusal let go of the lock
	s.close()
}

// A crash while a file was being replaced leaves the half-written one beside
// it; that is a world's too.
func TestFreshTakesWhatACrashLeft(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, false)
	for _, name := range []string{"secrets.json.new-1", "run.json.new-22", "run.json"} {
		if err := os.WriteFile(s.path(name), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.lock.Close() // a crash: run.json stays
	s = open(t, dir, true)
	s.close()
}

// --fresh must not empty another's home when the directory is a world's no more.
func TestFreshRefusesADirectoryThatNoWorldLivedIn(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "photos"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := furnished(dir, true); !world.Is(err, world.CodeConflict) {
		t.Errorf("%v", err)
	}
	if mode(t, filepath.Join(dir, "photos")) != 0o700 {
		t.Error("it was changed")
	}
}

func TestASecondWorldIsToldOfTheFirst(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, false)
	_, err := furnished(dir, false)
	if !world.Is(err, world.CodeConflict) || !strings.Contains(err.Error(), "A world already runs on "+dir) || !strings.Contains(err.Error(), "--dir and --port") {
		t.Errorf("while it starts: %v", err)
	}
	if err := s.writeRun(Run{PID: os.Getpid(), URL: "http://localhost:9000/", Port: 9000, App: "sweet-crumbs", Door: "http://us.localhost:9000/"}); err != nil {
		t.Fatal(err)
	}
	if _, err := furnished(dir, true); !world.Is(err, world.CodeConflict) || !strings.Contains(err.Error(), fmt.Sprintf("process %d, http://localhost:9000/", os.Getpid())) {
		t.Errorf("while it runs: %v", err)
	}
	if r, err := ReadRun(dir); err != nil || r.PID != os.Getpid() || r.Door != "http://us.localhost:9000/" {
		t.Errorf("%+v, %v", r, err)
	}
	s.close()
	if _, err := ReadRun(dir); !world.Is(err, world.CodeUnavailable) || !strings.Contains(err.Error(), "meridian up") {
		t.Errorf("after its end: %v", err)
	}
	s = open(t, dir, false)
	if err := s.writeRun(Run{PID: endedPID(t)}); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadRun(dir); !world.Is(err, world.CodeUnavailable) || !strings.Contains(err.Error(), "was ended") {
		t.Errorf("after it was killed: %v", err)
	}
	s.close()
	s = open(t, dir, false)
	s.close()
}

// endedPID is the number of a process that is no more.
func endedPID(t *testing.T) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

func TestATakenPortIsToldBeforeAnythingIsMade(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	port := ln.Addr().(*net.TCPAddr).Port
	if err := portsFree(t.Context(), port, port); !world.Is(err, world.CodeConflict) || !strings.Contains(err.Error(), fmt.Sprintf("Port %d is taken", port)) {
		t.Errorf("%v", err)
	}
}

func TestOtherCommandsWithoutAWorld(t *testing.T) {
	if _, err := ReadSecrets(t.TempDir()); !world.Is(err, world.CodeForbidden) || !strings.Contains(err.Error(), "--dir") {
		t.Errorf("%v", err)
	}
}

func TestTwoWorldsHaveSocketsOfTheirOwn(t *testing.T) {
	a, b := socketDir("/var/lib/meridian/a"), socketDir("/var/lib/meridian/b")
	if a == b || a != socketDir("/var/lib/meridian/a") || !filepath.IsAbs(a) {
		t.Errorf("%s, %s", a, b)
	}
}

func TestWriteFilesIsOneAnInstance(t *testing.T) {
	s := open(t, t.TempDir(), false)
	defer s.close()
	w := shippedWorld(t)
	p := newPlan(w, s, sampleSecrets(w), 8080, false)
	paths, err := p.writeFiles(p.files(""))
	if err != nil {
		t.Fatal(err)
	}
	if want := len(w.Regions)*len(regionRoles) + len(w.PoPs); len(paths) != want {
		t.Errorf("%d files, want %d", len(paths), want)
	}
	for name, path := range paths {
		if mode(t, path) != 0o600 {
			t.Errorf("%s has mode %o: it holds credentials", name, mode(t, path))
		}
	}
	text, err := os.ReadFile(paths["shield@eu-central"])
	if err != nil || !strings.Contains(string(text), "key-feed") || strings.Contains(string(text), "shop:\n") || strings.Contains(string(text), "pw-") {
		t.Errorf("%v:\n%s", err, text)
	}
}

// What the name servers of a world in one process follow says what they have, and
// is found by who knows the directory.
func TestNamesConfig(t *testing.T) {
	dir := t.TempDir()
	if _, err := NamesConfig(dir); !world.Is(err, world.CodeNotFound) {
		t.Errorf("no world: %v", err)
	}
	s := open(t, dir, false)
	defer s.close()
	w := shippedWorld(t)
	p := newPlan(w, s, sampleSecrets(w), 8080, false)
	files := p.files("")
	if err := p.writeNames(files); err != nil {
		t.Fatal(err)
	}
	path, err := NamesConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := app.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(files, func(of *app.File) bool {
		return of.GeoDNS != nil && fmt.Sprintf("%+v", of.GeoDNS) == fmt.Sprintf("%+v", f.GeoDNS)
	}) {
		t.Errorf("%s says something else than the plan: %+v", path, f.GeoDNS)
	}
}
