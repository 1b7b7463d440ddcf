package pgcluster

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"meridian/world"
)

// asUser is set in the environment of a test that was re-executed as a normal user.
const asUser = "PGCLUSTER_TEST_AS_USER"

// killedSupervisor runs a supervisor in a child process and kills it with SIGKILL.
func killedSupervisor(t *testing.T, p place) {
	t.Helper()
	killedSupervisorAfter(t, p, func() {})
}

// killedSupervisorAfter does something to the servers first.
func killedSupervisorAfter(t *testing.T, p place, first func()) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childState+"="+filepath.Dir(p.state))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "started: <nil>\n" {
		cmd.Process.Kill()
		cmd.Wait()
		t.Fatalf("child: %q %v", line, err)
	}
	if len(processesOf(p)) < 2 {
		t.Fatal("the test cannot see the servers' processes")
	}
	first()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
}

// endStrays ends the servers that nobody supervises when a test has failed.
func endStrays(p place) {
	for _, sp := range p.pair() {
		if f, err := readPidFile(sp.DataDir); err == nil && serves(f.pid, sp.DataDir) {
			syscall.Kill(f.pid, syscall.SIGQUIT)
		}
	}
}

// A server that is recovering from the death of one of its processes goes too.
func TestNoRecoveringServerOutlivesAKilledSupervisor(t *testing.T) {
	p := newPlace(t)
	t.Cleanup(func() { endStrays(p) })
	p.premake(t, p.pair())
	for i := range 4 {
		killedSupervisorAfter(t, p, func() {
			f, err := readPidFile(p.pair()[0].DataDir)
			if err != nil {
				t.Fatal(err)
			}
			kill(t, f.pid, "background writer")
			time.Sleep(time.Duration(i) * 25 * time.Millisecond) // different moments of the recovery are what is tested
		})
		until(t, "all processes are gone", func() bool { return len(processesOf(p)) == 0 })
	}
}

// kill is kill -9 of a server's process of a kind, once that calls itself so.
func kill(t *testing.T, server int, kind string) {
	t.Helper()
	until(t, "the server has a "+kind, func() bool { return killed(t, server, kind) })
}

func killed(t *testing.T, server int, kind string) bool {
	t.Helper()
	children, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range children {
		stat, _ := os.ReadFile(path)
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		cmdline, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		if len(fields) > 1 && fields[1] == strconv.Itoa(server) && strings.Contains(string(cmdline), kind) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err == nil {
				err = syscall.Kill(pid, syscall.SIGKILL)
			}
			if err != nil {
				t.Fatal(err)
			}
			return true
		}
	}
	return false
}

func TestNoServerOutlivesAKilledSupervisor(t *testing.T) {
	p := newPlace(t)
	t.Cleanup(func() { endStrays(p) })
	p.premake(t, p.pair())
	killedSupervisor(t, p)
	until(t, "all processes are gone", func() bool { return len(processesOf(p)) == 0 })
	for _, sp := range p.pair() {
		if _, err := readPidFile(sp.DataDir); !os.IsNotExist(err) {
			t.Errorf("%s did not shut down cleanly: %v", sp.Name, err)
		}
	}
	// And the next supervisor may start at once, while the old servers are still on their way out.
	killedSupervisor(t, p)
	s := p.supervisor(t, Options{})
	if err := s.Start(t.Context(), p.pair(), nil); err != nil {
		t.Fatal(err)
	}
	exec1(t, p.pair()[0], "create table bread ()")
}

