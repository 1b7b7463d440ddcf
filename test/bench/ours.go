package main

import (
	"context"
	"path/filepath"
)

// ourName begins the names of our own set-ups.
const ourName = "Meridian"

// inFiles is ours with all contents in files that are in memory, as nginx has
// them: they are sent by the kernel, and copied by nobody.
const inFiles = ourName + ", files"

// onDiskAlone has what is asked kept on the disk alone, in RAM no more than heads.
var onDiskAlone = []string{"--cache-size", "64MiB", "--object-size", "8KiB", "--disk-size", "4GiB"}

// ours is the stand-alone accelerator, as anybody would start it.
func ours(name, bin string) contender {
	return contender{name: name, http2: name != inFiles, ramOnly: name == inFiles, start: func(ctx context.Context, u setup) (*server, error) {
		ports, err := freePorts(2)
		if err != nil {
			return nil, err
		}
		// One port takes HTTP in clear and over TLS.
		s := &server{name: name, plain: local(ports[0]), secure: local(ports[0]), metrics: "http://" + local(ports[1]) + "/metrics"}
		args := []string{
			"edge", "--origin", "http://" + u.origin, "--listen", s.plain, "--admin", local(ports[1]), "--host", "visitor",
			"--tls-cert", u.cert, "--tls-key", u.key, "--tls-and-http", "--http3=false", "--log-level", "error",
		}
		if u.place == onDisk || name == inFiles {
			args = append(append(args, onDiskAlone...), "--disk", filepath.Join(u.cache, "disk"))
		} else {
			args = append(args, "--cache-size", "2GiB")
		}
		return s, s.spawn(ctx, u.core, bin, args...)
	}}
}
