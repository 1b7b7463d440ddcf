package cachetest

import (
	"fmt"

	"meridian/engine/httpcache"
)

// Object is an object for a disk. Its tag, its content and whether it is wanted
// may be changed before it is put.
type Object struct {
	Tag  httpcache.Tag
	Meta string
	Text string // the content
	Dead bool   // it need not be written any more

	// Done is told where it lies; the zero Place: it was not written.
	Done chan httpcache.Place
}

var _ httpcache.DiskObject = (*Object)(nil)

// NewObject is an object by its key, with a meta made of that.
func NewObject(key uint64, content string, groups ...string) *Object {
	return &Object{
		Tag: httpcache.Tag{Key: key, Groups: groups}, Meta: fmt.Sprint("meta of ", key), Text: content,
		Done: make(chan httpcache.Place, 1),
	}
}

// Size is the length of the content.
func (o *Object) Size() int64 { return int64(len(o.Text)) }

// Wanted is what is to be written.
func (o *Object) Wanted() (httpcache.Tag, []byte, bool) { return o.Tag, []byte(o.Meta), !o.Dead }

// Content is the content.
func (o *Object) Content() []byte { return []byte(o.Text) }

// Written sends the place to Done.
func (o *Object) Written(at httpcache.Place, ok bool) {
	if !ok {
		at = httpcache.Place{}
	}
	o.Done <- at
}