func TestStopLeavesNoProcessAndNoSharedMemory(t *testing.T) {
	p := newPlace(t)
	specs := p.pair()
	s := p.supervisor(t, Options{})
	p.up(t, s, specs)
	var shared []string
	for _, sp := range specs {
		shared = append(shared, sharedMemoryOf(t, sp, pidOf(t, s, sp.Name))...)
	}
	if len(processesOf(p)) < 2 {
		t.Fatal("the test cannot see the servers' processes")
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := processesOf(p); len(left) > 0 {
		t.Errorf("processes left: %v", left)
	}
	for _, id := range shared {
		if sharedMemoryExists(t, id) {
			t.Errorf("shared memory left: %s", id)
		}
	}
	for _, sp := range specs {
		if _, err := os.Lstat(SocketPath(sp)); !os.IsNotExist(err) {
			t.Errorf("socket left: %s", SocketPath(sp))
		}
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("stop of nothing: %v", err)
	}

	t.Run("a context that ended shortens the stop and loses nothing", func(t *testing.T) {
		if err := s.Start(t.Context(), specs, nil); err != nil {
			t.Fatal(err)
		}
		exec1(t, specs[0], "create table kept ()")
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Stop(ended); err != nil {
			t.Fatal(err)
		}
		if left := processesOf(p); len(left) > 0 {
			t.Errorf("processes left: %v", left)
		}
		if err := s.Start(t.Context(), specs, nil); err != nil {
			t.Fatal(err)
		}
		eventually(t, specs[0], "select to_regclass('kept') is not null", "true")
	})
	t.Run("a server that does not listen is ended by force", func(t *testing.T) {
		deaf := p.supervisor(t, Options{StopTimeout: 50 * time.Millisecond, QuitTimeout: 50 * time.Millisecond})
		if err := s.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := deaf.Start(t.Context(), specs, nil); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pidOf(t, deaf, specs[0].Name), syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		if err := deaf.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		until(t, "all processes are gone", func() bool { return len(processesOf(p)) == 0 })
		if err := s.Start(t.Context(), specs, nil); err != nil { // which also takes the shared memory back
			t.Fatal(err)
		}
	})
	t.Run("one server is stopped and stays so", func(t *testing.T) {
		if err := s.StopOne(t.Context(), specs[1].Name); err != nil {
			t.Fatal(err)
		}
		if got := s.Running(); len(got) != 1 || got[0].Name != specs[0].Name {
			t.Errorf("running: %+v", got)
		}
		if err := s.StopOne(t.Context(), specs[1].Name); !world.Is(err, world.CodeNotFound) {
			t.Errorf("stopped twice: %v", err)
		}
	})
}

func TestPidFileThatAnEarlierRunLeft(t *testing.T) {
	p := newPlace(t)
	own, err := findOwner("test", "")
	if err != nil {
		t.Fatal(err)
	}
	a, b := p.primary("a", 5501), p.primary("b", 5502)
	s := p.supervisor(t, Options{})
	p.up(t, s, []Spec{a, b})
	other := pidOf(t, s, b.Name)
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ what, text string }{
		{"a process that is gone", fmt.Sprintf("%d\n%s\n", gone.Process.Pid, a.DataDir)},
		{"the server of another directory", fmt.Sprintf("%d\n%s\n", other, a.DataDir)},
		{"another program", fmt.Sprintf("%d\n%s\n", os.Getpid(), a.DataDir)},
		{"nothing", ""},
		{"noise", "\x00\xff not a number\n"},
	} {
		t.Run("names "+c.what, func(t *testing.T) {
			if err := s.StopOne(t.Context(), a.Name); err != nil {
				t.Fatal(err)
			}
			if err := writeOwned(filepath.Join(a.DataDir, pidFileName), c.text, own); err != nil {
				t.Fatal(err)
			}
			if err := s.Start(t.Context(), []Spec{a}, nil); err != nil {
				t.Fatal(err)
			}
			if pidOf(t, s, b.Name) != other {
				t.Error("the other server was disturbed")
			}
		})
	}
	t.Run("names a server that still runs there", func(t *testing.T) {
		if err := s.StopOne(t.Context(), a.Name); err != nil {
			t.Fatal(err)
		}
		stray := asOwner(exec.Command(p.bin.path("postgres"), "-D", a.DataDir), own)
		if err := startChild(stray); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { stray.Wait(); close(ended) }()
		until(t, "the stray server is ready", func() bool {
			f, err := readPidFile(a.DataDir)
			return err == nil && f.serving(stray.Process.Pid)
		})
		if err := s.Start(t.Context(), []Spec{a}, nil); err != nil {
			t.Fatal(err)
		}
		<-ended
		if pid := pidOf(t, s, a.Name); pid == stray.Process.Pid {
			t.Error("the stray server was taken over")
		}
		eventually(t, a, "select 1", "1")
	})
}

func TestAsNormalUser(t *testing.T) {
	if os.Getenv(asUser) == "" && os.Geteuid() == 0 {
		rerunAsNobody(t)
		return
	}
	p := newPlace(t)
	specs := p.pair()
	s := p.supervisor(t, Options{})
	up(t, s, specs)
	exec1(t, specs[0], "create table bread ()")
	eventually(t, specs[1], "select count(*) from bread", "0")
	st, err := os.Stat(specs[0].DataDir)
	if err != nil {
		t.Fatal(err)
	}
	if uid := int(st.Sys().(*syscall.Stat_t).Uid); uid != os.Geteuid() {
		t.Errorf("the data belongs to uid %d, we are %d", uid, os.Geteuid())
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := processesOf(p); len(left) > 0 {
		t.Errorf("processes left: %v", left)
	}
}

// rerunAsNobody runs this one test again as the user nobody, from a copy of the
// test binary that nobody may read.
func rerunAsNobody(t *testing.T) {
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skip("no user nobody to become")
	}
	uid, _ := strconv.Atoi(nobody.Uid)
	gid, _ := strconv.Atoi(nobody.Gid)
	dir := filepath.Dir(newPlace(t).state)
	text, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "normal.test")
	if err := os.WriteFile(binary, text, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-test.run=^TestAsNormalUser$", "-test.v")
	cmd.Dir = "/"
	cmd.Env = []string{asUser + "=1", "PATH=" + os.Getenv("PATH"), BinEnv + "=" + os.Getenv(BinEnv)}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: []uint32{}}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestAsNormalUser") {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
}

var posixSegment = regexp.MustCompile(`/dev/shm/PostgreSQL\.\d+`)

// sharedMemoryOf names a server's shared memory: the System V segment in line 7
// of its pid file, and what it has mapped of /dev/shm.
func sharedMemoryOf(t *testing.T, s Spec, pid int) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.DataDir, pidFileName))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(strings.Split(string(text), "\n")[6])
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	ids := append(posixSegment.FindAllString(string(maps), -1), "sysv "+fields[1])
	for _, id := range ids {
		if !sharedMemoryExists(t, id) {
			t.Fatalf("the test cannot see the shared memory %s", id)
		}
	}
	if len(ids) < 2 {
		t.Fatalf("the test finds too little shared memory: %v", ids)
	}
	return ids
}

func sharedMemoryExists(t *testing.T, id string) bool {
	t.Helper()
	segment, sysv := strings.CutPrefix(id, "sysv ")
	if !sysv {
		_, err := os.Stat(id)
		return err == nil
	}
	table, err := os.ReadFile("/proc/sysvipc/shm")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(table), "\n")[1:] {
		if f := strings.Fields(line); len(f) > 1 && f[1] == segment {
			return true
		}
	}
	return false
}

// processesOf lists the processes whose working directory lies in a place's state: every one of its servers' processes.
func processesOf(p place) []string {
	var found []string
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range links {
		if dir, err := os.Readlink(link); err == nil && strings.HasPrefix(dir, p.state) {
			found = append(found, link+" -> "+dir)
		}
	}
	return found
}
