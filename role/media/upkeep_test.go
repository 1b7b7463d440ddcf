package media

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"meridian/world"
)

// memUpkeep reads what the tests' regions know.
type memUpkeep struct {
	region string
	places map[string]*place

	mu       sync.Mutex
	scrub    world.Scrub
	checked  map[string]map[string]world.CopyCheck // by the region that holds the copy
	placed   []world.Placing
	prepared []PrepareJob
	removals []world.Removal
	asked    map[string]time.Time
	made     map[string]world.Mezzanine

	referenced func() // if set: called when it has been told what is referred to
	fail       error
}

func (u *memUpkeep) Held(_ context.Context, region, after string, limit int) (page []world.Original, err error) {
	for _, p := range u.places {
		p.manifests.mu.Lock()
		for _, m := range p.manifests.assets {
			held := slices.ContainsFunc(m.Replicas, func(r world.Replica) bool { return r.Region == region && r.State == world.ReplicaCopied })
			if v := m.Newest(); held && m.DeletedAt.IsZero() && v.SHA256 > after {
				page = append(page, world.Original{SHA256: v.SHA256, App: m.App, MediaID: m.MediaID, Version: v.Number})
			}
		}
		p.manifests.mu.Unlock()
	}
	slices.SortFunc(page, func(a, b world.Original) int { return cmp.Compare(a.SHA256, b.SHA256) })
	return page[:min(limit, len(page))], u.fail
}

func (u *memUpkeep) Scrub(context.Context) (world.Scrub, error) { return u.scrub, u.fail }

func (u *memUpkeep) SaveScrub(_ context.Context, at world.Scrub) error {
	u.scrub = at
	return u.fail
}

func (u *memUpkeep) Checked(_ context.Context, region string, checks []world.CopyCheck) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, c := range checks {
		if u.checked[region] == nil {
			u.checked[region] = map[string]world.CopyCheck{}
		}
		u.checked[region][c.SHA256] = c
	}
	return u.fail
}

func (u *memUpkeep) Assets(_ context.Context, after string, limit int) (page []world.Manifest, err error) {
	all := u.places[u.region].manifests
	all.mu.Lock()
	defer all.mu.Unlock()
	for id, m := range all.assets {
		if id > after && m.DeletedAt.IsZero() {
			page = append(page, m)
		}
	}
	slices.SortFunc(page, func(a, b world.Manifest) int { return cmp.Compare(a.MediaID, b.MediaID) })
	return page[:min(limit, len(page))], u.fail
}

func (u *memUpkeep) Place(_ context.Context, wanted []world.Placing) (int, error) {
	n := 0
	for _, w := range wanted {
		if !slices.Contains(u.placed, w) {
			u.placed, n = append(u.placed, w), n+1
		}
	}
	return n, u.fail
}

func (o *memObjects) PutFrom(ctx context.Context, key string, r io.Reader, most int64) (int64, error) {
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	switch {
	case err != nil:
		return 0, err
	case int64(len(data)) > most:
		return 0, world.E(world.CodeTooLarge, "mem", "")
	case strings.HasPrefix(key, "originals/") && originalKey(shaOf(data)) != key:
		return 0, world.E(world.CodeUnprocessed, "mem", "The bytes that arrived are others.")
	}
	return int64(len(data)), o.Put(ctx, key, data)
}

func (o *memObjects) Open(ctx context.Context, key string) (io.ReadSeekCloser, Object, error) {
	data, err := o.Get(ctx, key, 1<<40)
	return struct {
		io.ReadSeeker
		io.Closer
	}{bytes.NewReader(data), io.NopCloser(nil)}, Object{Key: key, Size: int64(len(data))}, err
}

func (o *memObjects) Verify(ctx context.Context, key string) error {
	data, err := o.Get(ctx, key, 1<<40)
	if err == nil && originalKey(shaOf(data)) != key {
		err = world.E(world.CodeUnprocessed, "mem", "damaged")
	}
	return err
}

func (o *memObjects) Delete(_ context.Context, key string) error {
	o.drop(key)
	return nil
}

func (o *memObjects) Stat(ctx context.Context, key string) (Object, error) {
	data, err := o.Get(ctx, key, 1<<40)
	o.mu.Lock()
	defer o.mu.Unlock()
	return Object{Key: key, Size: int64(len(data)), Modified: o.modified[key]}, err
}

