package localworld

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"meridian/engine/health"
	"meridian/engine/webhooksig"
	"meridian/platform/wholefile"
	"meridian/world"
)

// DefaultDir is where a world keeps its state unless told otherwise: a
// directory that the servers' own user can reach.
func DefaultDir() string {
	if os.Geteuid() == 0 {
		return "/var/lib/meridian/world"
	}
	if d := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(d) {
		return filepath.Join(d, "meridian", "world")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = "/var/tmp"
	}
	return filepath.Join(home, ".local", "state", "meridian", "world")
}

// state is a world's directory, held by one process at a time.
type state struct {
	dir     string
	sockets string // short: a socket's path has at most 107 bytes
	lock    *os.File
}

// openState makes the directory and takes its lock.
func openState(dir string) (*state, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, world.Wrap("up.state", err)
	}
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return nil, world.Because(world.CodeForbidden, "up.state", "The state directory cannot be made. Name another with --dir.", err)
	}
	s := &state{dir: dir, sockets: socketDir(dir)}
	if err := s.takeLock(); err != nil {
		return nil, err
	}
	return s, nil
}

// furnish makes the folders; fresh empties the directory first.
func (s *state) furnish(fresh bool) error {
	if fresh {
		if err := s.empty(); err != nil {
			return err
		}
	}
	for _, d := range []struct {
		name string
		mode fs.FileMode
	}{{"", 0o711}, {"pg", 0o711}, {"objects", 0o700}, {"config", 0o700}, {"logs", 0o700}, {monitorsDir, 0o700}, {testpayDir, 0o700}} {
		if err := makeDir(s.path(d.name), d.mode); err != nil {
			return err
		}
	}
	return nil
}

func (s *state) path(names ...string) string {
	return filepath.Join(append([]string{s.dir}, names...)...)
}

func makeDir(path string, mode fs.FileMode) error {
	if err := os.MkdirAll(path, mode); err != nil {
		return world.Wrap("up.state", err)
	}
	return world.Wrap("up.state", os.Chmod(path, mode))
}

// socketDir is a short directory of the world's own: the hash keeps two worlds apart.
func socketDir(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	base := os.Getenv("XDG_RUNTIME_DIR")
	switch {
	case os.Geteuid() == 0:
		base = "/run"
	case base == "" || len(base) > 40:
		base = "/tmp"
	}
	return filepath.Join(base, "meridian-"+hex.EncodeToString(sum[:4]))
}

func (s *state) takeLock() error {
	f, err := os.OpenFile(s.path("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return world.Because(world.CodeForbidden, "up.lock", "The state directory cannot be written. Name another with --dir.", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return world.Because(world.CodeConflict, "up.lock", fmt.Sprintf("A world already runs on %s%s. Stop it first, or start another with --dir and --port.", s.dir, s.runningWhere()), err)
	}
	s.lock = f
	return nil
}

func (s *state) runningWhere() string {
	r, err := ReadRun(s.dir)
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (process %d, %s)", r.PID, r.URL)
}

// empty removes everything but the lock. It refuses a directory that no world
// has lived in, so that a slip of the pen after --dir costs nothing.
func (s *state) empty() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return world.Wrap("up.fresh", err)
	}
	known := map[string]bool{"lock": true, "pg": true, "objects": true, "config": true, "logs": true, "secrets.json": true, "run.json": true, leasesDir: true, promotionsDir: true, monitorsDir: true, authorityDir: true, dnsDir: true, testpayDir: true}
	for _, e := range entries {
		if !known[wholefile.Of(e.Name())] {
			return world.E(world.CodeConflict, "up.fresh", fmt.Sprintf("%s holds %q, which is not a world's. Nothing was removed; name another directory with --dir.", s.dir, e.Name()))
		}
	}
	for _, e := range entries {
		if e.Name() == "lock" || e.Name() == authorityDir { // who trusts the authority need not do it again
			continue
		}
		if err := os.RemoveAll(s.path(e.Name())); err != nil {
			return world.Wrap("up.fresh", err)
		}
	}
	return nil
}

func (s *state) close() {
	os.Remove(s.path("run.json"))
	os.Remove(s.sockets) // every part has removed its own; what a killed world left stays for the next
	s.lock.Close()
}

// Run is what a running world tells the other commands.
type Run struct {
	PID  int    `json:"pid"`
	URL  string `json:"url"`
	Port int    `json:"port"`
	App  string `json:"app"`
	Door string `json:"door"` // a shop's URL: where other commands come in

	World   string `json:"world"`   // the world file; "" for the shipped one
	Sockets string `json:"sockets"` // the directory of the world's sockets
	HA      bool   `json:"ha"`
}

// LastMile is the address at which a PoP is reached from a city.
func (r Run) LastMile(city, pop string) string { return lastMile(r.Sockets, city, pop) }

// Shop is the address of a region's shop itself.
func (r Run) Shop(region string) string { return socketIn(r.Sockets, "shop-"+region) }

