package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// copyCluster copies the data directory of a server that is not running, for a
// standby of it, without what belongs to that server alone.
func copyCluster(from, to string, own owner) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case leftOut(rel):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			if err := os.Mkdir(target, 0o700); err != nil {
				return err
			}
			return own.give(target)
		case d.Type().IsRegular():
			return copyFile(path, target, own)
		}
		return fmt.Errorf("%s is neither a file nor a directory: tablespaces and linked directories cannot be copied", path)
	})
}

// copyRunning copies the data directory of a server that runs and is in backup
// mode: files come and go and change meanwhile, which the log mends. The log
// itself, and what a start makes anew, stay out (PostgreSQL manual, 26.3.4). The
// control file comes last, as in pg_basebackup.
func copyRunning(ctx context.Context, from, to string, own owner) error {
	last := filepath.Join("global", "pg_control")
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case rel == last || leftOut(rel) || madeAnew(rel):
			return nil
		case d.IsDir():
			if err := os.Mkdir(target, 0o700); err != nil {
				return err
			}
			return own.give(target)
		case d.Type().IsRegular():
			if err := copyFile(path, target, own); !os.IsNotExist(err) {
				return err
			}
			return nil
		}
		return fmt.Errorf("%s is neither a file nor a directory: tablespaces and linked directories cannot be copied", path)
	})
	if err != nil {
		return err
	}
	return copyFile(filepath.Join(from, last), filepath.Join(to, last), own)
}

// madeAnew: the content of directories that a start fills, and the settings, which
// are written for each server.
func madeAnew(rel string) bool {
	switch top, _, inside := strings.Cut(rel, "/"); top {
	case "pg_wal":
		return inside && rel != "pg_wal/archive_status"
	case "pg_dynshmem", "pg_notify", "pg_serial", "pg_snapshots", "pg_stat_tmp", "pg_subtrans":
		return inside
	case settingsFile, "pg_hba.conf", "backup_label", "tablespace_map", promoteFile:
		return true
	}
	return filepath.Base(rel) == "pg_internal.init"
}

// leftOut: the pid file and options of a run, the marker (written last), the
// slots, which must not be shared, and temporary files.
func leftOut(rel string) bool {
	switch rel {
	case pidFileName, "postmaster.opts", markerFile, signalFile:
		return true
	}
	dir, name := filepath.Split(rel)
	return dir == "pg_replslot/" || strings.HasPrefix(name, "pgsql_tmp") || strings.HasPrefix(name, ".meridian-")
}

func copyFile(from, to string, own owner) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err = io.Copy(dst, src); err != nil {
		dst.Close()
		return err
	}
	if err := dst.Close(); err != nil {
		return err
	}
	return own.give(to)
}
