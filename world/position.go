package world

import (
	"fmt"
	"strconv"
	"strings"
)

// HeaderMinPosition carries, on a request between tiers, the positions that an
// answer must not be older than: a space-separated list of [Position] texts,
// at most one a cluster. An edge or a shield sets it from its purge feeds.
const HeaderMinPosition = "Meridian-Min-Position"

// MaxPositions is the most positions that one header may carry.
const MaxPositions = 16

// Position is a point in the history of one database cluster: the token by
// which a reader asks for an answer that is at least this new.
type Position struct {
	Cluster string // "catalog-us-east"
	Epoch   uint32 // which primary wrote it (the PostgreSQL timeline)
	LSN     uint64 // byte position in the write-ahead log
}

// Zero reports whether the position says nothing.
func (p Position) Zero() bool { return p.Cluster == "" }

// Covers reports whether a reader at p has everything that q names.
// Positions of different clusters never cover one another.
func (p Position) Covers(q Position) bool {
	if p.Cluster != q.Cluster {
		return false
	}
	if p.Epoch != q.Epoch {
		return p.Epoch > q.Epoch
	}
	return p.LSN >= q.LSN
}

// String is the wire form: "catalog-us-east@1:0/16B3748".
func (p Position) String() string {
	return fmt.Sprintf("%s@%d:%X/%X", p.Cluster, p.Epoch, p.LSN>>32, uint32(p.LSN))
}

// MarshalText is the wire form.
func (p Position) MarshalText() ([]byte, error) {
	if p.Zero() {
		return nil, nil
	}
	return []byte(p.String()), nil
}

// UnmarshalText reads the wire form; an empty text is the zero position.
func (p *Position) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*p = Position{}
		return nil
	}
	v, err := ParsePosition(string(b))
	if err != nil {
		return err
	}
	*p = v
	return nil
}

// ParsePosition reads what [Position.String] wrote.
func ParsePosition(s string) (Position, error) {
	bad := func() (Position, error) {
		return Position{}, E(CodeInvalid, "world.position", "a position is written cluster@epoch:hi/lo")
	}
	if len(s) > 128 {
		return bad()
	}
	cluster, rest, ok := strings.Cut(s, "@")
	if !ok || !ValidName(cluster) {
		return bad()
	}
	epoch, lsn, ok := strings.Cut(rest, ":")
	if !ok {
		return bad()
	}
	n, err := strconv.ParseUint(epoch, 10, 32)
	if err != nil {
		return bad()
	}
	v, err := ParseLSN(lsn)
	if err != nil {
		return bad()
	}
	return Position{Cluster: cluster, Epoch: uint32(n), LSN: v}, nil
}

// ParseLSN reads PostgreSQL's text form of a log position: "16/B374D848".
func ParseLSN(s string) (uint64, error) {
	hi, lo, ok := strings.Cut(s, "/")
	if !ok {
		return 0, E(CodeInvalid, "world.lsn", "a log position is written hi/lo in hexadecimal")
	}
	h, err1 := strconv.ParseUint(hi, 16, 32)
	l, err2 := strconv.ParseUint(lo, 16, 32)
	if err1 != nil || err2 != nil {
		return 0, E(CodeInvalid, "world.lsn", "a log position is written hi/lo in hexadecimal")
	}
	return h<<32 | l, nil
}

// ParsePositions reads a [HeaderMinPosition] value; "" is none.
func ParsePositions(s string) ([]Position, error) {
	fields := strings.Fields(s)
	if len(fields) > MaxPositions {
		return nil, E(CodeInvalid, "world.positions", fmt.Sprintf("at most %d positions", MaxPositions))
	}
	out := make([]Position, 0, len(fields))
	for _, f := range fields {
		p, err := ParsePosition(f)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// FormatPositions writes a [HeaderMinPosition] value.
func FormatPositions(ps []Position) string {
	texts := make([]string, len(ps))
	for i, p := range ps {
		texts[i] = p.String()
	}
	return strings.Join(texts, " ")
}

// ValidName reports whether s may name a place, a cluster, an app or a market:
// a lower-case letter, then letters, digits and hyphens, at most 63 in all.
func ValidName(s string) bool {
	if len(s) == 0 || len(s) > 63 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := 1; i < len(s); i++ {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}
