package pgcluster

import (
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
