package tier

import (
	"strings"
	"testing"
	"time"

	"meridian/world"
)

func TestLimitsAtTheirEdges(t *testing.T) {
	cases := []struct {
		name string // of the setting that is wrong; "": none is
		set  func(*Limits)
	}{
		{"", func(*Limits) {}},
		{"", func(l *Limits) { l.CacheBytes, l.ObjectBytes = MinCacheBytes, MinCacheBytes }},
		{"cache_bytes", func(l *Limits) { l.CacheBytes, l.ObjectBytes = MinCacheBytes-1, 1 }},
		{"", func(l *Limits) { l.ObjectBytes = 1 }},
		{"", func(l *Limits) { l.MemoryFrom = 0 }},
		{"memory_file_from", func(l *Limits) { l.MemoryFrom = -1 }},
		{"object_bytes", func(l *Limits) { l.ObjectBytes = 0 }},
		{"object_bytes", func(l *Limits) { l.ObjectBytes = l.CacheBytes + 1 }},
		{"", func(l *Limits) {
			l.FillTimeout, l.StallTimeout, l.FeedLimit = time.Nanosecond, time.Nanosecond, time.Nanosecond
		}},
		{"stall_timeout", func(l *Limits) { l.StallTimeout = 0 }},
		{"", func(l *Limits) { l.StaleWait = 0 }},
		{"", func(l *Limits) { l.NegativeError = 0 }},
		{"misses", func(l *Limits) { l.Misses = 0 }},
		{"miss_wait", func(l *Limits) { l.MissWait = 0 }},
		{"negative_error", func(l *Limits) { l.NegativeError = -1 }},
		{"", func(l *Limits) { l.NegativeStatus = map[int]time.Duration{404: 0, 501: 1} }},
		{"negative_status", func(l *Limits) { l.NegativeStatus = map[int]time.Duration{404: -1} }},
		{"negative_status", func(l *Limits) { l.NegativeStatus = map[int]time.Duration{403: 1} }}, // no heuristic for it
		{"negative_status", func(l *Limits) { l.NegativeStatus = map[int]time.Duration{200: 1} }},
		{"stale_wait", func(l *Limits) { l.StaleWait = -1 }},
		{"fill_timeout", func(l *Limits) { l.FillTimeout = 0 }},
		{"ack_every", func(l *Limits) { l.AckEvery = 0 }},
		{"feed_limit", func(l *Limits) { l.FeedLimit = 0 }},
		{"", func(l *Limits) { l.Disk = Disk{Bytes: 1} }}, // without a folder there is none
		{"", func(l *Limits) {
			l.Disk = Disk{Dir: "d", Bytes: MinDiskBytes, SegmentBytes: 1 << 20, ObjectBytes: 1 << 19}
		}},
		{"disk.bytes", func(l *Limits) { l.Disk.Dir, l.Disk.Bytes = "d", MinDiskBytes-1 }},
		{"disk.segment_bytes", func(l *Limits) { l.Disk.Dir, l.Disk.SegmentBytes = "d", 1<<20-1 }},
		{"disk.segment_bytes", func(l *Limits) { l.Disk.Dir, l.Disk.SegmentBytes = "d", 2<<30+1 }},
		{"disk.object_bytes", func(l *Limits) { l.Disk.Dir, l.Disk.ObjectBytes = "d", 0 }},
		{"disk.object_bytes", func(l *Limits) { l.Disk.Dir, l.Disk.ObjectBytes = "d", l.Disk.SegmentBytes/2+1 }},
	}
	for i, c := range cases {
		l := DefaultLimits()
		c.set(&l)
		err := l.Validate("edge")
		if c.name == "" && err != nil {
			t.Errorf("case %d: %v", i, err)
		}
		if c.name != "" && (!world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), "edge: ") || !strings.Contains(err.Error(), c.name)) {
			t.Errorf("case %d: %v, want a word on %s", i, err, c.name)
		}
	}
}

func TestShieldsNeedBoth(t *testing.T) {
	list := []Shield{{"us-east", "unix:/x"}, {"eu-central", ""}}
	if err := ValidateShields("shop", "peers", list[:1]); err != nil {
		t.Error(err)
	}
	if err := ValidateShields("shop", "peers", list); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), "peers[1]") {
		t.Errorf("got %v", err)
	}
}