func (o *memObjects) List(_ context.Context, prefix, after string, limit int) (page []Object, next string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for key, data := range o.objects {
		if strings.HasPrefix(key, prefix) && key > after {
			page = append(page, Object{Key: key, Size: int64(len(data)), Modified: o.modified[key]})
		}
	}
	slices.SortFunc(page, func(a, b Object) int { return cmp.Compare(a.Key, b.Key) })
	if len(page) > limit {
		next = page[limit-1].Key
	}
	return page[:min(limit, len(page))], next, o.failGet
}

func (f *fakePeers) Resend(ctx context.Context, region string, p world.Placing) error {
	_, err := f.call(ctx, region, "POST", "/-/media/"+p.App+"/"+p.MediaID+"/resend?version=1&target="+p.Region, nil)
	return err
}

func (f *fakePeers) VerifyOriginal(ctx context.Context, region, sha string) error {
	_, err := f.call(ctx, region, "GET", "/-/media/originals/"+sha, nil)
	return err
}

func (f *fakePeers) Checked(ctx context.Context, region, holder string, checks []world.CopyCheck) error {
	body, err := json.Marshal(checks)
	if err == nil {
		_, err = f.call(ctx, region, "POST", "/-/media/checked/"+holder, bytes.NewReader(body))
	}
	return err
}

func (f *fakePeers) Order(ctx context.Context, region, path string, query url.Values) ([]byte, error) {
	return f.call(ctx, region, "POST", "/-/media/"+path+"?"+query.Encode(), nil)
}

func (u *memUpkeep) MarkRemoval(_ context.Context, _ string, r world.Removal) error {
	u.removals = append(u.removals, r)
	return u.fail
}

func (u *memUpkeep) Unreferenced(ctx context.Context, sha string, do func(context.Context) error) (bool, error) {
	for _, p := range u.places {
		for _, m := range p.manifests.assets {
			if m.DeletedAt.IsZero() && slices.ContainsFunc(m.Versions, func(v world.Version) bool { return v.SHA256 == sha }) {
				return false, u.fail
			}
		}
	}
	return true, do(ctx)
}

func (u *memUpkeep) Referenced(ctx context.Context, shas []string) (map[string]bool, error) {
	out := map[string]bool{}
	for _, sha := range shas {
		free, _ := u.Unreferenced(ctx, sha, func(context.Context) error { return nil })
		out[sha] = !free
	}
	if u.referenced != nil {
		u.referenced()
	}
	return out, u.fail
}

func (u *memUpkeep) Asked(_ context.Context, day time.Time, keys []string) error {
	for _, k := range keys {
		u.asked[k] = day
	}
	return u.fail
}

func (u *memUpkeep) AskedSince(_ context.Context, day time.Time, keys []string) (map[string]bool, error) {
	out := map[string]bool{}
	for _, k := range keys {
		if on, ok := u.asked[k]; ok && !on.Before(day) {
			out[k] = true
		}
	}
	return out, u.fail
}

func (u *memUpkeep) ForgetAsked(context.Context, time.Time) error { return u.fail }

func (u *memUpkeep) HeldBytes(ctx context.Context, region, _ string) (a world.Amount, err error) {
	page, err := u.Held(ctx, region, "", 1000)
	return world.Amount{Objects: int64(len(page)), Bytes: 7}, err
}

func (u *memUpkeep) Jobs(_ context.Context, app string, f world.JobFilter, limit int) ([]world.Job, []string, error) {
	j := world.Job{
		Region: u.region, ID: 5, Kind: "prepare_version", App: app, State: world.JobFailed, MediaID: cmp.Or(f.MediaID, "1000000000000005"), Version: 1,
		Attempts: limit, Error: "It cannot be decoded.", At: noon,
	}
	if f.State != "" && f.State != j.State {
		return nil, []string{"eu-central"}, u.fail
	}
	return []world.Job{j}, []string{"eu-central"}, u.fail
}

func (u *memUpkeep) CountJobs(context.Context) ([]world.JobCount, error) { return nil, u.fail }

func (u *memUpkeep) RetryJob(_ context.Context, _ string, id int64) error {
	if id != 5 {
		return world.E(world.CodeNotFound, "mem", "")
	}
	return u.fail
}

func (u *memUpkeep) Prepare(_ context.Context, app, id string, version int, thorough bool, cell string, _ time.Duration) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.prepared = append(u.prepared, PrepareJob{App: app, MediaID: id, Version: version, Thorough: thorough, Cell: cell})
	return u.fail
}

func (u *memUpkeep) MarkMezzanine(_ context.Context, id string, _ int, m world.Mezzanine) error {
	u.made[id] = m
	return u.fail
}
