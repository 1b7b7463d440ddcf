// Package wholefile replaces small files whole: a reader, and who comes after a
// crash or a loss of power, finds the old one or the new one, never a part.
package wholefile

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// half stands in the name of a file that is being written, behind its own name.
const half = ".new-"

// Options say how a file is replaced. The zero Options give it mode 0600.
type Options struct {
	Mode fs.FileMode            // 0: 0600
	Own  func(*os.File) error   // makes the file its owner's before it is to be seen; nil: it is this process's
	Sync func(f *os.File) error // has the disk keep a file or a folder; nil: [os.File.Sync]
}

// Replace puts data in the place of what a file holds, or makes the file. When it
// returns nil, data is on the disk under that name; else the file is as it was, or
// holds data already and only its folder could not be synced. Several at once do
// not mix: one of them is the last. It follows no link that lies at path.
func Replace(path string, data []byte) error { return Options{}.Replace(path, data) }

// Replace is [Replace] with options.
func (o Options) Replace(path string, data []byte) error {
	if o.Sync == nil {
		o.Sync = (*os.File).Sync
	}
	dir, name := filepath.Split(path)
	dir = cmp.Or(dir, ".")
	f, err := os.CreateTemp(dir, name+half+"*") // of mode 0600, and not there before
	if err != nil {
		return err
	}
	if err := errors.Join(o.write(f, data), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return o.syncFolder(dir)
}

func (o Options) write(f *os.File, data []byte) error {
	if _, err := f.Write(data); err != nil {
		return err
	}
	if o.Mode != 0 {
		if err := f.Chmod(o.Mode); err != nil {
			return err
		}
	}
	if o.Own != nil {
		if err := o.Own(f); err != nil {
			return err
		}
	}
	return o.Sync(f)
}

func (o Options) syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(o.Sync(d), d.Close())
}

// Of is the name of the file that a file's name stands for: its own, or, of what a
// crash left of a file that was being replaced, that one's.
func Of(name string) string {
	of, _, _ := strings.Cut(name, half)
	return of
}
