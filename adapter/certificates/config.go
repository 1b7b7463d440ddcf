package certificates

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"meridian/world"
)

// Config says where a listener's certificates come from. Several sources may be
// given; a host is served by the first that has it, in the order of the fields.
type Config struct {
	Files []Pair `yaml:"files" doc:"certificates by file"`
	ACME  ACME   `yaml:"acme"`
	Self  Self   `yaml:"self"`

	ReloadEvery time.Duration `yaml:"reload_every" doc:"how often the files are looked at"`
	WarnBefore  time.Duration `yaml:"warn_before" doc:"a certificate is warned of when it has less time left, or less than a fifth of its life if that is shorter"`
}

// Pair is a certificate with its key, each a PEM file.
type Pair struct {
	Cert string `yaml:"cert" doc:"path of the certificate with its chain, PEM"`
	Key  string `yaml:"key" doc:"path of its private key, PEM"`
}

// ACME has certificates fetched and renewed by a certificate authority (RFC 8555).
type ACME struct {
	Hosts      []string `yaml:"hosts" doc:"host names to have certificates for, and no others; none: not used"`
	Email      string   `yaml:"email" doc:"where the authority can reach the operator; may stay out"`
	AgreeTerms bool     `yaml:"agree_terms" doc:"the operator has read the authority's terms of service and agrees to them"`
	Cache      string   `yaml:"cache" doc:"directory for keys, certificates and the account, readable by its owner alone"`
	Directory  string   `yaml:"directory" doc:"URL of the authority's directory"`
	Roots      string   `yaml:"roots" doc:"path of a PEM file with the roots to trust the directory by; none: the system's"`
}

// Self has certificates made by an authority of the machine's own, for worlds
// and tests: nobody trusts them who was not told to.
type Self struct {
	Hosts []string `yaml:"hosts" doc:"host names and addresses to make certificates for; none: not used"`
	Dir   string   `yaml:"dir" doc:"directory of the authority, made if it is missing: ca.crt is what to trust"`
}

// LetsEncrypt is the directory of the authority that is asked by default.
const LetsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

// Default is a config without certificates.
func Default() Config {
	return Config{ReloadEvery: 10 * time.Second, WarnBefore: 14 * 24 * time.Hour, ACME: ACME{Directory: LetsEncrypt}}
}

// Wanted reports whether any source is given.
func (c Config) Wanted() bool { return len(c.Files)+len(c.ACME.Hosts)+len(c.Self.Hosts) > 0 }

// Validate says what is missing or out of range; nothing is read.
func (c Config) Validate() error {
	if c.ReloadEvery <= 0 || c.WarnBefore <= 0 {
		return bad("reload_every and warn_before must be above 0")
	}
	for i, p := range c.Files {
		if p.Cert == "" || p.Key == "" {
			return bad(fmt.Sprintf("files[%d] needs cert and key", i))
		}
	}
	if err := c.ACME.validate(); err != nil {
		return err
	}
	if len(c.Self.Hosts) > 0 && c.Self.Dir == "" {
		return bad("self.dir must name a directory for the authority")
	}
	for _, h := range c.Self.Hosts {
		if _, err := netip.ParseAddr(h); err != nil && !hostName(h) {
			return bad(fmt.Sprintf("self.hosts: %q is neither a host name nor an address", h))
		}
	}
	return nil
}

func (a ACME) validate() error {
	if len(a.Hosts) == 0 {
		return nil
	}
	for _, h := range a.Hosts {
		if !hostName(h) || !strings.Contains(h, ".") || strings.HasPrefix(h, "*.") {
			return bad(fmt.Sprintf("acme.hosts: %q is no full host name; a wildcard would need a DNS challenge, which is not supported", h))
		}
	}
	switch {
	case !a.AgreeTerms:
		return bad("acme.agree_terms must be true: read the authority's terms of service first")
	case a.Cache == "":
		return bad("acme.cache must name a directory")
	case !strings.HasPrefix(a.Directory, "https://"):
		return bad("acme.directory must be an https URL")
	}
	return nil
}

// hostName takes letters, digits, hyphens and dots, with *. in front at most
// (RFC 1123 §2.1, RFC 6125 §6.4.3).
func hostName(h string) bool {
	h = strings.TrimPrefix(h, "*.")
	if h == "" || len(h) > 253 || net.ParseIP(h) != nil {
		return false
	}
	for _, label := range strings.Split(h, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" ||
			strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return false
		}
	}
	return true
}

func bad(message string) error {
	return world.E(world.CodeInvalid, "tls.config", "tls: "+message)
}
