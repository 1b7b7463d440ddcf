package app

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"

	"meridian/adapter/yaml"
	"meridian/world"
)

// Overlay lays a file of settings over files: what a role's section in it says
// takes the place of what they say, wherever they have that role. Errors: invalid
// for a file that cannot be read, and for anything in it but settings of roles.
func Overlay(path string, files []*File) error {
	const op = "config.overlay"
	fd, err := os.Open(path)
	if err != nil {
		return world.Because(world.CodeInvalid, op, "The settings cannot be read: "+path, err)
	}
	defer fd.Close()
	text, err := io.ReadAll(io.LimitReader(fd, yaml.MaxFileBytes+1))
	if err != nil {
		return world.Because(world.CodeInvalid, op, "The settings cannot be read: "+path, err)
	}
	keys, err := yaml.Keys(path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	for _, k := range keys {
		if !slices.Contains(sharedSections, k) && !slices.Contains(RoleNames(), k) {
			return world.E(world.CodeInvalid, op, fmt.Sprintf("%s: %.40q is not a role: write the sections of roles, location and cdns, as docs/config.md lists them.", path, k))
		}
	}
	for _, f := range files {
		if err := f.overlay(path, text); err != nil {
			return err
		}
	}
	return nil
}

// sharedSections are no role's own, and no place's.
var sharedSections = []string{"location", "cdns"}

func (f *File) overlay(path string, text []byte) error {
	had := f.Roles()
	if err := yaml.Decode(path, bytes.NewReader(text), f); err != nil {
		return err
	}
	for role, drop := range map[string]func(){
		"edge": func() { f.Edge = nil }, "shield": func() { f.Shield = nil }, "media": func() { f.Media = nil },
		"shop": func() { f.Shop = nil }, "owner": func() { f.Owner = nil }, "ops": func() { f.Ops = nil },
		"geodns": func() { f.GeoDNS = nil }, "monitor": func() { f.Monitor = nil },
	} {
		if !slices.Contains(had, role) {
			drop()
		}
	}
	return nil
}
