package cachetest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"meridian/engine/httpcache"
)

// DiskPlace is where a disk is: what it holds outlives who has it open.
type DiskPlace struct {
	Open func() httpcache.Disk

	// Reclaim has the open disk give up what it holds, but for what its owner keeps;
	// nil: it does so when 32 MB more have been put.
	Reclaim func(httpcache.Disk)
}

// Disk asks of a disk what [httpcache.Disk] promises. Each place is empty at first.
func Disk(t *testing.T, place func(*testing.T) DiskPlace) {
	for name, ask := range map[string]func(*testing.T, DiskPlace){
		"what is put is read":                wholeContents,
		"what is not wanted is not written":  notWanted,
		"found and noted in their order":     orderIsKept,
		"what waits is written at the end":   endWrites,
		"after the end nothing is taken":     nothingAfterTheEnd,
		"many at once":                       manyPut,
		"what its owner keeps is moved":      reclaimed,
		"what is open is read on":            openIsReadOn,
		"the newest cursor and every purge":  cursorsAndPurges,
		"an object of its size, also of 0":   sizes,
		"tags come back as they were":        tagsComeBack,
		"the place of one is none of others": placesDiffer,
	} {
		t.Run(name, func(t *testing.T) { ask(t, place(t)) })
	}
}

// owner writes down what a disk tells it.
type owner struct {
	mu     sync.Mutex
	tags   map[httpcache.Place]httpcache.Tag
	told   []string // keys of objects, and notes, as they were told at the start
	notes  []httpcache.Note
	keep   func(httpcache.Tag) (httpcache.Tag, bool)
	asked  int
	moved  map[httpcache.Place]httpcache.Place
	losses int
}

func newOwner() *owner {
	return &owner{
		tags: map[httpcache.Place]httpcache.Tag{}, moved: map[httpcache.Place]httpcache.Place{},
		keep: func(tag httpcache.Tag) (httpcache.Tag, bool) { return tag, false },
	}
}

func (o *owner) Found(tag httpcache.Tag, at httpcache.Place) {
	o.list(tag, at)
	o.told = append(o.told, fmt.Sprint(tag.Key))
}

func (o *owner) Noted(n httpcache.Note) {
	o.notes = append(o.notes, n)
	if n.Feed == "" {
		o.told = append(o.told, strings.Join(n.Groups, "+"))
	}
}

func (o *owner) list(tag httpcache.Tag, at httpcache.Place) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tags[at] = tag
}

func (o *owner) Leaving(key uint64, at httpcache.Place) (httpcache.Tag, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked++
	tag, ok := o.tags[at]
	if !ok || tag.Key != key {
		return httpcache.Tag{}, false
	}
	tag, ok = o.keep(tag)
	if !ok {
		delete(o.tags, at)
	}
	return tag, ok
}

func (o *owner) Moved(key uint64, from, to httpcache.Place, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	tag := o.tags[from]
	delete(o.tags, from)
	if ok && tag.Key == key {
		o.tags[to], o.moved[from] = tag, to
	}
}

func (o *owner) Lost() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.losses++
}

// start opens a disk for an owner of its own.
func start(t *testing.T, p DiskPlace) (httpcache.Disk, *owner) {
	t.Helper()
	d, o := p.Open(), newOwner()
	d.Start(o)
	t.Cleanup(func() { _ = d.Close() })
	return d, o
}

// put has an object written, and lists it.
func put(t *testing.T, d httpcache.Disk, o *owner, x *Object) httpcache.Place {
	t.Helper()
	if !d.Put(x) {
		t.Fatal("no room in the queue")
	}
	at := <-x.Done
	if at == (httpcache.Place{}) {
		t.Fatalf("%d was not written", x.Tag.Key)
	}
	o.list(x.Tag, at)
	return at
}

// readable compares an object with what was put, by every way there is to read it.
func readable(t *testing.T, d httpcache.Disk, at httpcache.Place, x *Object) {
	t.Helper()
	if int(at.Length) != len(x.Text) || int(at.Meta) != len(x.Meta) {
		t.Errorf("%+v is the place of %d bytes with %d before them", at, len(x.Text), len(x.Meta))
	}
	for _, whole := range []bool{true, false} {
		meta, content, err := d.Read(at, whole)
		if err != nil || string(meta) != x.Meta || whole && string(content) != x.Text || !whole && content != nil {
			t.Errorf("%d: read (whole %v) %q and %d bytes, %v", x.Tag.Key, whole, meta, len(content), err)
		}
	}
	if err := d.Check(at); err != nil {
		t.Error(err)
	}
	in, err := d.Open(at)
	if err != nil {
		t.Errorf("%d: %v", x.Tag.Key, err)
		return
	}
	defer in.Release()
	inFile(t, in, x)
}

func inFile(t *testing.T, in httpcache.InFile, x *Object) {
	t.Helper()
	got := make([]byte, len(x.Text))
	if _, err := in.File.ReadAt(got, in.Offset); len(got) > 0 && err != nil || string(got) != x.Text {
		t.Errorf("%d: its file holds other bytes (%v)", x.Tag.Key, err)
	}
	if in.Pages != nil && string(in.Pages) != x.Text {
		t.Errorf("%d: its pages hold other bytes", x.Tag.Key)
	}
}

