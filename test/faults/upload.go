package faults

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"meridian/adapter/postgres"
	"meridian/test/worldtest"
	"meridian/world"
)

// upload is a picture that is sent until somebody takes it, under one key.
type upload struct {
	key, sha string
	size     int64
	ids      []string // the assets that were acknowledged, each once
}

// pictureSide is small: what is tested is whether it lasts.
const pictureSide = 48

// upload sends pictures in by any PoP, each with a key of its own, again and again
// with the same one while nobody says what became of it.
func (r *run) upload(random *rand.Rand) {
	st := r.stalls[0]
	for n := 0; !r.ended(); n++ {
		seed := random.Uint64()
		data, err := worldtest.Grainy(seed, pictureSide)
		if err != nil {
			r.fail("no picture: %v", err)
			return
		}
		sum := sha256.Sum256(data)
		u := &upload{key: fmt.Sprintf("faults-%d-%d-%d", r.schedule.Seed, r.played, n), sha: hex.EncodeToString(sum[:]), size: int64(len(data))}
		for tries := 0; !r.hopeless(); tries++ {
			id, again := r.send(st.ways[st.edges[random.IntN(len(st.edges))]], u.key, data)
			if id != "" && !slices.Contains(u.ids, id) {
				u.ids = append(u.ids, id)
			}
			// Now and then an answer that came is taken for lost.
			if !again && random.IntN(3) > 0 {
				break
			}
			time.Sleep(100*time.Millisecond + time.Duration(random.IntN(200))*time.Millisecond)
		}
		r.uploads = append(r.uploads, u)
		r.rest(random, uploaderRest)
	}
}

// send sends a picture once. again is whether its sender must ask again.
func (r *run) send(by *worldtest.Client, key string, data []byte) (id string, again bool) {
	a, err := by.Do(http.MethodPut, "/media/"+r.world.Plan.App+"?name=fault.jpg", data, "Authorization", "Bearer "+r.secrets.upload, "Idempotency-Key", key)
	switch {
	case err != nil || a.Status >= 500:
		r.count("upload unknown")
		return "", true
	case a.Status == http.StatusTooManyRequests:
		r.count("upload told to wait")
		return "", true
	case a.Status != http.StatusCreated && a.Status != http.StatusOK:
		r.fail("upload %s is refused: %d %s", key, a.Status, a.Body)
		return "", false
	}
	var m struct {
		MediaID string `json:"media_id"`
	}
	if err := json.Unmarshal(a.Body, &m); err != nil || m.MediaID == "" {
		r.fail("upload %s was acknowledged with %.200s", key, a.Body)
		return "", false
	}
	r.count("upload taken")
	return m.MediaID, false
}

// CheckUploads finds keys that made two assets where no fault stood between their
// regions: two are allowed only if neither region could hear of the other's.
func CheckUploads(uploads []*upload, regionOf func(id string) string, s Schedule) (found []string, twins int) {
	for _, u := range uploads {
		if len(u.ids) < 2 {
			continue
		}
		twins++
		for i, id := range u.ids[1:] {
			a, b := regionOf(u.ids[i]), regionOf(id)
			if a == b {
				found = append(found, fmt.Sprintf("upload %s became %s and %s, both of %s", u.key, u.ids[i], id, a))
			} else if !between(s, a, b) {
				found = append(found, fmt.Sprintf("upload %s became %s in %s and %s in %s, and no fault stood between them", u.key, u.ids[i], a, id, b))
			}
		}
	}
	return found, twins
}

// between reports whether a fault of the schedule can have kept two regions from
// hearing of one another: one of a link, or of a process of theirs.
func between(s Schedule, a, b string) bool {
	return slices.ContainsFunc(s.Faults, func(f Fault) bool {
		return strings.Contains(f.Target, a) || strings.Contains(f.Target, b)
	})
}

// stored finds what an acknowledged upload lacks: every region holds the original
// as it was sent, knows by its database that all do, and gives the same manifest.
// Manifests are asked for last, for caches keep them a while. nil: nothing.
func (r *run) stored(ctx context.Context, u *upload) error {
	for _, region := range r.world.Plan.Regions {
		if err := r.holds(region.ID, u); err != nil {
			return err
		}
	}
	for _, id := range u.ids {
		for _, region := range r.world.Plan.Regions {
			if err := r.knows(ctx, region.ID, id, u); err != nil {
				return err
			}
		}
		if err := r.manifests(id, u); err != nil {
			return err
		}
	}
	return nil
}

// knows has a region's copy of the write region's catalog say that every region
// holds the original.
func (r *run) knows(ctx context.Context, region, id string, u *upload) error {
	home := r.regionOf(id)
	server := world.CatalogCluster(home)
	if region != home {
		server += "@" + region
	}
	conn, err := r.world.Connect(ctx, server, postgres.Catalog, r.secrets.super)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var copied int
	err = conn.QueryRow(ctx, `select count(*) from replica r join asset_version v using (sha256) where v.media_id = $1 and r.state = 'copied'`, id).Scan(&copied)
	if want := len(r.world.Plan.Regions); err == nil && copied != want {
		err = fmt.Errorf("%s knows of %d copies of upload %s as %s, want %d", server, copied, u.key, id, want)
	}
	return err
}

// manifests has every region give the same manifest, of what was sent.
func (r *run) manifests(id string, u *upload) error {
	var first []byte
	for _, region := range r.world.Plan.Regions {
		path := "/media/" + r.world.Plan.App + "/" + id + "/manifest"
		a, err := r.stalls[0].ways[world.ShieldTier(region.ID)].Do(http.MethodGet, path, nil)
		if err != nil || a.Status != http.StatusOK {
			return fmt.Errorf("%s gives no manifest of %s: %d, %v", region.ID, id, a.Status, err)
		}
		var m world.Manifest
		if err := json.Unmarshal(a.Body, &m); err != nil {
			return err
		}
		if v := m.Newest(); v.SHA256 != u.sha || v.Bytes != u.size {
			return fmt.Errorf("%s says that %s has %d bytes of %s, sent were %d of %s", region.ID, id, v.Bytes, v.SHA256, u.size, u.sha)
		}
		if first == nil {
			first = a.Body
		}
		if string(first) != string(a.Body) {
			return fmt.Errorf("the manifests of %s differ:\n%s\n%s", id, first, a.Body)
		}
	}
	return nil
}
