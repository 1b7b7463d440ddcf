package main

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"meridian/test/bench/loadgen"
)

func TestEachCaseIsMeasuredFromBothPlaces(t *testing.T) {
	for _, p := range []place{inRAM, onDisk} {
		if n := len(cases(p, "")); n != 8 {
			t.Errorf("%s: %d cases", p, n)
		}
	}
	got := cases(inRAM, "HTTP/1.1 20 KB 64 RAM")
	if len(got) != 1 || got[0].String() != "HTTP/1.1, 20 KB, 64 connections, from RAM" {
		t.Errorf("%v", got)
	}
	if n := len(cases(onDisk, "RAM")); n != 0 {
		t.Errorf("%d cases from RAM that are on the disk", n)
	}
}

func TestSectionsByName(t *testing.T) {
	all, err := wantedSections("")
	if err != nil || !all["hits"] || !all["world"] {
		t.Error(all, err)
	}
	some, err := wantedSections(" ratio,memory")
	if err != nil || some["hits"] || !some["ratio"] || !some["memory"] {
		t.Error(some, err)
	}
	if _, err := wantedSections("hit"); err == nil || !strings.Contains(err.Error(), "dns, hits, memory, purge, ratio, shoppers, transforms, world") {
		t.Error(err)
	}
}

// The figure is requests by the server's CPU, not by the clock.
func TestRequestsACoreSecond(t *testing.T) {
	m := measurement{loadgen.Result{Requests: 3000, Elapsed: 2 * time.Second, Own: time.Second}, 500 * time.Millisecond}
	if m.perCoreSecond() != 6000 || m.clientShare() != 0.5 {
		t.Error(m.perCoreSecond(), m.clientShare())
	}
	s := &server{name: "x"}
	if m.check(s) != nil {
		t.Error(m.check(s))
	}
	m.Errors, m.First = 1, "reset"
	if err := m.check(s); err == nil || !strings.Contains(err.Error(), "reset") {
		t.Error(err)
	}
	if (measurement{}).check(s) == nil {
		t.Error("nothing was measured, and it passes")
	}
}

// Ratios are of the same round, whatever the machine did in others; a missed aim is said.
func TestFiguresOfACase(t *testing.T) {
	f := caseFigures{hitCase: cases(inRAM, "HTTP/1.1 20 KB 64")[0], misses: map[string]int64{ourName: 7}}
	add := func(name string, rates ...uint64) {
		for round, r := range rates {
			if r > 0 {
				f.add(round, name, measurement{loadgen.Result{Requests: r, Elapsed: time.Second, P99: time.Duration(r) * time.Microsecond}, time.Second})
			}
		}
	}
	add(ourName, 900, 5000, 110, 330)
	add("nginx", 1000, 0, 100, 300)
	add(varnishDefault, 450)
	add(varnishQuiet, 600)
	f.failed("nginx", errors.New("gone"))
	var out bytes.Buffer
	f.print(&out)
	for _, want := range []string{"1.10 × nginx, aim ≥ 1.2: missed", "2.00 × Varnish, aim ≥ 2.0: reached", "p99 1.10 × nginx, aim ≤ 2: reached", "Meridian asked the origin 7 times", "failed: nginx: gone"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not said:\n%s", want, out.String())
		}
	}
	if _, ok := f.ratio(varnishQuiet, "absent", p99ms); ok {
		t.Error("a ratio to what was not measured")
	}
}

func TestChosen(t *testing.T) {
	field := []contender{{name: ourName}, {name: inFiles}, {name: "nginx"}}
	if got := chosen(slices.Clone(field), "nginx,"+ourName); len(got) != 2 || got[0].name != ourName || got[1].name != "nginx" {
		t.Error(got)
	}
	if got := chosen(slices.Clone(field), ""); len(got) != 3 {
		t.Error(got)
	}
}

func TestReadH2loadLog(t *testing.T) {
	from, to := time.UnixMicro(1_000_000), time.UnixMicro(2_000_000)
	log := "900000\t200\t50000\n990000\t200\t20000\n1500000\t200\t1000\n1999999\t200\t2\n1600000\t503\t10\n"
	m, err := readH2loadLog(strings.NewReader(log), from, to)
	if err != nil || m.Requests != 2 || m.Errors != 1 || m.First != "status 503" || m.Max < 20*time.Millisecond || m.Max > 21*time.Millisecond {
		t.Errorf("%+v, %v", m, err)
	}
	for _, bad := range []string{"1 2\n", "x 200 1\n", "1 200 x\n"} {
		if _, err := readH2loadLog(strings.NewReader(bad), from, to); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestWatchH2load(t *testing.T) {
	cpu := time.Duration(0)
	read := func() (time.Duration, error) { cpu += time.Second; return cpu, nil }
	own := func() time.Duration { return cpu / 2 }
	w, err := watchH2load(strings.NewReader("starting\nMain benchmark duration is started for thread #0.\nMain benchmark duration is over for thread #0. Stopping\nfinished\n"), read, own)
	if err != nil || w.cpu != time.Second || w.to.Before(w.from) || !strings.Contains(w.said, "finished") {
		t.Errorf("%+v, %v", w, err)
	}
	if _, err := watchH2load(strings.NewReader("warming up\n"), read, own); err == nil {
		t.Error("it did not count, and no error")
	}
}

func TestSumOfMetrics(t *testing.T) {
	page := "# HELP a{ b\na{region=\"x\",state=\"pending\"} 3\na{region=\"y\",state=\"pending\"} 2\na{state=\"failed\"} 9\nab{state=\"pending\"} 9\n"
	if got, err := sumOf(strings.NewReader(page), map[string]string{"a{": `state="pending"`}); err != nil || got != 5 {
		t.Error(got, err)
	}
	for _, bad := range []string{"", "a{state=\"failed\"} 0\n", "a{state=\"pending\"} x\n"} {
		if got, err := sumOf(strings.NewReader(bad), map[string]string{"a{": `state="pending"`}); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

func TestParseMetrics(t *testing.T) {
	page := "# HELP a b\n# TYPE a counter\na 1.5e+03\na_b 2\nlabelled{x=\"y\"} 3\n"
	got, err := parseMetrics(strings.NewReader(page), "a", "a_b")
	if err != nil || got["a"] != 1500 || got["a_b"] != 2 {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"a x\n", "b 1\n", ""} {
		if _, err := parseMetrics(strings.NewReader(bad), "a"); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
