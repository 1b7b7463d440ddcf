package httpcache

import (
	"hash/crc32"
	"net/http"
	"slices"
)

// diskIndex finds what a shard has on the disk: by key's hash, and by group. It
// is exact: it holds nothing of groups for an object without, and nothing of an
// object that is gone. It is guarded by its shard.
type diskIndex struct {
	maxVariants int

	first  map[uint64]uint32 // of a key's hash: its newest object, as place in spots less one
	spots  []diskSpot
	free   uint32 // the first unused spot, plus one; chained by next
	count  int
	vary   [][]string // lists of Vary fields; a spot names one by its place
	groups map[string]map[uint32]struct{}
	of     map[uint32][]string // a spot's groups; none for one without
}

// diskSpot is one object on the disk: 40 bytes.
type diskSpot struct {
	key     uint64
	at      Place
	variant uint32
	soft    uint32
	next    uint32 // an older object of the same hash, plus one
	vary    uint16
	flags   uint8
}

const (
	spotUsed    = 1 << iota
	spotPending // not written yet: at is a token
	spotHit     // used since it was written
	spotChecked // its content was compared with its checksum in this run
)

func newDiskIndex(maxVariants int) diskIndex {
	return diskIndex{
		maxVariants: maxVariants, first: map[uint64]uint32{},
		vary: [][]string{nil}, groups: map[string]map[uint32]struct{}{}, of: map[uint32][]string{},
	}
}

// variantHash is what the index keeps of a variant. Two of the same hash are
// told apart when they are read.
func variantHash(variant string) uint32 {
	return crc32.Checksum([]byte(variant), castagnoli)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// add lists an object as its key's newest, in place of the one of its variant
// and of all that vary by other fields. False where there is no room for its
// Vary list.
func (x *diskIndex) add(tag Tag, at Place, flags uint8) (uint32, bool) {
	vary, ok := x.varyID(tag.Vary)
	if !ok {
		return 0, false
	}
	x.supersede(tag.Key, tag.Variant, tag.Vary)
	for n := x.chain(tag.Key); len(n) >= x.maxVariants; n = n[:len(n)-1] {
		x.remove(n[len(n)-1])
	}
	id := x.spot()
	x.spots[id] = diskSpot{
		key: tag.Key, at: at, variant: tag.Variant, soft: tag.Soft, vary: vary,
		next: x.first[tag.Key], flags: flags | spotUsed,
	}
	x.first[tag.Key] = id + 1
	x.count++
	if len(tag.Groups) > 0 {
		x.of[id] = tag.Groups
		for _, name := range tag.Groups {
			if x.groups[name] == nil {
				x.groups[name] = map[uint32]struct{}{}
			}
			x.groups[name][id] = struct{}{}
		}
	}
	return id, true
}

// varyID is the place of a list in vary. An origin that names ever other lists
// gets no more of them than a spot can tell apart.
func (x *diskIndex) varyID(list []string) (uint16, bool) {
	i := slices.IndexFunc(x.vary, func(have []string) bool { return slices.Equal(have, list) })
	if i < 0 {
		if i = len(x.vary); i >= maxVaryLists {
			return 0, false
		}
		x.vary = append(x.vary, list)
	}
	return uint16(i), true
}

// maxVaryLists bounds the lists of Vary fields that a shard's index knows.
const maxVaryLists = 256

func (x *diskIndex) spot() uint32 {
	if x.free > 0 {
		id := x.free - 1
		x.free = x.spots[id].next
		return id
	}
	x.spots = append(x.spots, diskSpot{})
	return uint32(len(x.spots) - 1)
}

// chain is a key's objects, newest first.
func (x *diskIndex) chain(key uint64) (ids []uint32) {
	for n := x.first[key]; n > 0; n = x.spots[n-1].next {
		ids = append(ids, n-1)
	}
	return ids
}

// match is the object for a request, if there is one that is written.
func (x *diskIndex) match(key uint64, request http.Header) (uint32, bool) {
	for n := x.first[key]; n > 0; n = x.spots[n-1].next {
		s := &x.spots[n-1]
		if s.flags&spotPending == 0 && s.variant == variantHash(variantOf(x.vary[s.vary], request)) {
			return n - 1, true
		}
	}
	return 0, false
}

// at is the spot of an object that lies, or will lie, at a place.
func (x *diskIndex) at(key uint64, at Place) (uint32, bool) {
	for n := x.first[key]; n > 0; n = x.spots[n-1].next {
		if x.spots[n-1].at == at {
			return n - 1, true
		}
	}
	return 0, false
}

// has reports whether a variant of a key is on the disk.
func (x *diskIndex) has(key uint64, variant uint32) bool {
	for n := x.first[key]; n > 0; n = x.spots[n-1].next {
		if x.spots[n-1].variant == variant {
			return true
		}
	}
	return false
}

// supersede removes what a new response of a key takes the place of: its
// variant, and what varies by other fields.
func (x *diskIndex) supersede(key uint64, variant uint32, vary []string) {
	for _, id := range x.chain(key) {
		if s := &x.spots[id]; s.variant == variant || !slices.Equal(x.vary[s.vary], vary) {
			x.remove(id)
		}
	}
}

// remove takes an object out of the index.
func (x *diskIndex) remove(id uint32) {
	s := &x.spots[id]
	if x.first[s.key] == id+1 {
		if s.next == 0 {
			delete(x.first, s.key)
		} else {
			x.first[s.key] = s.next
		}
	} else {
		for n := x.first[s.key]; n > 0; n = x.spots[n-1].next {
			if x.spots[n-1].next == id+1 {
				x.spots[n-1].next = s.next
				break
			}
		}
	}
	for _, name := range x.of[id] {
		delete(x.groups[name], id)
		if len(x.groups[name]) == 0 {
			delete(x.groups, name)
		}
	}
	delete(x.of, id)
	x.spots[id] = diskSpot{next: x.free}
	x.free = id + 1
	x.count--
}

// tag is what is true of an object now.
func (x *diskIndex) tag(id uint32) Tag {
	s := &x.spots[id]
	return Tag{Key: s.key, Variant: s.variant, Soft: s.soft, Vary: x.vary[s.vary], Groups: x.of[id]}
}

// purge does what a purge says; keys are hashed by hash. It returns how many
// objects p names.
func (x *diskIndex) purge(p Purge, at uint32) int {
	named := map[uint32]struct{}{}
	for _, key := range p.Keys {
		for _, id := range x.chain(hashOf(key)) {
			named[id] = struct{}{}
		}
	}
	for _, name := range p.Groups {
		for id := range x.groups[name] {
			named[id] = struct{}{}
		}
	}
	if p.All {
		return x.purgeAll(p.Soft, at)
	}
	for id := range named {
		if p.Soft {
			x.soften(id, at)
		} else {
			x.remove(id)
		}
	}
	return len(named)
}

func (x *diskIndex) purgeAll(soft bool, at uint32) int {
	n := x.count
	if !soft {
		*x = newDiskIndex(x.maxVariants)
		return n
	}
	for id := range x.spots {
		x.soften(uint32(id), at)
	}
	return n
}

// soften marks an object as stale from a moment on; an earlier one stands.
func (x *diskIndex) soften(id uint32, at uint32) {
	if s := &x.spots[id]; s.flags&spotUsed != 0 && s.soft == 0 {
		s.soft = at
	}
}
