package main

import (
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	p, ok := parseStat("42 (a) b (c)) S 7 42 42 0 -1 4194304 1 2 3 4 100 20 3 1 20 0 1 0 99 1 1")
	if !ok || p.parent != 7 || p.cpu != 1240*time.Millisecond {
		t.Errorf("%+v %v", p, ok)
	}
	for _, bad := range []string{"", "42", "42 (a) S", "42 (a) S x 1 1 0 0 0 0 0 0 0 1 1 1 1 1"} {
		if _, ok := parseStat(bad); ok {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestParsePSS(t *testing.T) {
	if n, err := parsePSS("00400000-7fff ---p 00000000 00:00 0 [rollup]\nRss:   20 kB\nPss:                12 kB\nPss_Dirty: 5 kB\n"); err != nil || n != 12<<10 {
		t.Errorf("%d %v", n, err)
	}
	if _, err := parsePSS("Rss: 1 kB\n"); err == nil {
		t.Error("a file without Pss was read")
	}
}

func TestDescends(t *testing.T) {
	all := map[int]process{1: {}, 5: {parent: 1}, 6: {parent: 5}, 7: {parent: 6}, 8: {parent: 1}}
	for pid, want := range map[int]bool{5: true, 6: true, 7: true, 8: false, 1: false, 99: false} {
		if got := descends(all, pid, 5); got != want {
			t.Errorf("%d: %v", pid, got)
		}
	}
}

func TestMedian(t *testing.T) {
	for want, v := range map[float64][]float64{1: {1}, 2: {1, 2, 9}, 2.5: {1, 2, 3, 9}} {
		if got := median(v); got != want {
			t.Errorf("%v: %v", v, got)
		}
	}
}
