// Package httpcache is the shared HTTP cache that edge and shield are built
// from: the rules of RFC 9111, a store in RAM, and a handler by which any number
// of simultaneous misses cost one upstream read. See README.md for the policy.
package httpcache

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults of [Config].
const (
	DefaultMaxBytes       = 64 << 20
	DefaultMaxObjectBytes = 8 << 20
	DefaultMaxVariants    = 16
	DefaultMaxGroups      = 256
	DefaultMaxGroupBytes  = 256
	DefaultPromoteBytes   = 256 << 10
	DefaultMemoryFrom     = 64 << 10
	DefaultMaxRanges      = 32
	DefaultMaxPurgeNames  = 4096
	DefaultHitForMiss     = 5 * time.Second
	DefaultMaxHeuristic   = 24 * time.Hour
	DefaultBlockBytes     = 1 << 20
	DefaultFillTimeout    = 30 * time.Second
	DefaultStallTimeout   = 5 * time.Second
	DefaultMaxTakeOvers   = 2
)

// The store is cut into up to maxShards parts, as long as each still has room
// for objectsPerShard of the largest objects.
const (
	maxShards       = 16
	objectsPerShard = 8
)

// Config is what a cache is made of. Now and Upstream are required; zero values
// of the rest take the defaults.
type Config struct {
	// Name is our member of Cache-Status (RFC 9211) and of Via, e.g. "edge-iad".
	Name string

	MaxBytes       int64 // RAM for stored responses, with fields and bookkeeping
	MaxObjectBytes int64 // largest content that is stored; at most MaxBytes
	MaxVariants    int   // stored responses of one key (RFC 9111 §4.1); the oldest gives way
	MaxGroups      int   // groups of one response; one with more is not stored
	MaxGroupBytes  int   // length of a group's name; likewise
	MaxDiskObject  int64 // largest content that is stored on the disk alone; while it is fetched it is in RAM
	PromoteBytes   int64 // largest content that the disk's objects are read into RAM with, where it has room; others stay in their file
	MaxRanges      int   // byte ranges of one request; one with more gets the whole
	MaxPurgeNames  int   // names that a shard remembers for the fills that run

	// HitForMiss is how long a key whose response could not be stored is not coalesced.
	HitForMiss time.Duration
	// FillTimeout bounds an upstream read that others may share.
	FillTimeout time.Duration
	// StaleWait is how long a response may take to begin, in the place of one that
	// stale-if-error covers, before that counts as an error; 0: as long as it takes.
	StaleWait time.Duration
	// StallTimeout is how long such a read may send nothing in mid-body before
	// another is begun in its place; a header that does not come is for Upstream to see to.
	StallTimeout time.Duration
	// MaxTakeOvers is how many other reads may carry on one that died or stalled;
	// less than 0: none.
	MaxTakeOvers int

	// HeuristicPercent is the share of the time since Last-Modified for which a
	// response without explicit freshness counts as fresh (RFC 9111 §4.2.2), at
	// most MaxHeuristic. 0: such a response is not stored. 10 is usual, 100 the most.
	HeuristicPercent int
	MaxHeuristic     time.Duration

	// Lifetimes are by status those of responses that say nothing of it: in
	// Cache-Control, Expires, Pragma or a targeted field. Any final status may have one.
	Lifetimes map[int]time.Duration
	// StaleWhileRevalidate and StaleIfError (RFC 5861) are those of responses that
	// do not name them, where stale use is not forbidden. They are this cache's own
	// rule: nobody is sent them.
	StaleWhileRevalidate, StaleIfError time.Duration

	// NegativeStatus is the lifetime of an error (404, 405, 410, 414 or 501) that
	// has none of its own; nil: such a response is not stored.
	NegativeStatus map[int]time.Duration
	// NegativeError is how long the upstream is not asked again for what it has
	// just given no answer for, or 502, 503 or 504; 0: it is. A stale response that
	// may be used is.
	NegativeError time.Duration
	// PassRefusals makes of 502, 503 and 504 answers like others to NegativeError:
	// who asks is to see the upstream's own page, not that it was asked lately.
	PassRefusals bool

	// HonourRequest has the directives of requests obeyed (RFC 9111 §5.2.1).
	// Without it they are ignored, but for only-if-cached.
	HonourRequest bool

	// ForwardHead has a HEAD that the store cannot answer go upstream as one, instead
	// of fetching the whole. Either way what a HEAD brings freshens the store.
	ForwardHead bool

	// EarlyHints says who is sent 103 (Early Hints) on the way to an answer.
	EarlyHints HintPolicy

	// Cookies says what becomes of a response with Set-Cookie.
	Cookies CookiePolicy
	// TargetedFields are the fields that speak to this cache instead of
	// Cache-Control, the first that counts before the others (RFC 9213 §2.2); nil
	// is CDN-Cache-Control alone. Surrogate-Control may be one of them: it is read
	// as its own, older syntax has it.
	TargetedFields []string
	// GroupsPerOrigin keeps the groups of different hosts apart (RFC 9875 §2.2.1):
	// none invalidates what another has named alike. Without it a name is one
	// group, whoever sends it: for a cache whose origins all belong to its owner.
	// A purge by a plain name concerns all origins, one by [GroupOf] one of them.
	GroupsPerOrigin bool

	// Unkeyed are fields that an upstream may act on although neither the key nor
	// Vary tells of them. A read that others may share goes without them. nil is
	// [DefaultUnkeyed]; what Prepare adds stays.
	Unkeyed []string
	// PassAmbiguous passes requests for paths that two servers may take for
	// different ones, and stores nothing for them: dot segments, empty segments,
	// parameters, and encoded slashes, dots, delimiters and control bytes.
	PassAmbiguous bool

	// StripGroups keeps the fields that name groups from who asks: Surrogate-Key,
	// Cache-Tag, Cache-Groups and Cache-Group-Invalidation.
	StripGroups bool
	// ShowGroups says who sees them all the same; nil: nobody. It is not asked on
	// the short way of [Cache.Find].
	ShowGroups func(*http.Request) bool
	ShowKey    bool // put the cache key into Cache-Status

	// Ranges says what a range that is not stored asks upstream for. A part that
	// comes is stored, and served and completed from there.
	Ranges RangePolicy
	// BlockBytes widens what is asked for to whole blocks of so many bytes, so that
	// many small ranges cost few reads; negative: it is asked for as it is.
	BlockBytes int64

	// Memory is where contents of MemoryFrom bytes and more are kept in RAM, so that
	// [Found.File] has them; nil: all are the garbage collector's. They count to
	// MaxBytes like all others.
	Memory     Memory
	MemoryFrom int64

	// Disk keeps what RAM has no room for, nil: nothing. The cache closes it.
	Disk Disk
	// DiskBytes is how much the disk holds: so many bytes of responses that RAM let
	// go are remembered, to write those that come back; as many as MaxBytes at least.
	DiskBytes int64

	// Now is the clock.
	Now func() time.Time
	// Upstream answers what the cache cannot. It must not decompress. URL.Scheme
	// and URL.Host are "http" and the request's Host unless Prepare sets them.
	Upstream http.RoundTripper
	// KeyOf is the cache key of a request, asked as a GET; false: never cached.
	// The default is host and request target.
	KeyOf func(*http.Request) (key string, ok bool)
	// Keyed are request fields that KeyOf has reduced to a part of the key
	// (DESIGN.md §4, "negotiated class"): a response that varies by them varies by
	// nothing more than its key. In canonical form, as "Accept-Encoding".
	Keyed []string
	// Alike are all keys under which a resource may be stored, given one of them:
	// what is purged or invalidated by key is so in each form. The default is the
	// key alone.
	Alike func(key string) []string
	// PassUpgrades passes requests for a WebSocket (RFC 6455 §4.1) with what they
	// ask for. Without it Upgrade is dropped, as hop-by-hop fields are.
	PassUpgrades bool
	// Prepare has the last touch on each upstream request. It must not change
	// fields that responses vary by.
	Prepare func(*http.Request)
	// Behind reports that this tier's purge feed has not reached the position
	// that a request demands: what is stored may not answer it.
	Behind func(*http.Request) bool
	// Unsure reports that purges may have been missed that concern the request:
	// what is stored counts as stale, and is used only once it has been validated,
	// or by stale-if-error.
	Unsure func(*http.Request) bool
	// Error writes an error response; err is a [world.Error]. The default writes
	// application/problem+json (RFC 9457).
	Error func(w http.ResponseWriter, r *http.Request, err error)
}

