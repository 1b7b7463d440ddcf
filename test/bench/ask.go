package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"meridian/test/bench/loadgen"
)

// innerCommands are what this program starts itself as.
var innerCommands = map[string]func(context.Context, []string) error{
	"pin": pin, "generate": generate, "transform": transformOnce, "peak": peak, "asknames": askNames,
	"sell": sell,
}

// measurement is one server measured once.
type measurement struct {
	loadgen.Result
	CPU time.Duration `json:"server_cpu"` // that the server took meanwhile
}

// perCoreSecond is how many requests the server answers in a second of one core.
func (m measurement) perCoreSecond() float64 { return float64(m.Requests) / m.CPU.Seconds() }

// clientShare is how much of its core who asks was busy. Near 1 it may be who
// asks that was the limit; requests per second of the server's CPU hold all the
// same, latencies do not.
func (m measurement) clientShare() float64 { return m.Own.Seconds() / m.Elapsed.Seconds() }

// order is what the process that asks is told.
type order struct {
	Options loadgen.Options
	Server  int // its process
}

// generate asks over HTTP/1.1, and tells what it counted on standard output.
func generate(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("generate takes one order")
	}
	var o order
	if err := json.Unmarshal([]byte(args[0]), &o); err != nil {
		return err
	}
	var from, to time.Duration
	var fromErr, toErr error
	res, err := loadgen.Run(ctx, o.Options, func() { from, fromErr = cpuOf(o.Server) }, func() { to, toErr = cpuOf(o.Server) })
	if err = errors.Join(err, fromErr, toErr); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(measurement{res, to - from})
}

// askPlain has one server measured over HTTP/1.1, from a core of its own.
func askPlain(ctx context.Context, core int, s *server, c hitCase, warm, length time.Duration) (measurement, error) {
	text, err := json.Marshal(order{loadgen.Options{
		Addr: s.plain, Host: hostAsked, Path: c.object.path, Objects: c.object.count, Length: c.object.bytes,
		Conns: c.conns, Warm: warm, Measure: length,
	}, s.pid})
	if err != nil {
		return measurement{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return measurement{}, err
	}
	cmd := exec.CommandContext(ctx, self, "pin", strconv.Itoa(core), self, "generate", string(text))
	cmd.Env = append(os.Environ(), "GOGC=off", "GOMAXPROCS=1")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return measurement{}, fmt.Errorf("%s: %w: %s", s.name, err, said.String())
	}
	var m measurement
	if err := json.Unmarshal(out, &m); err != nil {
		return m, err
	}
	return m, m.check(s)
}

// check refuses what is no measurement of hits.
func (m measurement) check(s *server) error {
	switch {
	case m.Errors > 0:
		return fmt.Errorf("%s: %d of %d requests failed, the first: %s", s.name, m.Errors, m.Requests, m.First)
	case m.Requests == 0 || m.CPU <= 0:
		return fmt.Errorf("%s: %d requests in %v of CPU", s.name, m.Requests, m.CPU)
	}
	return nil
}
