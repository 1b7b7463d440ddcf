package world

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Limits of one purge event: what it names must fit into one line of a feed,
// and into what a tier does in one step.
const (
	MaxPurgeNames = 1000     // groups and URLs together
	MaxPurgeBytes = 32 << 10 // bytes of all of them
	MaxGroup      = 256      // bytes of a group's name
	MaxPurgeURL   = 2048     // bytes of a URL
)

// Purge is what caches are told to forget.
type Purge struct {
	ID     string   `json:"id,omitempty"`     // of who asked, for their acknowledgement; "" for one that comes with a change
	Groups []string `json:"groups,omitempty"` // what carries any of them
	URLs   []string `json:"urls,omitempty"`   // absolute, or host and path: see [ParsePurgeURL]
	All    bool     `json:"all,omitempty"`    // everything, whatever else is named
	Soft   bool     `json:"soft,omitempty"`   // make it stale, to be validated, where that is allowed
}

// Empty reports whether the purge names nothing.
func (p Purge) Empty() bool { return !p.All && len(p.Groups) == 0 && len(p.URLs) == 0 }

// Parts are purges that each keep the limits and together name what p names.
// What cannot be named within them, by its length or its signs, is in
// everything: nothing that somebody wants gone is left out.
func (p Purge) Parts() []Purge {
	odd := func(most int) func(string) bool {
		return func(s string) bool { return !Printable(s, most) }
	}
	if p.All || slices.ContainsFunc(p.Groups, odd(MaxGroup)) || slices.ContainsFunc(p.URLs, odd(MaxPurgeURL)) {
		return []Purge{{ID: p.ID, All: true, Soft: p.Soft}}
	}
	part, names, bytes := Purge{ID: p.ID, Soft: p.Soft}, 0, 0
	var out []Purge
	add := func(list func(*Purge) *[]string, name string) {
		if names == MaxPurgeNames || names > 0 && bytes+len(name) > MaxPurgeBytes {
			out = append(out, part)
			part, names, bytes = Purge{ID: p.ID, Soft: p.Soft}, 0, 0
		}
		l := list(&part)
		*l, names, bytes = append(*l, name), names+1, bytes+len(name)
	}
	for _, g := range p.Groups {
		add(func(q *Purge) *[]string { return &q.Groups }, g)
	}
	for _, u := range p.URLs {
		add(func(q *Purge) *[]string { return &q.URLs }, u)
	}
	if names == 0 {
		return nil
	}
	return append(out, part)
}

// Printable reports whether s is 1 to most visible ASCII characters: what a
// cursor in a query or a group in a header field may be made of.
func Printable(s string, most int) bool {
	if len(s) == 0 || len(s) > most {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// ParsePurgeURL reads a URL that is to be purged: "https://de.example/p/brot",
// or the same without its scheme. Of what follows a question mark only that
// is kept by which pages are told apart, in one form: see [PageQuery]. Errors: invalid.
func ParsePurgeURL(s string) (*url.URL, error) {
	bad := func(cause error) error {
		return Because(CodeInvalid, "world.purge_url", fmt.Sprintf("A URL to purge is written as https://host/path or host/path, in at most %d visible ASCII characters.", MaxPurgeURL), cause)
	}
	if !Printable(s, MaxPurgeURL) {
		return nil, bad(nil)
	}
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, bad(err)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil:
		return nil, bad(nil)
	case u.Path == "":
		u.Path = "/"
	}
	u.RawQuery, u.Fragment, u.RawFragment, u.ForceQuery = PageQuery(u.Path, u.RawQuery), "", "", false
	return u, nil
}

// PurgeAsked is a purge that somebody asked for, as the list of them keeps it.
type PurgeAsked struct {
	Purge
	Token   string      `json:"token"` // the name of the token that was shown
	Key     string      `json:"-"`     // the asker's own, against doing it twice; "" for none
	Client  string      `json:"client,omitempty"`
	At      time.Time   `json:"at"`
	Regions []string    `json:"regions"` // into whose feeds it goes
	Result  PurgeResult `json:"result"`
}

// PurgeResult is how far a purge has come.
type PurgeResult struct {
	Placed  map[string]string `json:"placed,omitempty"` // region → its place in the feed; a region that lacks is asked again
	Acks    []PurgeAck        `json:"acks,omitempty"`
	Missing []string          `json:"missing,omitempty"` // tiers that have not said so when the waiting was over, and regions whose feed was not reached
	Done    bool              `json:"done"`              // the waiting is over
	Errors  map[string]string `json:"errors,omitempty"`  // of those of missing that are providers: why
	Late    []string          `json:"late,omitempty"`    // those of missing, providers, that have said so since; filled in when it is read
	MS      int64             `json:"ms"`                // from the request to the last acknowledgement or the end of the waiting, in milliseconds
}

// PurgeAck says that a tier has carried a purge out.
type PurgeAck struct {
	Tier string `json:"tier"`
	MS   int64  `json:"ms"` // since the request, in milliseconds
}

// The kinds of [PurgeNews].
const (
	PurgeAccepted = "accepted" // it is durable where it was asked for: ID, Regions, Tiers
	PurgePlaced   = "placed"   // it is in a region's feed: Region
	PurgeTaken    = "ack"      // a tier has carried it out: Tier
	PurgeDone     = "done"     // the waiting is over: Missing
)

// PurgeNews is a line of a purge's progress.
type PurgeNews struct {
	Event   string   `json:"event"`
	ID      string   `json:"id,omitempty"`
	Regions []string `json:"regions,omitempty"`
	Tiers   []string `json:"tiers,omitempty"` // who is expected to take it
	Region  string   `json:"region,omitempty"`
	Cursor  string   `json:"cursor,omitempty"`
	Tier    string   `json:"tier,omitempty"`
	Missing []string `json:"missing,omitempty"`

	Errors map[string]string `json:"errors,omitempty"` // of a provider that is missing: why

	MS int64 `json:"ms"` // since the request, in milliseconds
}