// Cache is a shared cache (RFC 9111) in front of an upstream. It is an
// [http.Handler], safe for concurrent use.
type Cache struct {
	cfg    Config
	name   string
	shards []*shard
	space  space

	large   atomic.Int64      // bytes of contents that are fetched for the disk alone
	cursors map[string]string // by feed, as the disk had them at the start

	closing  sync.Mutex
	closed   bool
	running  sync.WaitGroup
	failures failures
}

// Stats counts since the cache was made; Objects, Bytes and Groups are current.
type Stats struct {
	Objects   int64 // responses stored
	Bytes     int64 // RAM they take, with what is remembered of keys
	Groups    int64 // entries of the group index in RAM: a name counts once a shard
	Hits      int64 // answered from the store, stale ones too
	Stale     int64 // of the hits, those that were stale; and stale answers after an error
	Misses    int64 // sent upstream to fill, each its own read
	Collapsed int64 // served by the read of another request
	Passed    int64 // sent upstream outside the cache
	Evictions int64 // let go to make room
	OnDisk    int64 // responses on the disk, those that are in RAM too
	DiskHits  int64 // brought from the disk; each is a hit, if it could be used
	Disk      DiskStats
	Negative  int64 // answered with the failure of a moment ago
	TakeOvers int64 // upstream reads that carried on one that had died or stalled
}

