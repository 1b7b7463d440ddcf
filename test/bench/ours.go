package main

import (
	"context"
	"path/filepath"
)

// ourName begins the names of our own set-ups.
const ourName = "Meridian"

// hotRAM is our RAM where the disk is measured: less than what is asked takes.
const hotRAM = "8MiB"

// ours is the stand-alone accelerator, as anybody would start it.
func ours(bin string) contender {
	return contender{name: ourName, http2: true, start: func(ctx context.Context, u setup) (*server, error) {
		ports, err := freePorts(2)
		if err != nil {
			return nil, err
		}
		// One port takes HTTP in clear and over TLS.
		s := &server{name: ourName, plain: local(ports[0]), secure: local(ports[0]), metrics: "http://" + local(ports[1]) + "/metrics"}
		args := []string{
			"edge", "--origin", "http://" + u.origin, "--listen", s.plain, "--admin", local(ports[1]), "--host", "visitor",
			"--tls-cert", u.cert, "--tls-key", u.key, "--tls-and-http", "--http3=false", "--log-level", "error",
		}
		if u.place == onDisk {
			args = append(args, "--cache-size", hotRAM, "--object-size", "1MiB", "--disk", filepath.Join(u.cache, "disk"), "--disk-size", "4GiB")
		} else {
			args = append(args, "--cache-size", "2GiB")
		}
		return s, s.spawn(ctx, u.core, bin, args...)
	}}
}
