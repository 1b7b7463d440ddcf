package pgcluster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"meridian/engine/failover"
	"meridian/world"
)

// Return starts a server that is not primary any more, or never was, as a standby
// of the primary. What it alone has, if it was one, is written to a file of Records
// first; where that cannot be read, its whole directory is kept beside the new one.
// Nothing of it takes writes meanwhile: it is started for the superuser alone.
func (r *Regional) Return(ctx context.Context, node string) (*failover.Returned, error) {
	r.turn.Lock()
	defer r.turn.Unlock()
	s, err := r.seat(node)
	if err != nil {
		return nil, err
	}
	primary, err := r.Primary(ctx)
	if err != nil {
		return nil, err
	}
	if primary.Spec.Name == node {
		return nil, world.E(world.CodeConflict, "pgcluster.return", node+" is the primary by its lease.")
	}
	r.sup.forget(node)
	standby, err := isStandby(s.Spec)
	if err == nil && standby {
		sp, err := r.Standby(ctx, s, primary)
		if err != nil {
			return nil, err
		}
		return nil, r.sup.Start(ctx, []Spec{sp}, nil)
	}
	p := r.lossOf(node)
	back := p.Returned
	if back == nil { // else it was broken off behind this, and nothing was written there since
		back = &failover.Returned{}
		if err == nil {
			err = r.keepRows(ctx, s, primary, p, back)
		}
	}
	back.At = r.c.Now()
	if ctx.Err() != nil {
		return nil, world.Because(world.CodeTimeout, "pgcluster.return", node+" was not given the time to come back: try again.", errors.Join(ctx.Err(), err))
	}
	anew := err != nil
	if err != nil && p.Returned == nil {
		r.c.Log.Error("the rows that only a former primary has could not be read: its directory is kept", "server", node, "err", err)
		if back.Aside, err = setAside(s.Spec, r.c.Now()); err != nil {
			return nil, errLost(node, err)
		}
	}
	if p.Returned = back; p.Epoch > 0 {
		if err := r.record(p); err != nil {
			return back, err
		}
	}
	if err := r.remake(ctx, s, primary, anew); err != nil {
		return back, errLost(node, err)
	}
	r.c.Log.Warn("a former primary is back as a replica", "server", node, "rows_left_behind", back.Rows, "file", back.File, "directory", back.Aside)
	return back, nil
}

// keepRows writes down what a former primary alone has.
func (r *Regional) keepRows(ctx context.Context, s, primary Seat, p failover.Promotion, back *failover.Returned) (err error) {
	alone := s.Spec
	alone.Alone, alone.Followed, alone.Peer = true, false, ""
	if err := r.sup.Start(ctx, []Spec{alone}, nil); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.sup.StopOne(ctx, alone.Name)) }()
	path := filepath.Join(r.c.Records, fmt.Sprintf("%s.%d.%s.jsonl", s.Spec.Name, p.Epoch, r.c.Now().UTC().Format("20060102T150405")))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	left, err := r.c.Console.LeftBehind(ctx, conn(alone), conn(primary.Spec), p.ForkLow, p.ForkNext, f)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path)) // half of it would pass for the whole
	}
	back.Left = left
	for _, l := range left {
		back.Rows += l.Added + l.Changed + l.Removed
	}
	if back.Rows == 0 {
		return os.Remove(path)
	}
	back.File = path
	return syncDir(r.c.Records)
}

// setAside gives a directory another name.
func setAside(sp Spec, now time.Time) (string, error) {
	aside := sp.DataDir + ".left-" + now.UTC().Format("20060102T150405")
	if err := os.Rename(sp.DataDir, aside); err != nil && !os.IsNotExist(err) {
		return "", err
	}
	if err := os.Remove(rejoinMark(sp)); err != nil && !os.IsNotExist(err) {
		return "", err
	}
	return aside, syncDir(filepath.Dir(sp.DataDir))
}

// Promotions are what is written down of the cluster's, the latest last.
func (r *Regional) Promotions() []failover.Promotion {
	var out []failover.Promotion
	names, _ := filepath.Glob(filepath.Join(r.c.Records, r.c.Cluster+".*.json")) // the pattern is well-formed
	for _, name := range names {
		epoch := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(name), r.c.Cluster+"."), ".json")
		if n, err := strconv.ParseUint(epoch, 10, 64); err == nil {
			if p := r.recordOf(n); p.Epoch == n {
				out = append(out, p)
			}
		}
	}
	slices.SortFunc(out, func(a, b failover.Promotion) int { return cmp.Compare(a.Epoch, b.Epoch) })
	return out
}

// lossOf is the last promotion that took a server's place; a zero one where none is
// known, by which every row that others do not have counts as left behind.
func (r *Regional) lossOf(node string) (last failover.Promotion) {
	for _, p := range r.Promotions() {
		if p.From == node && p.Epoch > last.Epoch {
			last = p
		}
	}
	return last
}

func (r *Regional) recordPath(epoch uint64) string {
	return filepath.Join(r.c.Records, fmt.Sprintf("%s.%d.json", r.c.Cluster, epoch))
}

// recordOf reads what is written down of a promotion; a zero one where nothing is.
func (r *Regional) recordOf(epoch uint64) (p failover.Promotion) {
	text, err := os.ReadFile(r.recordPath(epoch))
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if os.IsNotExist(err) {
		return failover.Promotion{}
	}
	if err != nil {
		r.c.Log.Warn("a promotion's record cannot be read", "cluster", r.c.Cluster, "epoch", epoch, "err", err)
		return failover.Promotion{}
	}
	return p
}

// record writes a promotion down, whole and on disk.
func (r *Regional) record(p failover.Promotion) error {
	const op = "pgcluster.record"
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return world.Wrap(op, err)
	}
	if err := os.MkdirAll(r.c.Records, 0o700); err != nil {
		return world.Because(world.CodeUnavailable, op, "The promotions' directory cannot be made.", err)
	}
	if err := writeOwned(r.recordPath(p.Epoch), string(text)+"\n", owner{}); err != nil {
		return world.Because(world.CodeUnavailable, op, "A promotion cannot be written down.", err)
	}
	return world.Wrap(op, syncDir(r.c.Records))
}