// New makes a cache. It panics without Now or Upstream: that is a program that
// was put together wrongly.
func New(cfg Config) *Cache {
	if cfg.Now == nil || cfg.Upstream == nil {
		panic("httpcache: Config needs Now and Upstream")
	}
	cfg.fillDefaults()
	n := max(1, min(maxShards, cfg.MaxBytes/(objectsPerShard*cfg.MaxObjectBytes)))
	c := &Cache{cfg: cfg, name: memberName(cfg.Name), space: space{cfg.Memory, cfg.MemoryFrom}}
	for range n {
		c.shards = append(c.shards, newShard(cfg.MaxBytes/n, cfg.DiskBytes/n, &c.cfg))
	}
	if cfg.Disk != nil {
		c.cursors = map[string]string{}
		cfg.Disk.Start(owner{c})
	}
	return c
}

func (c *Config) fillDefaults() {
	c.MaxBytes = orDefault(c.MaxBytes, DefaultMaxBytes)
	c.MaxObjectBytes = min(orDefault(c.MaxObjectBytes, DefaultMaxObjectBytes), c.MaxBytes)
	c.MaxVariants = orDefault(c.MaxVariants, DefaultMaxVariants)
	c.MaxGroups = orDefault(c.MaxGroups, DefaultMaxGroups)
	c.MaxGroupBytes = orDefault(c.MaxGroupBytes, DefaultMaxGroupBytes)
	c.MaxDiskObject = max(c.MaxDiskObject, c.MaxObjectBytes)
	c.PromoteBytes = min(orDefault(c.PromoteBytes, DefaultPromoteBytes), c.MaxObjectBytes)
	c.MemoryFrom = orDefault(c.MemoryFrom, DefaultMemoryFrom)
	c.MaxRanges = orDefault(c.MaxRanges, DefaultMaxRanges)
	c.MaxPurgeNames = orDefault(c.MaxPurgeNames, DefaultMaxPurgeNames)
	c.HitForMiss = orDefault(c.HitForMiss, DefaultHitForMiss)
	c.HeuristicPercent = min(max(c.HeuristicPercent, 0), 100)
	if c.BlockBytes >= 0 {
		c.BlockBytes = orDefault(c.BlockBytes, DefaultBlockBytes)
	}
	c.MaxHeuristic = orDefault(c.MaxHeuristic, DefaultMaxHeuristic)
	c.FillTimeout = orDefault(c.FillTimeout, DefaultFillTimeout)
	c.StallTimeout = orDefault(c.StallTimeout, DefaultStallTimeout)
	if c.MaxTakeOvers >= 0 {
		c.MaxTakeOvers = orDefault(c.MaxTakeOvers, DefaultMaxTakeOvers)
	}
	if c.TargetedFields == nil {
		c.TargetedFields = []string{fieldTargeted}
	}
	if c.Name == "" {
		c.Name = "cache"
	}
	if c.KeyOf == nil {
		c.KeyOf = keyByTarget
	}
	if c.Alike == nil {
		c.Alike = func(key string) []string { return []string{key} }
	}
	if c.Unkeyed == nil {
		c.Unkeyed = DefaultUnkeyed()
	}
	if c.Error == nil {
		c.Error = writeProblem
	}
}

