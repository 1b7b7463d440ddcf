package pgcluster

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"meridian/platform/wholefile"
)

const (
	settingsFile = "meridian.conf"
	signalFile   = "standby.signal"

	// maxConnections stays at initdb's default: it is in the control file that a
	// standby was copied with, and a standby with less refuses to start.
	maxConnections = 100
)

// settings is the text of meridian.conf. It is a file, not arguments, because
// pg_rewind starts a server that reads only files.
func settings(s Spec, o Options) string {
	var b strings.Builder
	set := func(name, value string) { fmt.Fprintf(&b, "%s = %s\n", name, quoteSetting(value)) }
	b.WriteString("# Written by Meridian at every start: changes here are lost.\n")
	set("cluster_name", s.Name)
	set("listen_addresses", "")
	set("unix_socket_directories", s.SocketDir)
	set("unix_socket_permissions", "0700")
	set("port", fmt.Sprint(s.Port))
	set("password_encryption", "scram-sha-256")
	set("max_connections", fmt.Sprint(maxConnections))
	set("shared_buffers", fmt.Sprintf("%dMB", o.SharedBuffersMB))
	set("jit", "off")
	set("timezone", "UTC")

	b.WriteString("\n# Durability\n")
	set("fsync", "on")
	set("full_page_writes", "on")
	set("synchronous_commit", "on")
	set("synchronous_standby_names", syncNames(s.Sync))

	b.WriteString("\n# Replication: a cut link is noticed in 5 s and taken up again in 200 ms\n")
	set("wal_level", "replica")
	set("hot_standby", "on")
	set("hot_standby_feedback", "off")
	set("wal_keep_size", fmt.Sprintf("%dMB", o.WALKeepMB))
	set("max_slot_wal_keep_size", fmt.Sprintf("%dMB", o.WALKeepMB))
	set("wal_sender_timeout", "5s")
	set("wal_receiver_timeout", "5s")
	set("wal_retrieve_retry_interval", "200ms")
	set("max_standby_streaming_delay", "1s") // a read on a standby does not hold its freshness back
	if s.StandbyOf != nil {
		// Without its own application_name a standby never matches synchronous_standby_names and every commit hangs.
		set("primary_conninfo", s.StandbyOf.ConnInfo+" application_name="+quoteConn(s.Name))
	}

	if s.Alone {
		set("default_transaction_read_only", "on")
		set("autovacuum", "off")
	}

	b.WriteString("\n# Small and quiet: a dozen of these share a machine\n")
	set("min_wal_size", "20MB")
	set("max_wal_size", "128MB")
	set("bgwriter_delay", "1s")
	set("wal_writer_delay", "1s") // matters only to asynchronous commits
	set("autovacuum_naptime", "1min")
	set("autovacuum_max_workers", "2")
	set("max_logical_replication_workers", "0")

	b.WriteString("\n# Log: the supervisor gives standard error a file and bounds it\n")
	set("logging_collector", "off")
	set("log_destination", "stderr")
	set("log_timezone", "UTC")
	set("log_line_prefix", "%m [%p] %q%u@%d ")
	set("log_checkpoints", "off")
	if s.Resident {
		// DETAIL and STATEMENT lines quote rows: personal data has no place in a log.
		set("log_error_verbosity", "terse")
		set("log_min_error_statement", "panic")
	}
	return b.String()
}

// syncNames is the value of synchronous_standby_names: any one of the names confirms.
func syncNames(names []string) string {
	if len(names) == 0 {
		return ""
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = `"` + n + `"`
	}
	return "ANY 1 (" + strings.Join(quoted, ", ") + ")"
}

// quoteSetting quotes a value of postgresql.conf, where backslashes escape too.
func quoteSetting(v string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(v) + "'"
}

// accessRules is the text of pg_hba.conf; the first line that matches decides.
// The rejecting line keeps the replication role out of every database, where it
// could otherwise decode rows that it has no right to select.
func accessRules(alone, replicates bool) string {
	var b strings.Builder
	b.WriteString("# Written by Meridian at every start: changes here are lost.\n")
	if alone {
		fmt.Fprintf(&b, "local all %s scram-sha-256\n", SuperUser)
		return b.String()
	}
	if replicates {
		fmt.Fprintf(&b, "local replication %s scram-sha-256\n", ReplicationUser)
	}
	fmt.Fprintf(&b, "local all %s reject\n", ReplicationUser)
	b.WriteString("local all all scram-sha-256\n")
	return b.String()
}

// replicates says whether anybody may stand by s. A resident server is followed
// only by what its Sync names. A standby answers as its primary does, because
// its siblings follow it once it is promoted.
func replicates(s Spec, specs []Spec) bool {
	if s.Peer != "" || s.Followed {
		return true
	}
	if s.StandbyOf != nil {
		up := slices.IndexFunc(specs, func(o Spec) bool { return o.Name == s.StandbyOf.Name })
		return up >= 0 && replicates(specs[up], specs)
	}
	if len(s.Sync) > 0 || s.Resident {
		return len(s.Sync) > 0
	}
	return slices.ContainsFunc(specs, func(o Spec) bool { return o.StandbyOf != nil && o.StandbyOf.Name == s.Name })
}

func writeSettings(s Spec, o Options, own owner, replicates bool) error {
	if err := writeOwned(filepath.Join(s.DataDir, settingsFile), settings(s, o), own); err != nil {
		return err
	}
	return writeOwned(filepath.Join(s.DataDir, "pg_hba.conf"), accessRules(s.Alone, replicates), own)
}

// writeOwned replaces a file whole. It follows no link: a root process may write in
// a directory that another user owns.
func writeOwned(path, text string, own owner) error {
	var o wholefile.Options
	if own.drop {
		o.Own = func(f *os.File) error { return f.Chown(own.uid, own.gid) }
	}
	return o.Replace(path, []byte(text))
}
