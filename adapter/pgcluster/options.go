package pgcluster

import (
	"cmp"
	"fmt"
	"runtime"
	"time"

	"meridian/world"
)

// Options are a supervisor's limits. The zero value of a field takes its default.
type Options struct {
	Owner    string // user that servers run as when started by root; default "postgres", else "nobody"
	Parallel int    // data directories made at once; default: number of cores

	StartTimeout  time.Duration // from start to ready, crash recovery included; default 60 s
	OldServerWait time.Duration // for a server that an earlier run left behind to go; default 5 s
	StopTimeout   time.Duration // after SIGINT, before SIGQUIT; default 10 s
	QuitTimeout   time.Duration // after SIGQUIT, before SIGKILL; default 6 s

	RestartMin  time.Duration // first wait before a server that died is started again; default 100 ms
	RestartMax  time.Duration // the wait doubles up to this; default 10 s
	StableAfter time.Duration // a server that lived this long begins with RestartMin again; default 30 s

	SharedBuffersMB int   // shared_buffers of each server, 16 to 1024; default 32
	WALKeepMB       int   // log kept for standbys that are behind, 16 to 65536; default 128
	LogLimitBytes   int64 // a server's log moves aside beyond this size, at least 4096; default 4 MiB
}

func (o Options) withDefaults() Options {
	o.Parallel = cmp.Or(o.Parallel, runtime.NumCPU())
	o.StartTimeout = cmp.Or(o.StartTimeout, 60*time.Second)
	o.OldServerWait = cmp.Or(o.OldServerWait, 5*time.Second)
	o.StopTimeout = cmp.Or(o.StopTimeout, 10*time.Second)
	o.QuitTimeout = cmp.Or(o.QuitTimeout, 6*time.Second) // postgres itself kills its children 5 s after SIGQUIT
	o.RestartMin = cmp.Or(o.RestartMin, 100*time.Millisecond)
	o.RestartMax = cmp.Or(o.RestartMax, 10*time.Second)
	o.StableAfter = cmp.Or(o.StableAfter, 30*time.Second)
	o.SharedBuffersMB = cmp.Or(o.SharedBuffersMB, 32)
	o.WALKeepMB = cmp.Or(o.WALKeepMB, 128)
	o.LogLimitBytes = cmp.Or(o.LogLimitBytes, 4<<20)
	return o
}

func (o Options) check(op string) error {
	within := func(name string, v, low, high int64) error {
		if v < low || v > high {
			return world.E(world.CodeInvalid, op, fmt.Sprintf("%s is %d, must be %d to %d", name, v, low, high))
		}
		return nil
	}
	for _, err := range []error{
		within("Parallel", int64(o.Parallel), 1, 1024),
		within("SharedBuffersMB", int64(o.SharedBuffersMB), 16, 1024),
		within("WALKeepMB", int64(o.WALKeepMB), 16, 65536),
		within("LogLimitBytes", o.LogLimitBytes, 4096, 1<<40),
		within("RestartMin (ns)", int64(o.RestartMin), 1, int64(o.RestartMax)),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}
