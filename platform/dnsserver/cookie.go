package dnsserver

import (
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"time"

	"github.com/dchest/siphash"

	"meridian/world"
)

// Lengths of cookies, and how old and how far ahead of our clock one may be (RFC
// 7873 §4, RFC 9018 §4.3).
const (
	clientCookie = 8
	serverCookie = 16
	cookieAge    = time.Hour
	cookieAhead  = 5 * time.Minute
)

// CookieKeys are those that cookies are checked with. The first one makes them.
type CookieKeys [][16]byte

// ParseCookieKeys reads keys of 32 hexadecimal digits each. Errors are
// [world.CodeInvalid], and do not show them.
func ParseCookieKeys(texts []string) (CookieKeys, error) {
	var out CookieKeys
	for i, t := range texts {
		raw, err := hex.DecodeString(t)
		if err != nil || len(raw) != 16 {
			return nil, world.E(world.CodeInvalid, "dns.cookies", fmt.Sprintf("The cookie key at %d is not 32 hexadecimal digits.", i+1))
		}
		out = append(out, [16]byte(raw))
	}
	return out, nil
}

// cookieText is what a server's part is a hash of, at most.
type cookieText [clientCookie + 8 + 16]byte

// make is the server's part for a client's part and address: version 1 of RFC
// 9018 §4.
func (k CookieKeys) make(key int, client []byte, from netip.Addr, at uint32) (out [serverCookie]byte) {
	out[0] = 1
	binary.BigEndian.PutUint32(out[4:], at)
	var text cookieText
	n := copy(text[:], client[:clientCookie])
	n += copy(text[n:], out[:8])
	from = from.Unmap()
	raw := from.As16()
	n += copy(text[n:], raw[16-from.BitLen()/8:])
	sum := siphash.Hash(binary.LittleEndian.Uint64(k[key][:8]), binary.LittleEndian.Uint64(k[key][8:]), text[:n])
	binary.LittleEndian.PutUint64(out[8:], sum)
	return out
}

// hold reports whether a whole cookie is ours, for this client, and young.
func (k CookieKeys) hold(cookie []byte, from netip.Addr, now time.Time) bool {
	if len(cookie) != clientCookie+serverCookie || cookie[clientCookie] != 1 {
		return false
	}
	server := cookie[clientCookie:]
	at := binary.BigEndian.Uint32(server[4:])
	age := time.Duration(int32(uint32(now.Unix())-at)) * time.Second // serial arithmetic (RFC 1982)
	if age > cookieAge || age < -cookieAhead {
		return false
	}
	for i := range k {
		ours := k.make(i, cookie, from, at)
		if subtle.ConstantTimeCompare(server, ours[:]) == 1 {
			return true
		}
	}
	return false
}
