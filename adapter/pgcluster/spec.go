package pgcluster

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"meridian/world"
)

const (
	// SuperUser is the superuser role of every server; its password is Spec.SuperPassword.
	SuperUser = "postgres"
	// ReplicationUser is the role that standbys connect with. It may replicate
	// and cannot log in to any database.
	ReplicationUser = "replicator"
	// MaxSocketDir is the longest SocketDir, in bytes. A socket's path ends at
	// 107 bytes on Linux and 103 on macOS (sun_path); the file name needs 15 of them.
	MaxSocketDir = 80
)

// Spec describes one PostgreSQL server.
type Spec struct {
	Name      string    // unique; also cluster_name and, for a standby, its application_name: at most 63 of a-z 0-9 . @ _ -
	DataDir   string    // absolute; ".log", ".log.1", ".lock" and ".making" are put beside it
	SocketDir string    // absolute, at most MaxSocketDir bytes; may be shared by many servers; made with mode 0700
	Port      int       // 1 to 65535: names the socket .s.PGSQL.<port>; no TCP port is opened
	Database  string    // created by Prepare: at most 63 of a-z 0-9 _; a standby has its primary's
	StandbyOf *Upstream // nil for a primary
	Sync      []string  // names of the standbys one of which must confirm a commit; empty: commits are local
	Peer      string    // the other server of a pair in which each may take over from the other: it may follow, and neither is started again by itself
	Followed  bool      // others may follow it, whatever it is now: of a cluster whose primary may move
	Alone     bool      // only the superuser may connect, and nothing is written: for one that was taken over from, to see what it has
	Resident  bool      // holds resident data: only standbys that Sync or Peer names may follow, and logs carry no data

	SuperPassword       string // of SuperUser, set by Prepare
	ReplicationPassword string // of ReplicationUser, set by Prepare
}

// Upstream is the primary that a standby follows.
type Upstream struct {
	Name     string // the primary's Spec.Name
	ConnInfo string // libpq keyword string to reach it, password included; the standby's own name is added as application_name
	DataDir  string // the primary's directory, for the cold copy; "" takes that of the spec called Name
}

// SocketPath is the unix socket that the server listens on.
func SocketPath(s Spec) string {
	return filepath.Join(s.SocketDir, fmt.Sprintf(".s.PGSQL.%d", s.Port))
}

// ConnString is a libpq keyword string for the server's socket, as pgx and
// Upstream.ConnInfo take it. An empty password or database is left out.
func ConnString(s Spec, user, password, database string) string {
	parts := []string{"host=" + quoteConn(s.SocketDir), fmt.Sprintf("port=%d", s.Port), "user=" + quoteConn(user)}
	if password != "" {
		parts = append(parts, "password="+quoteConn(password))
	}
	if database != "" {
		parts = append(parts, "dbname="+quoteConn(database))
	}
	return strings.Join(parts, " ")
}

// ConnStringAny is a keyword string for whichever of two servers of a pair takes
// writes: pgx, like libpq, tries them in turn.
func ConnStringAny(a, b Spec, user, password, database string) string {
	s := ConnString(a, user, password, database)
	first := fmt.Sprintf("host=%s port=%d", quoteConn(a.SocketDir), a.Port)
	both := fmt.Sprintf("host=%s port=%d,%d target_session_attrs=read-write", quoteConn(a.SocketDir+","+b.SocketDir), a.Port, b.Port)
	return both + strings.TrimPrefix(s, first)
}

// quoteConn quotes a value of a libpq keyword string (PostgreSQL manual, 34.1.1.1).
func quoteConn(v string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(v) + "'"
}

var (
	nameForm     = regexp.MustCompile(`^[a-z0-9][a-z0-9.@_-]{0,62}$`)
	databaseForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
)

// checkSpecs refuses specs that could not run, one by one and together.
func checkSpecs(op string, specs []Spec) error {
	byName := make(map[string]Spec, len(specs))
	taken := map[string]string{}
	for _, s := range specs {
		if err := s.check(op); err != nil {
			return err
		}
		for _, thing := range []string{"name " + s.Name, "directory " + s.DataDir, "socket " + SocketPath(s)} {
			if other, ok := taken[thing]; ok {
				return world.E(world.CodeInvalid, op, fmt.Sprintf("%s and %s both have the %s: give each its own", other, s.Name, thing))
			}
			taken[thing] = s.Name
		}
		byName[s.Name] = s
	}
	for _, s := range specs {
		if s.StandbyOf == nil {
			continue
		}
		up, known := byName[s.StandbyOf.Name]
		if !known {
			continue
		}
		if up.StandbyOf != nil {
			return world.E(world.CodeInvalid, op, fmt.Sprintf("%s stands by %s, which is a standby itself: name the primary", s.Name, up.Name))
		}
		if up.Resident && (!s.Resident || !slices.Contains(up.Sync, s.Name) && up.Peer != s.Name) {
			return world.E(world.CodeForbidden, op, fmt.Sprintf(
				"%s holds resident data and may be followed only by resident standbys that its Sync names; %s is none", up.Name, s.Name))
		}
	}
	return nil
}

func (s Spec) check(op string) error {
	bad := func(format string, args ...any) error {
		return world.E(world.CodeInvalid, op, fmt.Sprintf("server %.80q: ", s.Name)+fmt.Sprintf(format, args...))
	}
	switch {
	case !nameForm.MatchString(s.Name):
		return bad("a name is 1 to 63 of a-z 0-9 . @ _ -, the first a letter or digit")
	case !filepath.IsAbs(s.DataDir) || !printable(s.DataDir):
		return bad("DataDir %q must be an absolute path", s.DataDir)
	case !filepath.IsAbs(s.SocketDir) || !printable(s.SocketDir):
		return bad("SocketDir %q must be an absolute path", s.SocketDir)
	case len(s.SocketDir) > MaxSocketDir:
		return bad("SocketDir has %d bytes, a socket path allows %d: use a short one such as /tmp/meridian-1", len(s.SocketDir), MaxSocketDir)
	case strings.ContainsAny(s.SocketDir, `," `): // the setting is a list, with quotes
		return bad("SocketDir %q must not hold a comma, a quote or a space", s.SocketDir)
	case s.Port < 1 || s.Port > 65535:
		return bad("Port %d is not within 1 to 65535", s.Port)
	case !databaseForm.MatchString(s.Database):
		return bad("Database %q must be 1 to 63 of a-z 0-9 _, the first a letter", s.Database)
	case !printable(s.SuperPassword) || !printable(s.ReplicationPassword):
		return bad("passwords must be set and hold no control characters")
	case s.Resident && s.Followed:
		return bad("resident data has no followers but those that Sync or Peer names: leave Followed out")
	case s.StandbyOf != nil && len(s.Sync) > 0:
		return bad("a standby has no synchronous standbys: leave Sync empty")
	}
	if s.Peer != "" && (!nameForm.MatchString(s.Peer) || s.Peer == s.Name) {
		return bad("Peer names %.80q, which is no other server's name", s.Peer)
	}
	for _, name := range s.Sync {
		if !nameForm.MatchString(name) || name == s.Name {
			return bad("Sync names %.80q, which is no other server's name", name)
		}
	}
	if up := s.StandbyOf; up != nil {
		if !nameForm.MatchString(up.Name) || up.Name == s.Name {
			return bad("StandbyOf names %.80q, which is no other server's name", up.Name)
		}
		if !printable(up.ConnInfo) {
			return bad("StandbyOf.ConnInfo must be one line that says how to reach %s", up.Name)
		}
	}
	return nil
}

// printable: text that fits on one line of a settings file or of single-user input.
func printable(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