// ReadRun finds the world that runs on a directory.
func ReadRun(dir string) (Run, error) {
	var r Run
	b, err := os.ReadFile(filepath.Join(dir, "run.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return r, world.E(world.CodeUnavailable, "up.run", fmt.Sprintf("No world runs on %s. Start one with `meridian up`, or name its directory with --dir.", dir))
	}
	if err != nil {
		return r, world.Because(world.CodeForbidden, "up.run", "The world's directory cannot be read by this user.", err)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, world.Wrap("up.run", err)
	}
	if r.PID < 1 || errors.Is(syscall.Kill(r.PID, 0), syscall.ESRCH) {
		return r, world.E(world.CodeUnavailable, "up.run", fmt.Sprintf("The world on %s was ended and has left run.json behind. Start it again with `meridian up`.", dir))
	}
	return r, nil
}

func (s *state) writeRun(r Run) error { return s.writeJSON("run.json", r) }

func (s *state) writeJSON(name string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return world.Wrap("up.state", err)
	}
	return s.writeFile(name, append(b, '\n'))
}

// monitorsDir holds what monitors keep.
const monitorsDir = "monitors"

// authorityDir holds the authority of the world's own certificates.
const authorityDir = "ca"

// writeFile replaces a file whole: a crash leaves the old one or the new one.
func (s *state) writeFile(name string, b []byte) error {
	return world.Wrap("up.state", wholefile.Replace(s.path(name), b))
}

// Secrets are the credentials of a local world, made at its first start.
type Secrets struct {
	Super       string            `json:"super"`
	Replication string            `json:"replication"`
	Shop        string            `json:"shop"`
	Media       string            `json:"media"`
	Owner       string            `json:"owner"`
	Ops         string            `json:"ops"`
	WireKey     string            `json:"wire_key"`
	FeedKey     string            `json:"feed_key"`
	UploadToken string            `json:"upload_token"`
	UploadKey   string            `json:"upload_key"` // signs upload grants
	PurgeToken  string            `json:"purge_token"`
	JudgeToken  string            `json:"judge_token"` // of whoever approves and withholds pictures
	PrivateKey  string            `json:"private_key"`
	CookieKey   string            `json:"cookie_key"` // of the name servers: 32 hexadecimal digits
	DrainToken  string            `json:"drain_token"`
	OwnerToken  string            `json:"owner_token"` // of the owners' API, in every market
	Monitors    map[string]string `json:"monitors"`    // region → the seed of its monitor's key
	Owners      map[string]string `json:"owners"`      // market → its owner's password

	Pay map[string]PaySecret `json:"pay"` // market → its account at the payment provider for trying out
}

// ReadSecrets is for commands on the same machine, by the same user.
func ReadSecrets(dir string) (Secrets, error) {
	var s Secrets
	b, err := os.ReadFile(filepath.Join(dir, "secrets.json"))
	if err != nil {
		return s, world.Because(world.CodeForbidden, "up.secrets", "The world's credentials cannot be read: run as the user that started it, and name its directory with --dir.", err)
	}
	return s, world.Wrap("up.secrets", json.Unmarshal(b, &s))
}

// secrets reads the world's credentials, or makes them. A market that has come
// into the world file since gets its owner's password.
func (s *state) secrets(w *world.World) (Secrets, error) {
	sec, err := ReadSecrets(s.dir)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return sec, err
	}
	if missing {
		sec = Secrets{
			Super: rand.Text(), Replication: rand.Text(), Shop: rand.Text(), Media: rand.Text(), Owner: rand.Text(),
			WireKey: rand.Text(), FeedKey: rand.Text(), UploadToken: rand.Text(), Owners: map[string]string{},
		}
	}
	changed := missing
	for _, late := range []*string{&sec.Ops, &sec.PurgeToken, &sec.UploadKey, &sec.PrivateKey, &sec.JudgeToken, &sec.DrainToken, &sec.OwnerToken} { // worlds of before had none
		if *late == "" {
			*late, changed = rand.Text(), true
		}
	}
	if sec.CookieKey == "" {
		sec.CookieKey, changed = cookieKey(), true
	}
	for _, r := range w.Regions {
		if sec.Monitors[r.ID] == "" {
			if sec.Monitors == nil {
				sec.Monitors = map[string]string{}
			}
			sec.Monitors[r.ID], changed = health.NewSeed(rand.Reader), true
		}
	}
	for _, m := range w.Markets {
		if sec.Owners[m.ID] == "" {
			sec.Owners[m.ID], changed = ownerPassword(), true
		}
		if sec.Pay[m.ID] == (PaySecret{}) {
			if sec.Pay == nil {
				sec.Pay = map[string]PaySecret{}
			}
			sec.Pay[m.ID], changed = PaySecret{Key: rand.Text(), Hook: webhooksig.NewSecret([]byte(rand.Text()))}, true
		}
	}
	if !changed {
		return sec, nil
	}
	return sec, s.writeJSON("secrets.json", sec)
}

// ownerPassword is one that a person can type: 20 characters in groups, 100 bits.
func ownerPassword() string {
	t := rand.Text()
	return fmt.Sprintf("%s-%s-%s-%s", t[0:5], t[5:10], t[10:15], t[15:20])
}

// cookieKey is 128 bits in hexadecimal digits.
func cookieKey() string {
	var raw [16]byte
	rand.Read(raw[:]) // never fails
	return hex.EncodeToString(raw[:])
}
