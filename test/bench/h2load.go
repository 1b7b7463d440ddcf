package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"meridian/test/bench/loadgen"
)

// Times of h2load, far above what they are on an idle machine.
const (
	handshake      = 1500 * time.Microsecond
	h2loadPatience = time.Minute
)

// askSecure has one server measured over HTTP/2 and TLS, by h2load.
func askSecure(ctx context.Context, core int, s *server, c hitCase, warm, length time.Duration, dir string) (measurement, error) {
	uris, log := filepath.Join(dir, "uris"), filepath.Join(dir, "h2load.log")
	var list strings.Builder
	for i := range c.object.count {
		fmt.Fprintf(&list, "https://%s%s%d\n", s.secure, c.object.path, i)
	}
	if err := os.WriteFile(uris, []byte(list.String()), 0o600); err != nil {
		return measurement{}, err
	}
	defer os.Remove(log)
	self, err := os.Executable()
	if err != nil {
		return measurement{}, err
	}
	// Each connection's handshake has to be over before it counts: h2load gets
	// lost where some are still under way then.
	warm += time.Duration(c.conns) * handshake
	ctx, cancel := context.WithTimeout(ctx, warm+length+h2loadPatience)
	defer cancel()
	seconds := func(d time.Duration) string { return strconv.Itoa(max(1, int(d.Round(time.Second)/time.Second))) }
	cmd := exec.CommandContext(ctx, self, "pin", strconv.Itoa(core), "h2load", "-t1", "-c", strconv.Itoa(c.conns), "-m", strconv.Itoa(c.streams),
		"-w20", "-W24", "-H", ":authority: "+hostAsked, "-D", seconds(length), "--warm-up-time", seconds(warm), "-i", uris, "--log-file", log)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return measurement{}, err
	}
	if err := cmd.Start(); err != nil {
		return measurement{}, err
	}
	w, err := watchH2load(pipe, func() (time.Duration, error) { return cpuOf(s.pid) }, func() time.Duration { return processCPU(cmd.Process.Pid) })
	if waitErr := cmd.Wait(); err == nil {
		err = waitErr
	}
	if err != nil {
		return measurement{}, fmt.Errorf("h2load at %s: %w\n%s", s.name, err, w.said)
	}
	f, err := os.Open(log)
	if err != nil {
		return measurement{}, err
	}
	defer f.Close()
	m, err := readH2loadLog(f, w.from, w.to)
	if err != nil {
		return m, err
	}
	m.CPU, m.Own, m.Elapsed = w.cpu, w.own, w.to.Sub(w.from)
	return m, m.check(s)
}

// window is when h2load counted, and what it cost.
type window struct {
	from, to time.Time
	cpu, own time.Duration
	said     string
}

// The lines by which h2load tells that it counts, and that it has counted.
const (
	h2loadBegins = "Main benchmark duration is started"
	h2loadEnds   = "Main benchmark duration is over"
)

func watchH2load(from io.Reader, serverCPU func() (time.Duration, error), ownCPU func() time.Duration) (window, error) {
	var w window
	var said strings.Builder
	var before time.Duration
	var ownBefore time.Duration
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		line := lines.Text()
		said.WriteString(line + "\n")
		var err error
		switch {
		case strings.HasPrefix(line, h2loadBegins):
			before, err = serverCPU()
			w.from, ownBefore = time.Now(), ownCPU()
		case strings.HasPrefix(line, h2loadEnds):
			w.to = time.Now()
			w.own = ownCPU() - ownBefore
			w.cpu, err = serverCPU()
			w.cpu -= before
		}
		if err != nil {
			return w, err
		}
	}
	w.said = said.String()
	if w.from.IsZero() || w.to.IsZero() {
		return w, errors.New("it did not tell when it counted")
	}
	return w, lines.Err()
}

// readH2loadLog reads the times of requests that ended in the window: start in
// microseconds since 1970, status, microseconds that it took.
func readH2loadLog(log io.Reader, from, to time.Time) (measurement, error) {
	var m measurement
	var latency loadgen.Histogram
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) != 3 {
			return m, fmt.Errorf("h2load's log has a line %q", lines.Text())
		}
		start, err1 := strconv.ParseInt(f[0], 10, 64)
		took, err2 := strconv.ParseInt(f[2], 10, 64)
		if err1 != nil || err2 != nil {
			return m, fmt.Errorf("h2load's log has a line %q", lines.Text())
		}
		ended := time.UnixMicro(start + took)
		if ended.Before(from) || ended.After(to) {
			continue
		}
		if f[1] != "200" {
			m.Errors++
			m.First = "status " + f[1]
			continue
		}
		latency.Add(time.Duration(took) * time.Microsecond)
	}
	m.Requests, m.P50, m.P99, m.Max = latency.Count(), latency.Quantile(.5), latency.Quantile(.99), latency.Quantile(1)
	return m, lines.Err()
}
