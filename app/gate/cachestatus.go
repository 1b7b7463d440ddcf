package gate

import (
	"fmt"
	"strings"

	"github.com/dunglas/httpsfv"
)

// tierView is one cache's part in the answer, nearest the visitor first.
type tierView struct {
	Name string // "edge", "shield", or a foreign cache's whole name
	Hit  bool
	Text string // "hit, fresh for 297 s", "miss, stored"
}

// tiers reads Cache-Status (RFC 9211): one member a cache, the one nearest the
// origin first. The bar tells them in the visitor's order. A field that is no
// list is ignored whole (RFC 9651 §4.2).
func tiers(fields []string) []tierView {
	list, err := httpsfv.UnmarshalList(fields)
	if err != nil {
		return nil
	}
	var out []tierView
	for _, member := range list {
		if item, ok := member.(httpsfv.Item); ok {
			out = append([]tierView{tier(item)}, out...)
		}
	}
	return out
}

func tier(item httpsfv.Item) tierView {
	t := tierView{Name: tierName(fmt.Sprint(item.Value))}
	var notes []string
	if isTrue(item, "hit") {
		t.Hit, notes = true, append(notes, "hit")
	}
	if fwd, ok := item.Params.Get("fwd"); ok {
		notes = append(notes, fwdWords(fmt.Sprint(fwd)))
	}
	if ttl, ok := item.Params.Get("ttl"); ok {
		notes = append(notes, ttlWords(ttl))
	}
	if isTrue(item, "stored") {
		notes = append(notes, "stored")
	}
	if isTrue(item, "collapsed") {
		notes = append(notes, "shared")
	}
	if detail, ok := item.Params.Get("detail"); ok {
		notes = append(notes, fmt.Sprint(detail))
	}
	t.Text = strings.Join(notes, ", ")
	return t
}

// tierName is our tiers' name without their place, which the bar shows beside it.
func tierName(name string) string {
	for _, ours := range []string{"edge", "shield"} {
		if strings.HasPrefix(name, ours+"-") {
			return ours
		}
	}
	return name
}

func isTrue(item httpsfv.Item, param string) bool {
	v, _ := item.Params.Get(param)
	return v == true
}

// ttlWords tells how long a response stays fresh; below 0 it has been stale
// for so long (RFC 9211 §2.4).
func ttlWords(v any) string {
	if s, ok := v.(int64); ok && s < 0 {
		return fmt.Sprintf("stale for %d s", -s)
	}
	return fmt.Sprintf("fresh for %v s", v)
}

// fwdWords says why a cache asked upstream (RFC 9211 §2.2) in plain words.
func fwdWords(v string) string {
	switch v {
	case "uri-miss", "vary-miss", "miss", "partial":
		return "miss"
	case "method", "bypass", "request":
		return "passed on"
	case "stale":
		return "revalidated"
	}
	return v
}
