package pgcluster

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"meridian/world"
)

// owner is the user that servers run as. drop is set when we are root and have
// to become that user, because PostgreSQL refuses to run as root.
type owner struct {
	name     string
	uid, gid int
	drop     bool
}

// findOwner is ourselves, or for root the named user, or else the first of
// postgres and nobody. The user must have a passwd entry: initdb looks it up.
func findOwner(op, name string) (owner, error) {
	if uid := os.Geteuid(); uid != 0 {
		return owner{name: fmt.Sprintf("uid %d", uid), uid: uid, gid: os.Getegid()}, nil
	}
	names := []string{"postgres", "nobody"}
	if name != "" {
		names = []string{name}
	}
	for _, n := range names {
		u, err := user.Lookup(n)
		if err != nil {
			continue
		}
		uid, uerr := strconv.Atoi(u.Uid)
		gid, gerr := strconv.Atoi(u.Gid)
		if uerr != nil || gerr != nil || uid == 0 {
			continue
		}
		return owner{name: n, uid: uid, gid: gid, drop: true}, nil
	}
	return owner{}, world.E(world.CodeUnavailable, op, fmt.Sprintf(
		"PostgreSQL does not run as root and there is no user %v: create one (useradd --system postgres) or start Meridian as a normal user", names))
}

func (o owner) credential() *syscall.Credential {
	if !o.drop {
		return nil
	}
	return &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid), Groups: []uint32{}}
}

// give hands a path that we made to the owner.
func (o owner) give(path string) error {
	if !o.drop {
		return nil
	}
	return os.Lchown(path, o.uid, o.gid)
}

// makeParent makes the directories above a data directory and refuses a path
// that the owner cannot walk: postgres would only say "could not access directory".
func (o owner) makeParent(op, dataDir string) error {
	mode := os.FileMode(0o700)
	if o.drop {
		mode = 0o711
	}
	parent := filepath.Dir(dataDir)
	if err := os.MkdirAll(parent, mode); err != nil {
		return world.Because(world.CodeInvalid, op, "cannot make "+parent+": choose a state directory that you may write to", err)
	}
	for dir := parent; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return world.Because(world.CodeInvalid, op, "cannot look at "+dir, err)
		}
		if !o.mayEnter(info) {
			return world.E(world.CodeInvalid, op, fmt.Sprintf(
				"user %s, who runs PostgreSQL, cannot enter %s: keep the state elsewhere (as root: /var/lib/meridian) or chmod o+x it", o.name, dir))
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func (o owner) mayEnter(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !o.drop {
		return true // ourselves: the system answers when we try
	}
	switch {
	case int(st.Uid) == o.uid:
		return info.Mode()&0o100 != 0
	case int(st.Gid) == o.gid:
		return info.Mode()&0o010 != 0
	}
	return info.Mode()&0o001 != 0
}

// makeSocketDir makes the directory or takes one that is ours. It sits under a
// directory that others may write to, so somebody else's is refused.
func (o owner) makeSocketDir(op, dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o711); err != nil {
		return world.Because(world.CodeInvalid, op, "cannot make the directory above "+dir, err)
	}
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		err = o.give(dir)
	}
	if err != nil && !os.IsExist(err) {
		return world.Because(world.CodeInvalid, op, "cannot make the socket directory "+dir, err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return world.Because(world.CodeInvalid, op, "cannot look at the socket directory "+dir, err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(st.Uid) != o.uid || info.Mode().Perm()&0o077 != 0 {
		return world.E(world.CodeConflict, op, fmt.Sprintf(
			"the socket directory %s must be a directory with mode 0700 of user %s: remove it or choose another", dir, o.name))
	}
	return nil
}
