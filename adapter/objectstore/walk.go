package objectstore

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// walk lists a directory in the byte order of keys. It enters only folders that
// can hold what is asked for, so going on from a key costs what is left, not
// what there is.
func (d *directory) walk(ctx context.Context, prefix, after string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		d.walkFolder(ctx, "", prefix, after, yield)
	}
}

// walkFolder lists the folder of a key's beginning, "" or ending in a slash; it
// tells whether to go on.
func (d *directory) walkFolder(ctx context.Context, folder, prefix, after string, yield func(Info, error) bool) bool {
	names, err := d.names(ctx, folder)
	if err != nil {
		yield(Info{}, err)
		return false
	}
	for _, name := range names {
		key := folder + name
		isFolder := strings.HasSuffix(key, "/")
		switch {
		case isFolder && !strings.HasPrefix(key, prefix) && !strings.HasPrefix(prefix, key),
			!isFolder && !strings.HasPrefix(key, prefix),
			key <= after && !(isFolder && strings.HasPrefix(after, key)):
			continue
		case isFolder:
			if !d.walkFolder(ctx, key, prefix, after, yield) {
				return false
			}
			continue
		}
		stat, err := os.Lstat(filepath.Join(d.root, key))
		if errors.Is(err, fs.ErrNotExist) {
			continue // it went meanwhile
		}
		if err != nil {
			yield(Info{}, err)
			return false
		}
		if stat.Mode().IsRegular() && !yield(describe(key, stat.Size(), stat.ModTime()), nil) {
			return false
		}
	}
	return true
}

// names are a folder's, those of folders with their slash, because a key is
// compared with it: a-b comes before a/b.
func (d *directory) names(ctx context.Context, folder string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(d.root, folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	entries, err := f.ReadDir(-1)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
		if e.IsDir() {
			names[i] += "/"
		}
	}
	slices.Sort(names)
	return names, nil
}
