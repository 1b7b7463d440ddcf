package cli

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"meridian/world"
)

// pictureEndings are the names of files that are taken out of a directory. A
// file that is named itself is sent whatever it is called.
var pictureEndings = []string{".avif", ".gif", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".webp"}

// expand makes files of what a command line names: files, globs that a shell has
// left alone, and with recursive the pictures of directories.
func expand(args []string, recursive bool) ([]string, error) {
	var out []string
	add := func(files ...string) {
		for _, f := range files {
			if !slices.Contains(out, f) {
				out = append(out, f)
			}
		}
	}
	for _, arg := range args {
		info, err := os.Stat(arg)
		switch {
		case err != nil && strings.ContainsAny(arg, "*?["):
			found, err := filepath.Glob(arg)
			found = slices.DeleteFunc(found, func(f string) bool { // as a shell would
				return strings.HasPrefix(filepath.Base(f), ".") && !strings.HasPrefix(filepath.Base(arg), ".")
			})
			if err != nil || len(found) == 0 {
				return nil, world.Because(world.CodeInvalid, "media.put", fmt.Sprintf("No file is named like %s.", arg), err)
			}
			add(found...)
		case err == nil && info.IsDir() && recursive:
			found, err := picturesIn(arg)
			if err != nil {
				return nil, err
			}
			add(found...)
		case err == nil && info.IsDir():
			return nil, world.E(world.CodeInvalid, "media.put", fmt.Sprintf("%s is a directory. Add --recursive to upload its pictures.", arg))
		default:
			add(arg)
		}
	}
	if len(out) == 0 {
		return nil, world.E(world.CodeInvalid, "media.put", "There is no picture there: no file's name ends in "+strings.Join(pictureEndings, ", ")+".")
	}
	return out, nil
}

// picturesIn are a directory's pictures, by name. What is hidden stays so.
func picturesIn(dir string) (files []string, err error) {
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		hidden := strings.HasPrefix(e.Name(), ".") && path != dir
		switch {
		case err != nil:
			return world.Because(world.CodeInvalid, "media.put", "The directory cannot be read: "+path, err)
		case hidden && e.IsDir():
			return fs.SkipDir
		case !hidden && e.Type().IsRegular() && slices.Contains(pictureEndings, strings.ToLower(filepath.Ext(path))):
			files = append(files, path)
		}
		return nil
	})
	return files, err
}
