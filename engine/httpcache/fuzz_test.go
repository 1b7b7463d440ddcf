package httpcache

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func FuzzCacheControl(f *testing.F) {
	for _, s := range []string{
		"max-age=60", "public, max-age=60, s-maxage=\"10\"", "private=\"a, b\", no-cache", "max-age=, =1, ,,",
		"stale-while-revalidate=9, stale-if-error=99999999999999999999", "no-store=\"", "max-age=60;x", "\\\"", "a=\"\\",
	} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, cc, cdn string) {
		d := responseDirectives(http.Header{"Cache-Control": {cc}, "Cdn-Cache-Control": {cdn}}, []string{fieldTargeted})
		for _, delta := range []int64{int64(d.maxAge), int64(d.sMaxAge), int64(d.swr), int64(d.sie)} {
			if delta < int64(absent) || delta > int64(maxDelta) {
				t.Errorf("a delta of %d", delta)
			}
		}
		if strings.EqualFold(strings.TrimSpace(cc), "no-store") && !d.noStore && !d.targeted {
			t.Error("no-store was missed")
		}
		q := parseRequest(http.Header{"Cache-Control": {cc}}, true)
		for _, delta := range []int64{int64(q.maxAge), int64(q.minFresh), int64(q.maxStale)} {
			if delta < int64(absent) || delta > int64(maxDelta) {
				t.Errorf("a delta of %d in a request", delta)
			}
		}
	})
}

func FuzzCacheGroups(f *testing.F) {
	for _, s := range []string{
		`"a", "b"`, `"a";x=1;y="z", "c\"d"`, `a`, `("a" "b")`, `"a",`, `"\`, `"a";`, `"é"`, ` "a" , "b" `, `"a";x=:YQ==:;y=@12;z=%"a"`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		groups, err := parseStringList(s)
		if err != nil {
			return
		}
		quoted := make([]string, len(groups))
		for i, g := range groups {
			quoted[i] = quoteString(g)
		}
		again, err := parseStringList(strings.Join(quoted, ", "))
		if err != nil || !slices.Equal(again, groups) {
			t.Errorf("%q is read as %q, written and read as %q %v", s, groups, again, err)
		}
	})
}

func FuzzDictionary(f *testing.F) {
	for _, s := range []string{"max-age=60, no-store", "a=1.5, b=?0, c=(1 2);x, d", "a=-999999999999999", "*k=@1", "a=1,", "A=1", "a=((1))"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		dict, err := parseDictionary(s)
		if err != nil && dict != nil {
			t.Error("a malformed field is ignored as a whole (RFC 9651 §4.2)")
		}
	})
}

func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-0", "bytes=-5", "bytes=5-", "bytes=9-1", "bytes=--1", "bytes=1-2,3-4", "bytes=99999999999999999999-", "x=1-2", ""} {
		f.Add(s, int64(10))
	}
	f.Fuzz(func(t *testing.T, s string, length int64) {
		length = max(0, length)
		piece, kind := parseRange(s, length)
		if kind == partOfContent && (piece.from < 0 || piece.from >= piece.to || piece.to > length) {
			t.Errorf("%q of %d is %v", s, length, piece)
		}
		if kind != partOfContent && piece != (span{}) {
			t.Errorf("%q of %d: %v without a part", s, length, piece)
		}
	})
}

func FuzzRanges(f *testing.F) {
	for _, s := range []string{"bytes=0-0,200-", "bytes=,5-9 , -1,", "bytes=9-1,3-4", "bytes=900-,950-", "=,", ","} {
		f.Add(s, int64(1000))
	}
	f.Fuzz(func(t *testing.T, s string, length int64) {
		length = max(0, length)
		parts, kind := parseRanges(s, length, 8)
		if (kind == severalParts) != (len(parts) > 1) || (kind == partOfContent) != (len(parts) == 1) {
			t.Errorf("%q of %d: %d parts for %d", s, length, len(parts), kind)
		}
		end := int64(-partOverhead)
		for _, p := range parts {
			if p.from-end < partOverhead || p.from >= p.to || p.to > length {
				t.Errorf("%q of %d: %v", s, length, parts)
			}
			end = p.to
		}
	})
}

func FuzzETag(f *testing.F) {
	for _, s := range []string{`"a"`, `W/"a", "b"`, `*`, `"a`, `"a"b`, `,,"x"`, `w/"a"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		matchesAny(s, `"a"`)
		if tag := validETag(s); tag != "" && (tag != s || !matchesAny(tag, tag)) {
			t.Errorf("%q is read as %q", s, tag)
		}
	})
}
