package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"meridian/world"
)

// Supervisor makes, runs and ends the servers of one Meridian process. Its
// methods may be called from any goroutine.
type Supervisor struct {
	bin  Binaries
	log  *slog.Logger
	opts Options

	mu      sync.Mutex
	servers map[string]*server
	down    map[string]bool // servers of pairs that Kill keeps down
}

// New makes a supervisor that uses bin, logs to log, and runs nothing yet.
func New(bin Binaries, log *slog.Logger, opts Options) *Supervisor {
	return &Supervisor{bin: bin, log: log, opts: opts.withDefaults(), servers: map[string]*server{}, down: map[string]bool{}}
}

// checked refuses options and specs that cannot be, and finds who servers run as.
func (s *Supervisor) checked(op string, specs []Spec) (owner, error) {
	if err := s.opts.check(op); err != nil {
		return owner{}, err
	}
	if err := checkSpecs(op, specs); err != nil {
		return owner{}, err
	}
	return findOwner(op, s.opts.Owner)
}

// Start runs the servers, whose directories Prepare has made, in parallel, and
// returns when every one takes connections. From then on a server that dies is
// started again. ctx bounds the start, not the servers' life. progress is as in
// [Supervisor.Prepare].
//
// Errors: CodeInvalid or CodeForbidden for specs that cannot be, CodeConflict
// for a server that runs already or a directory that does not fit its spec,
// CodeUnavailable or CodeTimeout for a server that does not come up. After an
// error none of these specs' servers is left running.
func (s *Supervisor) Start(ctx context.Context, specs []Spec, progress func(name, step string)) error {
	const op = "pgcluster.start"
	own, err := s.checked(op, specs)
	if err != nil {
		return err
	}
	for _, sp := range specs {
		if err := fits(op, sp, s.bin.Version); err != nil {
			return err
		}
		if err := own.makeSocketDir(op, sp.SocketDir); err != nil {
			return err
		}
	}
	servers, err := s.register(op, specs, own)
	if err != nil {
		return err
	}
	report := serial(progress)
	errs := make([]error, len(servers))
	var wg sync.WaitGroup
	for i, v := range servers {
		wg.Go(func() {
			report(v.spec.Name, StepStarting)
			if errs[i] = s.begin(ctx, v, replicates(v.spec, specs)); errs[i] == nil {
				report(v.spec.Name, StepReady)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			// The start's own failure is what the caller needs; one of stopping would hide it.
			return errors.Join(err, s.stop(ctx, servers))
		}
	}
	return nil
}

// begin takes the directory, writes the settings and runs the server up to ready.
func (s *Supervisor) begin(ctx context.Context, v *server, replicates bool) error {
	const op = "pgcluster.start"
	lock, err := lockDir(op, v.spec.DataDir)
	if err != nil {
		close(v.done)
		return err
	}
	v.lock = lock
	if err := writeSettings(v.spec, s.opts, v.own, replicates); err != nil {
		lock.Close()
		close(v.done)
		return world.Because(world.CodeUnavailable, op, "cannot write the settings of "+v.spec.Name, err)
	}
	first := make(chan error, 1)
	go v.run(ctx, first)
	return <-first
}

func (s *Supervisor) register(op string, specs []Spec, own owner) ([]*server, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sp := range specs {
		if s.down[sp.Name] {
			return nil, world.E(world.CodeUnavailable, op, sp.Name+" was killed and is kept down until it is revived")
		}
		if v, ok := s.servers[sp.Name]; ok && !ended(v.done) {
			return nil, world.E(world.CodeConflict, op, sp.Name+" runs already: stop it first")
		}
	}
	var servers []*server
	for _, sp := range specs {
		v := &server{spec: sp, bin: s.bin, own: own, opts: s.opts, log: s.log, state: StateStarting,
			hurry: make(chan struct{}), done: make(chan struct{})}
		v.life, v.end = context.WithCancel(context.Background())
		s.servers[sp.Name] = v
		servers = append(servers, v)
	}
	return servers, nil
}

// fits refuses a directory that is not what the spec says. A directory that was
// promoted is a primary for good, and one that was a primary may hold commits
// that the new primary lacks: neither is turned by starting it.
func fits(op string, sp Spec, version int) error {
	made, err := isMade(op, sp)
	if err != nil {
		return err
	}
	if !made {
		return world.E(world.CodeConflict, op, fmt.Sprintf("%s has no data directory at %s: call Prepare first", sp.Name, sp.DataDir))
	}
	text, err := os.ReadFile(filepath.Join(sp.DataDir, "PG_VERSION"))
	if err != nil {
		return world.Because(world.CodeConflict, op, sp.DataDir+" is damaged: restore it, or delete it if it is a standby's", err)
	}
	if got, err := strconv.Atoi(strings.TrimSpace(string(text))); err != nil || got != version {
		return world.E(world.CodeConflict, op, fmt.Sprintf(
			"%s was made by PostgreSQL %.10s and the binaries are %d: set %s to the older ones, or upgrade it with pg_upgrade",
			sp.DataDir, strings.TrimSpace(string(text)), version, BinEnv))
	}
	standby, err := isStandby(sp)
	switch {
	case err != nil:
		return err
	case standby && sp.StandbyOf == nil:
		return world.E(world.CodeConflict, op, fmt.Sprintf("%s is a standby by its directory and a primary by its spec: promote it before it is named a primary", sp.Name))
	case !standby && sp.StandbyOf != nil:
		return world.E(world.CodeConflict, op, fmt.Sprintf("%s is a primary by its directory and a standby by its spec: name it a primary if it was promoted, else delete %s and Prepare", sp.Name, sp.DataDir))
	}
	return nil
}

// Stop ends every server: first the standbys, then the primaries, each group in
// parallel. It returns when no process is left. When ctx ends, the fast shutdown
// is cut short by an immediate one, which costs a crash recovery at the next
// start and no committed data. Stop without servers is nil. An error (CodeTimeout)
// names a process that even SIGKILL did not end.
func (s *Supervisor) Stop(ctx context.Context) error {
	s.mu.Lock()
	var all []*server
	for _, v := range s.servers {
		all = append(all, v)
	}
	s.mu.Unlock()
	return s.stop(ctx, all)
}

// StopOne ends one server, as Stop does, and leaves it stopped: for a drill, or
// a primary that must not come back by itself. CodeNotFound if it does not run.
func (s *Supervisor) StopOne(ctx context.Context, name string) error {
	s.mu.Lock()
	v, ok := s.servers[name]
	s.mu.Unlock()
	if !ok {
		return world.E(world.CodeNotFound, "pgcluster.stop", fmt.Sprintf("no server %.80q runs here", name))
	}
	return s.stop(ctx, []*server{v})
}

func (s *Supervisor) stop(ctx context.Context, servers []*server) error {
	var standbys, primaries []*server
	for _, v := range servers {
		if v.standby() {
			standbys = append(standbys, v)
		} else {
			primaries = append(primaries, v)
		}
	}
	var errs []error
	for _, group := range [][]*server{standbys, primaries} {
		outcome := make([]error, len(group))
		var wg sync.WaitGroup
		for i, v := range group {
			wg.Go(func() { outcome[i] = v.stop(ctx) })
		}
		wg.Wait()
		errs = append(errs, outcome...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range servers {
		if s.servers[v.spec.Name] == v {
			delete(s.servers, v.spec.Name)
		}
	}
	return errors.Join(errs...)
}

// Running tells of every server that is supervised, by name.
func (s *Supervisor) Running() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Status, 0, len(s.servers))
	for _, v := range s.servers {
		st := v.status()
		if s.down[st.Name] {
			st.State = StateKilled
		}
		list = append(list, st)
	}
	slices.SortFunc(list, func(a, b Status) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// serial makes a progress function that may be nil safe to call from many goroutines.
func serial(progress func(name, step string)) func(name, step string) {
	if progress == nil {
		return func(string, string) {}
	}
	var mu sync.Mutex
	return func(name, step string) {
		mu.Lock()
		defer mu.Unlock()
		progress(name, step)
	}
}
