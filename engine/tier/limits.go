package tier

import (
	"fmt"
	"net/http"
	"time"

	"meridian/engine/httpcache"
	"meridian/world"
)

// MinCacheBytes is the least RAM for a tier's cache, in bytes.
const MinCacheBytes = 1 << 20

// Limits are the settings that every tier has, whatever it stands before.
type Limits struct {
	CacheBytes     int64                 `yaml:"cache_bytes" doc:"RAM for cached responses, in bytes"`
	MemoryFrom     int64                 `yaml:"memory_file_from" doc:"contents of so many bytes and more are kept in a file of memory, which the system sends without copying it; 0: none. On Linux"`
	ObjectBytes    int64                 `yaml:"object_bytes" doc:"largest response that is cached, in bytes"`
	FillTimeout    time.Duration         `yaml:"fill_timeout" doc:"longest time for one read that fills the cache"`
	StallTimeout   time.Duration         `yaml:"stall_timeout" doc:"how long such a read may send nothing in mid-body until another carries on"`
	StaleWait      time.Duration         `yaml:"stale_wait" doc:"how long an answer may take to begin until a stale one is used, where that is allowed after an error; 0: as long as it takes"`
	NegativeError  time.Duration         `yaml:"negative_error" doc:"how long nobody is asked again for what no answer came for, or 502, 503 or 504; 0: at once"`
	NegativeStatus map[int]time.Duration `yaml:"negative_status" doc:"how long an answer of 404, 405, 410, 414 or 501 is kept that says nothing of it, as {404: 5s}; 0s: not at all"`
	Misses         int                   `yaml:"misses" doc:"most requests of the cache that are under way upstream at once; those beyond wait"`
	MissWait       time.Duration         `yaml:"miss_wait" doc:"how long one of those waits until it is answered 503, with Retry-After, or with what is stale where that is allowed"`
	FeedLimit      time.Duration         `yaml:"feed_limit" doc:"a feed silent for longer is lost: what it governs counts as stale"`
	AckEvery       time.Duration         `yaml:"ack_every" doc:"how often a quiet feed's region is told that this tier follows it; a purge is acknowledged at once"`
	Disk           Disk                  `yaml:"disk"`
}

// Disk is where a tier keeps what its RAM has no room for.
type Disk struct {
	Dir          string `yaml:"dir" doc:"folder of the disk cache, of this process alone; none: there is no disk cache"`
	Bytes        int64  `yaml:"bytes" doc:"size of the disk cache, in bytes"`
	ObjectBytes  int64  `yaml:"object_bytes" doc:"largest response that is kept on the disk, in bytes"`
	SegmentBytes int64  `yaml:"segment_bytes" doc:"size of one file of the disk cache, in bytes; at most an eighth of bytes"`
}

// MinDiskBytes is the least size of a disk cache, in bytes.
const MinDiskBytes = 16 << 20

// Validate says what is out of range; role is whose config it is.
func (d Disk) Validate(role string) error {
	switch {
	case d.Dir == "":
		return nil
	case d.Bytes < MinDiskBytes:
		return Bad(role, fmt.Sprintf("disk.bytes must be at least %d", MinDiskBytes))
	case d.SegmentBytes < 1<<20 || d.SegmentBytes > 2<<30:
		return Bad(role, "disk.segment_bytes must be between 1 MB and 2 GB")
	case d.ObjectBytes < 1 || d.ObjectBytes > d.SegmentBytes/2:
		return Bad(role, "disk.object_bytes must be between 1 and half of disk.segment_bytes")
	}
	return nil
}

// DefaultLimits are fit for a PoP.
func DefaultLimits() Limits {
	return Limits{
		CacheBytes: 64 << 20, MemoryFrom: httpcache.DefaultMemoryFrom, ObjectBytes: 8 << 20, FillTimeout: 30 * time.Second, StallTimeout: 4 * time.Second, StaleWait: 2 * time.Second,
		Misses: 1024, MissWait: 5 * time.Second, NegativeError: time.Second, NegativeStatus: map[int]time.Duration{http.StatusNotFound: 5 * time.Second, http.StatusGone: 5 * time.Second},
		FeedLimit: 5 * time.Second, AckEvery: 30 * time.Second,
		Disk: Disk{Bytes: 8 << 30, ObjectBytes: 64 << 20, SegmentBytes: 256 << 20},
	}
}

// Validate says what is out of range; role is whose config it is.
func (l Limits) Validate(role string) error {
	switch {
	case l.CacheBytes < MinCacheBytes:
		return Bad(role, fmt.Sprintf("cache_bytes must be at least %d", MinCacheBytes))
	case l.MemoryFrom < 0:
		return Bad(role, "memory_file_from must not be below 0")
	case l.ObjectBytes < 1 || l.ObjectBytes > l.CacheBytes:
		return Bad(role, "object_bytes must be between 1 and cache_bytes")
	case l.FillTimeout <= 0 || l.StallTimeout <= 0 || l.FeedLimit <= 0 || l.AckEvery <= 0:
		return Bad(role, "fill_timeout, stall_timeout, feed_limit and ack_every must be above 0")
	case l.Misses < 1 || l.MissWait <= 0:
		return Bad(role, "misses must be at least 1, miss_wait above 0")
	case l.StaleWait < 0 || l.NegativeError < 0:
		return Bad(role, "stale_wait and negative_error must not be below 0")
	}
	if status, ok := badStatus(l.NegativeStatus); ok {
		return Bad(role, fmt.Sprintf("negative_status: %d: %v: only 404, 405, 410, 414 and 501 may be kept so, for 0 or longer", status, l.NegativeStatus[status]))
	}
	return l.Disk.Validate(role)
}

// badStatus is one that the cache would not keep, or a time below 0.
func badStatus(lives map[int]time.Duration) (int, bool) {
	for status, life := range lives {
		if !httpcache.Negative(status) || life < 0 {
			return status, true
		}
	}
	return 0, false
}

// Shield is a region's door, as it is reached from here.
type Shield struct {
	Region  string `yaml:"region" doc:"the region's id"`
	Address string `yaml:"address" doc:"where its shield is reached from here"`
}

// ValidateShields says which of a config's list lacks something.
func ValidateShields(role, list string, shields []Shield) error {
	for i, s := range shields {
		if s.Region == "" || s.Address == "" {
			return Bad(role, fmt.Sprintf("%s[%d] needs region and address", list, i))
		}
	}
	return nil
}

// Bad is the error of a role's config, code invalid.
func Bad(role, message string) error {
	return world.E(world.CodeInvalid, role+".config", role+": "+message)
}
