package objectstore

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"

	"meridian/world"
)

// List gives the objects whose keys begin with prefix, in the byte order of
// their keys, from behind the key after on; "" begins at the first. So the last
// key that was seen is all that is needed to go on, by another process or
// another day, and there need be no such object any more. What comes or goes
// meanwhile may be given or not; everything else is given once. An error ends it.
func (s *Store) List(ctx context.Context, prefix, after string) iter.Seq2[Info, error] {
	const op = "objectstore.list"
	return func(yield func(Info, error) bool) {
		if !plain(prefix) || strings.HasPrefix(prefix, "/") || strings.Contains(prefix, "//") {
			yield(Info{}, world.E(world.CodeInvalid, op, fmt.Sprintf("The prefix %.80q must be the beginning of a key.", prefix)))
			return
		}
		if after != "" {
			if err := checkKey(op, after); err != nil {
				yield(Info{}, err)
				return
			}
		}
		walk := s.walkBucket
		if s.dir != nil {
			walk = s.dir.walk
		}
		for info, err := range walk(ctx, prefix, after) {
			if err != nil {
				yield(Info{}, fault(op, err))
				return
			}
			if checkKey(op, info.Key) != nil { // an unfinished file, or not ours
				continue
			}
			if !yield(info, nil) {
				return
			}
		}
	}
}

// walkBucket lists by the driver: in byte order, as S3 promises for its general
// purpose buckets. S3 begins behind after by itself.
func (s *Store) walkBucket(ctx context.Context, prefix, after string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		objects := s.bucket.List(&blob.ListOptions{Prefix: prefix, BeforeList: func(as func(any) bool) error {
			var in *s3.ListObjectsV2Input
			if as(&in) && after != "" {
				in.StartAfter = &after
			}
			return nil
		}})
		for {
			o, err := objects.Next(ctx)
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(Info{}, err)
				return
			}
			if o.Key > after && !yield(describe(o.Key, o.Size, o.ModTime), nil) {
				return
			}
		}
	}
}
