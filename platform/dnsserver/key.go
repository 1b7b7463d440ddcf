package dnsserver

import (
	"crypto"
	"fmt"
	"io"
	"strings"

	"github.com/miekg/dns"

	"meridian/world"
)

// Key is a pair of keys that a zone is signed with.
type Key struct {
	dnskey *dns.DNSKEY
	signer crypto.Signer
}

// maxKeyFile is the longest file of a key, in bytes.
const maxKeyFile = 16 << 10

// ReadKey reads a pair of keys from two files as BIND writes them: the public one
// a DNSKEY record, the private one "Private-key-format: v1.3". ECDSA on P-256 (13)
// and Ed25519 (15) are taken. Errors are [world.CodeInvalid], and show no key.
func ReadKey(public, private io.Reader) (Key, error) {
	const op = "dns.key"
	text, err := io.ReadAll(io.LimitReader(public, maxKeyFile))
	if err != nil {
		return Key{}, world.Because(world.CodeInvalid, op, "The public key cannot be read.", err)
	}
	rr, err := dns.NewRR(string(text))
	k, ok := rr.(*dns.DNSKEY)
	if err != nil || !ok {
		return Key{}, world.Because(world.CodeInvalid, op, "The public key's file has no DNSKEY record.", err)
	}
	if k.Algorithm != dns.ECDSAP256SHA256 && k.Algorithm != dns.ED25519 {
		return Key{}, world.E(world.CodeInvalid, op, fmt.Sprintf("A key of algorithm %d is not taken: make one of 13 (ECDSA P-256) or 15 (Ed25519).", k.Algorithm))
	}
	if k.Flags&dns.ZONE == 0 || k.Flags&dns.REVOKE != 0 || k.Protocol != 3 {
		return Key{}, world.E(world.CodeInvalid, op, "The public key is none that a zone is signed with: its flags must be 257 or 256, its protocol 3.")
	}
	secret, err := k.ReadPrivateKey(io.LimitReader(private, maxKeyFile), "private key")
	if err != nil {
		return Key{}, world.E(world.CodeInvalid, op, "The private key's file cannot be read: it must be as dnssec-keygen writes it.")
	}
	signer, ok := secret.(crypto.Signer)
	if !ok {
		return Key{}, world.E(world.CodeInvalid, op, "The private key cannot sign.")
	}
	return Key{k, signer}, matches(k, signer)
}

// matches refuses a public key that is not the private one's: everything that it
// signed would be refused by who validates.
func matches(k *dns.DNSKEY, signer crypto.Signer) error {
	rr := []dns.RR{&dns.NULL{Hdr: dns.RR_Header{Name: k.Hdr.Name, Rrtype: dns.TypeNULL, Class: dns.ClassINET}, Data: "x"}}
	sig := &dns.RRSIG{Hdr: dns.RR_Header{Name: k.Hdr.Name}, Algorithm: k.Algorithm, KeyTag: k.KeyTag(), SignerName: k.Hdr.Name, Expiration: 1}
	err := sig.Sign(signer, rr)
	if err == nil {
		err = sig.Verify(k, rr)
	}
	if err != nil {
		return world.E(world.CodeInvalid, "dns.key", "The private key is not that of the public one.")
	}
	return nil
}

// NewKey makes a pair of keys for a zone, ECDSA on P-256, that signs everything,
// as two files in BIND's form.
func NewKey(zone Name) (public, private string, err error) {
	k := &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: zone.String(), Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
		Flags: dns.ZONE | dns.SEP, Protocol: 3, Algorithm: dns.ECDSAP256SHA256,
	}
	secret, err := k.Generate(256)
	if err != nil {
		return "", "", world.Because(world.CodeInternal, "dns.key", "A key could not be made.", err)
	}
	return k.String() + "\n", k.PrivateKeyString(secret), nil
}

// Tag is the key's number (RFC 4034 appendix B): not always its alone.
func (k Key) Tag() uint16 { return k.dnskey.KeyTag() }

// DS is the record that the zone above has to have, by SHA-256.
func (k Key) DS() string { return k.dnskey.ToDS(dns.SHA256).String() }

// TrustAnchor is the key as `delv -a` reads it.
func (k Key) TrustAnchor() string {
	return fmt.Sprintf("trust-anchors { %q static-key %d %d %d %q; };", strings.TrimSuffix(k.dnskey.Hdr.Name, "."), k.dnskey.Flags, k.dnskey.Protocol, k.dnskey.Algorithm, k.dnskey.PublicKey)
}

// FileName is what BIND calls the files of the key, without their endings.
func (k Key) FileName() string {
	return fmt.Sprintf("K%s+%03d+%05d", strings.ToLower(k.dnskey.Hdr.Name), k.dnskey.Algorithm, k.Tag())
}