func orDefault[N int | int64 | time.Duration](n, standard N) N {
	if n <= 0 {
		return standard
	}
	return n
}

// Purge does what p says and returns how many stored responses p names. Once it
// has returned, no request that arrives later is given any of them, nor a
// response whose fill began before it; after a soft purge none but as stale.
func (c *Cache) Purge(p Purge) int {
	c.failures.forget(p)
	now := c.cfg.Now()
	keys := map[*shard][]string{}
	var forms []string
	for _, key := range p.Keys {
		forms = append(forms, c.cfg.Alike(key)...)
	}
	for _, form := range forms {
		s, _ := shardOf(c, form)
		keys[s] = append(keys[s], form)
	}
	named := 0
	for _, s := range c.shards {
		if p.All || len(p.Groups) > 0 || len(keys[s]) > 0 {
			named += s.purge(Purge{Groups: p.Groups, Keys: keys[s], All: p.All, Soft: p.Soft}, now)
		}
	}
	p.Keys = forms
	c.notePurge(p, now)
	return named
}

// Stats sums up all shards.
func (c *Cache) Stats() Stats {
	var sum Stats
	for _, s := range c.shards {
		s.mu.Lock()
		sum.Objects += s.stats.Objects
		sum.Bytes += s.ram.bytes()
		sum.Groups += int64(len(s.groups))
		sum.Hits += s.stats.Hits
		sum.Stale += s.stats.Stale
		sum.Misses += s.stats.Misses
		sum.Collapsed += s.stats.Collapsed
		sum.Passed += s.stats.Passed
		sum.Evictions += s.stats.Evictions
		sum.OnDisk += int64(s.index.count)
		sum.DiskHits += s.stats.DiskHits
		sum.TakeOvers += s.stats.TakeOvers
		sum.Negative += s.stats.Negative
		s.mu.Unlock()
	}
	if c.cfg.Disk != nil {
		sum.Disk = c.cfg.Disk.Stats()
	}
	return sum
}

// Close refuses new fills and waits for those that run, and for the disk. What
// is in RAM can still be served. The error is the disk's.
func (c *Cache) Close() error {
	c.closing.Lock()
	c.closed = true
	c.closing.Unlock()
	c.running.Wait()
	if c.cfg.Disk != nil {
		return c.cfg.Disk.Close()
	}
	return nil
}

// track counts a fill's goroutine in; false once the cache is closed.
func (c *Cache) track() bool {
	c.closing.Lock()
	defer c.closing.Unlock()
	if c.closed {
		return false
	}
	c.running.Add(1)
	return true
}

// shardOf finds a key's shard and hash.
func shardOf[K string | []byte](c *Cache, key K) (*shard, uint64) {
	h := hashOf(key)
	return c.shards[h%uint64(len(c.shards))], h
}

// hashOf is FNV-1a: the same in every run, as the disk needs it.
func hashOf[K string | []byte](key K) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * 1099511628211
	}
	return h
}

// ServeHTTP answers from the store or from upstream, and adds Cache-Status.
func (c *Cache) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.cfg.PassUpgrades && strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		c.pass(w, r, verdict{fwd: "bypass", detail: "upgrade"})
		return
	}
	r = endToEnd(r)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		c.pass(w, r, verdict{fwd: "method"})
		return
	}
	key, ok := c.cfg.KeyOf(asGet(r))
	if ok && c.cfg.PassAmbiguous {
		ok = !isAmbiguous(r.URL.EscapedPath())
	}
	if !ok || r.ContentLength != 0 || len(r.Header["If-Match"]) > 0 || len(r.Header["If-Unmodified-Since"]) > 0 {
		c.pass(w, r, verdict{fwd: "bypass"})
		return
	}
	c.serve(w, r, key)
}

// asGet is r as the GET that a stored response would answer.
func asGet(r *http.Request) *http.Request {
	if r.Method == http.MethodGet {
		return r
	}
	g := r.WithContext(r.Context())
	g.Method = http.MethodGet
	return g
}
