package segment

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"meridian/engine/httpcache"
	"meridian/platform/wholefile"
)

// Start tells the owner what the log holds, and begins to write. Sealed segments
// are read by their footers alone; the last one, if it was not sealed, record by
// record. Contents are compared with their checksums when they are read.
func (l *Log) Start(owner httpcache.DiskOwner) {
	l.owner = owner
	trusted := l.lastRun()
	for _, id := range slices.Clone(l.order) {
		l.load(l.segments[id], id == l.lastID, trusted)
	}
	if !trusted && len(l.order) > 0 {
		// Power was lost: a purge of the last moment may not have reached the disk.
		owner.Noted(httpcache.Note{Purge: httpcache.Purge{All: true, Soft: true}, At: uint32(time.Now().Unix())})
	}
	l.started = true
	go l.run()
}

// load tells the owner of one segment's records. A segment that is not whole
// takes with it all that is older: a purge may have been among what is missing.
func (l *Log) load(s *segment, last, trusted bool) {
	var end int64
	items, sealed, err := l.items(s, &end)
	l.total += s.size
	for _, it := range items {
		if !l.tell(it) {
			err = errWrong
		}
	}
	// The end of a process leaves the last file torn, and nothing wrong; the loss
	// of power may leave its end wrong, too.
	if err != nil && !(last && (errors.Is(err, errTorn) || !trusted)) {
		l.stats.bad.Add(1)
		l.owner.Lost()
		for _, id := range slices.Clone(l.order) {
			if id <= s.id {
				l.remove(id)
			}
		}
		return
	}
	if sealed || !last {
		return
	}
	if end < fileHeader {
		l.remove(s.id)
		return
	}
	l.resume(s, items, end)
}

// resume goes on writing a segment behind its last good record. What is torn
// behind it is cut off by the writer: a file system may take its time for that.
func (l *Log) resume(s *segment, items []item, end int64) {
	l.torn = end < s.size
	l.total += end - s.size
	s.size = end
	for _, it := range items {
		s.items = appendItem(s.items, it)
	}
	l.active = s
}

// items lists a segment's records, by its footer if it has one. end is where the
// good records end, for a segment without.
func (l *Log) items(s *segment, end *int64) (items []item, sealed bool, err error) {
	info, err := s.file.Stat()
	if err != nil {
		return nil, false, err
	}
	s.size = info.Size()
	if items, err = s.footer(s.size); err == nil {
		return items, true, nil
	}
	items = nil
	*end, err = s.scan(s.size, func(it item) { items = append(items, it) })
	return items, false, err
}

// tell gives a record to the owner. False: its tag cannot be read, as of a
// program that writes others.
func (l *Log) tell(it item) bool {
	if it.kind == kindObject {
		tag, err := parseTag(it.tag)
		if err == nil {
			l.owner.Found(tag, it.at)
		}
		return err == nil
	}
	n, err := parseNote(it.tag)
	if err != nil {
		return false
	}
	if n.Feed != "" {
		l.cursors[n.Feed] = n.Cursor
	}
	l.owner.Noted(n)
	return true
}

// The file "state" says how the last run ended: with the word clean, or with the
// id of the machine's boot in which it began.
const clean = "clean"

func (l *Log) statePath() string { return filepath.Join(l.cfg.Dir, "state") }

// lastRun reports whether all that the last run has written can be relied on:
// it ended well, or the machine has been running since.
func (l *Log) lastRun() bool {
	state := l.state()
	return state == clean || state != "" && state == l.cfg.bootID()
}

func (l *Log) state() string {
	b, err := os.ReadFile(l.statePath())
	if err != nil {
		return "" // as of a run that did not come so far
	}
	return strings.TrimSpace(string(b))
}

// markBegun has the state say that a run has begun, before anything is written.
// On a busy disk that takes long, so nobody waits for it who only reads.
func (l *Log) markBegun() {
	if id := l.cfg.bootID(); l.state() != id || id == "" {
		err := l.mark(id)
		if err != nil { // of an earlier run's "clean" nothing may be believed any more
			err = errors.Join(err, os.Remove(l.statePath()))
		}
		l.failed(err)
	}
}

// mark writes the state so that it is there whole or not at all.
func (l *Log) mark(state string) error {
	return wholefile.Options{Sync: l.cfg.sync}.Replace(l.statePath(), []byte(state+"\n"))
}

func (l *Log) syncDir() error {
	d, err := os.Open(l.cfg.Dir)
	if err != nil {
		return err
	}
	return errors.Join(l.cfg.sync(d), d.Close())
}

// bootID names the time since the machine was started; where there is none, no
// run but a clean one is relied on.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
