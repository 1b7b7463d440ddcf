// Package meridian carries the files of the world that ships: the world file
// itself. The shop's data is in data/, beside its checks.
package meridian

import _ "embed"

// WorldFile is the shipped world.yaml.
//
//go:embed world.yaml
var WorldFile []byte