func gone(t *testing.T, d httpcache.Disk, at httpcache.Place) {
	t.Helper()
	if _, _, err := d.Read(at, true); err == nil {
		t.Error("what is gone was read")
	}
	if in, err := d.Open(at); err == nil {
		in.Release()
		t.Error("what is gone was opened")
	}
}

func wholeContents(t *testing.T, p DiskPlace) {
	d, o := start(t, p)
	objects := map[httpcache.Place]*Object{}
	for key := range uint64(20) {
		x := NewObject(key, strings.Repeat(fmt.Sprint(key, " "), 3000))
		objects[put(t, d, o, x)] = x
	}
	for at, x := range objects {
		readable(t, d, at, x)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d, o = start(t, p)
	if len(o.tags) != len(objects) {
		t.Fatalf("%d objects were found, want %d", len(o.tags), len(objects))
	}
	for at, x := range objects {
		readable(t, d, at, x)
	}
}

func sizes(t *testing.T, p DiskPlace) {
	d, o := start(t, p)
	for i, n := range []int{0, 1, 4095, 4096, 4097, 64<<10 - 1, 64 << 10, 64<<10 + 1, 1 << 20} {
		x := NewObject(uint64(i), strings.Repeat("x", n))
		readable(t, d, put(t, d, o, x), x)
	}
	x := NewObject(99, "no meta")
	x.Meta = ""
	readable(t, d, put(t, d, o, x), x)
}

func notWanted(t *testing.T, p DiskPlace) {
	d, o := start(t, p)
	dead := NewObject(1, "dead")
	dead.Dead = true
	if !d.Put(dead) {
		t.Fatal("no room in the queue")
	}
	if at := <-dead.Done; at != (httpcache.Place{}) {
		t.Errorf("it lies at %+v", at)
	}
	put(t, d, o, NewObject(2, "alive"))
	_ = d.Close()
	if _, o = start(t, p); !slices.Equal(o.told, []string{"2"}) {
		t.Errorf("found %q", o.told)
	}
}

func orderIsKept(t *testing.T, p DiskPlace) {
	d, o := start(t, p)
	var want []string
	for key := range uint64(6) {
		put(t, d, o, NewObject(key, "x"))
		group := fmt.Sprint("g", key)
		d.Note(httpcache.Note{Purge: httpcache.Purge{Groups: []string{group}}}, key%2 == 0)
		want = append(want, fmt.Sprint(key), group)
	}
	d.Note(httpcache.Note{Purge: httpcache.Purge{Groups: []string{"last"}}}, true)
	want = append(want, "last")
	for range 2 {
		_ = d.Close()
		if d, o = start(t, p); !slices.Equal(o.told, want) {
			t.Errorf("told %q, want %q", o.told, want)
		}
	}
}

func cursorsAndPurges(t *testing.T, p DiskPlace) {
	d, _ := start(t, p)
	purges := []httpcache.Note{
		{Purge: httpcache.Purge{Keys: []string{"shop.test/a", "shop.test/b"}}},
		{Purge: httpcache.Purge{Groups: []string{"g"}, Soft: true}, At: 1_790_000_000},
		{Purge: httpcache.Purge{All: true}},
	}
	for i, n := range purges {
		d.Note(n, true)
		d.Note(httpcache.Note{Feed: "us", Cursor: fmt.Sprint(i, ".1.a")}, true)
	}
	d.Note(httpcache.Note{Feed: "eu", Cursor: "9.9.b"}, true)
	_ = d.Close()
	_, o := start(t, p)
	cursors := map[string]string{}
	var got []httpcache.Note
	for _, n := range o.notes {
		if n.Feed != "" {
			cursors[n.Feed] = n.Cursor
		} else {
			got = append(got, n)
		}
	}
	if !reflect.DeepEqual(got, purges) {
		t.Errorf("purges %+v, want %+v", got, purges)
	}
	if cursors["us"] != "2.1.a" || cursors["eu"] != "9.9.b" || len(cursors) != 2 {
		t.Errorf("cursors %v", cursors)
	}
}

func tagsComeBack(t *testing.T, p DiskPlace) {
	d, o := start(t, p)
	want := map[httpcache.Place]httpcache.Tag{}
	for _, tag := range []httpcache.Tag{
		{},
		{Key: 1<<64 - 1, Variant: 1<<32 - 1, Soft: 1<<32 - 1},
		{Key: 3, Vary: []string{"accept", "accept-encoding"}},
		{Key: 4, Groups: []string{"", "de/pages", strings.Repeat("ü", 300)}},
	} {
		x := NewObject(tag.Key, "x")
		x.Tag = tag
		want[put(t, d, o, x)] = tag
	}
	_ = d.Close()
	_, o = start(t, p)
	for at, tag := range want {
		if got, ok := o.tags[at]; !ok || !reflect.DeepEqual(got, tag) {
			t.Errorf("%+v came back as %+v", tag, got)
		}
	}
}

// Nobody's place is given to another, nor is the zero Place, in any run.
func placesDiffer(t *testing.T, p DiskPlace) {
	seen := map[httpcache.Place]bool{{}: true}
	for range 3 {
		d, o := start(t, p)
		for range 50 {
			at := put(t, d, o, NewObject(7, "the same"))
			if seen[at] {
				t.Errorf("%+v was given twice", at)
			}
			seen[at] = true
		}
		_ = d.Close()
	}
}

func endWrites(t *testing.T, p DiskPlace) {
	d, _ := start(t, p)
	var put []*Object
	for key := range uint64(30) {
		x := NewObject(key, strings.Repeat("x", 2000))
		if d.Put(x) {
			put = append(put, x)
		}
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if err := d.Close(); err != nil {
		t.Error("closed again:", err)
	}
	_, o := start(t, p)
	for _, x := range put {
		select {
		case at := <-x.Done:
			if _, ok := o.tags[at]; !ok {
				t.Errorf("%d is not there", x.Tag.Key)
			}
		default:
			t.Errorf("%d was taken and nobody told what became of it", x.Tag.Key)
		}
	}
	if len(o.tags) != len(put) || len(put) == 0 {
		t.Errorf("%d found, %d put", len(o.tags), len(put))
	}
}

func nothingAfterTheEnd(t *testing.T, p DiskPlace) {
	d, _ := start(t, p)
	_ = d.Close()
	if d.Put(NewObject(1, "late")) {
		t.Error("an object was taken")
	}
	d.Note(httpcache.Note{Purge: httpcache.Purge{Groups: []string{"late"}}}, true) // does not wait for ever
	if _, o := start(t, p); len(o.told) > 0 {
		t.Errorf("found %q", o.told)
	}
}

func manyPut(t *testing.T, p DiskPlace) {
	d, o := start(t, p)
	var all sync.WaitGroup
	for i := range uint64(4) {
		all.Go(func() {
			for n := range uint64(50) {
				x := NewObject(i*1000+n, strings.Repeat(fmt.Sprint(i, n), 100))
				if !d.Put(x) {
					continue
				}
				at := <-x.Done
				o.list(x.Tag, at)
				readable(t, d, at, x)
				if n%10 == 0 {
					d.Note(httpcache.Note{Feed: fmt.Sprint("feed", i), Cursor: fmt.Sprint(n)}, n%20 == 0)
				}
			}
		})
	}
	all.Wait()
	_ = d.Close()
	if _, again := start(t, p); !reflect.DeepEqual(again.tags, o.tags) {
		t.Errorf("%d objects were found, want %d", len(again.tags), len(o.tags))
	}
}

// fill has a disk reclaim what it holds.
func (p DiskPlace) reclaim(t *testing.T, d httpcache.Disk, o *owner) {
	t.Helper()
	if p.Reclaim != nil {
		p.Reclaim(d)
	} else {
		for key := range uint64(64) {
			put(t, d, o, NewObject(1_000_000+key, strings.Repeat("x", 512<<10)))
		}
	}
	if o.asked == 0 {
		t.Fatal("nothing was reclaimed")
	}
}

// What the owner keeps is moved once, with the tag that is true by then, and what
// it does not keep is gone, now and at the next start.
func reclaimed(t *testing.T, p DiskPlace) {
	d, o := start(t, p)
	o.keep = func(tag httpcache.Tag) (httpcache.Tag, bool) {
		tag.Soft = 1_790_000_000
		return tag, tag.Key == 1
	}
	kept, left := NewObject(1, strings.Repeat("kept ", 20_000), "g"), NewObject(2, "left")
	from, old := put(t, d, o, kept), put(t, d, o, left)
	p.reclaim(t, d, o)
	gone(t, d, old)
	to := from
	for o.moved[to] != (httpcache.Place{}) {
		gone(t, d, to)
		to = o.moved[to]
	}
	if to == from {
		t.Fatal("what was to be kept was not moved")
	}
	readable(t, d, to, kept)
	_ = d.Close()
	d, o = start(t, p)
	if tag, ok := o.tags[to]; !ok || tag.Soft != 1_790_000_000 || !slices.Equal(tag.Groups, []string{"g"}) {
		t.Errorf("found as %+v", tag)
	}
	readable(t, d, to, kept)
	for at, tag := range o.tags {
		if tag.Key == 1 && at != to || tag.Key == 2 {
			t.Errorf("%d was found at %+v", tag.Key, at)
		}
	}
}

func openIsReadOn(t *testing.T, p DiskPlace) {
	d, o := start(t, p)
	var opened []httpcache.InFile
	x := NewObject(1, strings.Repeat("content ", 20_000))
	at := put(t, d, o, x)
	for range 2 {
		in, err := d.Open(at)
		if err != nil {
			t.Fatal(err)
		}
		opened = append(opened, in)
	}
	p.reclaim(t, d, o)
	gone(t, d, at)
	for _, in := range opened { // each is held by itself
		inFile(t, in, x)
		in.Release()
	}
}
