package health

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

	"meridian/world"
)

// Limits of what a monitor says in one line.
const (
	MaxLine    = 128 << 10 // bytes of a signed line without its end
	MaxTargets = 512       // targets of one document
	MaxNamed   = 64        // monitors that a document or a target names
	MaxNumber  = 1 << 62   // of versions, beats and sequences: whoever goes on from one stays in range
)

// What a signature is for: one of an issue is none of a view, nor of any other use
// that the key may be put to.
const (
	forIssue = "meridian health issue 1\n"
	forView  = "meridian health view 1\n"
)

// Sign makes the line that carries an issue: the monitor's name, its signature in
// base64url, and the document, with a space between. It has no line end. It fails
// with invalid for an issue that [Verify] would refuse.
func Sign(key ed25519.PrivateKey, h world.Health) ([]byte, error) {
	if err := checkIssue(h); err != nil {
		return nil, err
	}
	return seal(key, forIssue, h.Monitor, h)
}

// Verify reads a signed issue; keys are the monitors' public keys by region. It
// fails with unsigned for a line of a monitor that has no key here or whose
// signature does not hold, with invalid for what is no issue, and with too_large.
// Fields that are not known here are left out: a newer monitor may say more.
func Verify(keys map[string]ed25519.PublicKey, line []byte) (world.Health, error) {
	var h world.Health
	by, err := open(keys, forIssue, line, &h)
	if err == nil && by != h.Monitor {
		err = world.E(world.CodeUnsigned, opVerify, fmt.Sprintf("An issue of %q is signed by %q.", h.Monitor, by))
	}
	if err == nil {
		err = checkIssue(h)
	}
	if err != nil {
		return world.Health{}, err
	}
	return h, nil
}

const opVerify = "health.verify"

func bad(what string) error {
	return world.E(world.CodeInvalid, opVerify, "No word of a monitor: "+what)
}

// seal is the line that carries a document under a name.
func seal(key ed25519.PrivateKey, purpose, name string, doc any) ([]byte, error) {
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, world.Wrap("health.sign", err)
	}
	sig := ed25519.Sign(key, signed(purpose, name, text))
	line := append([]byte(name), ' ')
	line = base64.RawURLEncoding.AppendEncode(line, sig)
	line = append(append(line, ' '), text...)
	if len(line) > MaxLine {
		return nil, world.E(world.CodeTooLarge, "health.sign", fmt.Sprintf("What the monitors say takes more than %d bytes: the world has too many targets for one feed.", MaxLine))
	}
	return line, nil
}

func signed(purpose, name string, text []byte) []byte {
	return slices.Concat([]byte(purpose), []byte(name), []byte{'\n'}, text)
}

// open reads nothing of a document whose signature does not hold.
func open(keys map[string]ed25519.PublicKey, purpose string, line []byte, doc any) (name string, err error) {
	if len(line) > MaxLine {
		return "", world.E(world.CodeTooLarge, opVerify, fmt.Sprintf("A monitor's line has at most %d bytes.", MaxLine))
	}
	head, rest, ok := bytes.Cut(line, []byte{' '})
	code, text, ok2 := bytes.Cut(rest, []byte{' '})
	if !ok || !ok2 {
		return "", bad("it has not the three parts name, signature and document.")
	}
	name = string(head)
	key, known := keys[name]
	if !known || len(key) != ed25519.PublicKeySize {
		return "", world.E(world.CodeUnsigned, opVerify, fmt.Sprintf("There is no public key of a monitor %.40q: add it to the keys.", name))
	}
	sig, err := base64.RawURLEncoding.Strict().DecodeString(string(code))
	if err != nil || !ed25519.Verify(key, signed(purpose, name, text), sig) {
		return "", world.E(world.CodeUnsigned, opVerify, fmt.Sprintf("The signature of the monitor %s does not hold.", name))
	}
	if err := json.Unmarshal(text, doc); err != nil {
		return "", world.Because(world.CodeInvalid, opVerify, "No word of a monitor.", err)
	}
	return name, nil
}

// checkIssue holds what whoever reads an issue relies on.
func checkIssue(h world.Health) error {
	switch {
	case !world.ValidName(h.Monitor):
		return bad("monitor is no name.")
	case h.Beat > MaxNumber:
		return bad("beat is out of range.")
	case len(h.Targets) > MaxTargets || len(h.Heard) > MaxNamed:
		return bad("it has too many targets or monitors.")
	case !ascending(h.Targets, func(t world.TargetHealth) string { return t.Target }):
		return bad("its targets are not in order, or named twice.")
	}
	if err := checkVersion(h.Version); err != nil {
		return err
	}
	if err := checkNames(h.Heard); err != nil {
		return err
	}
	for _, t := range h.Targets {
		if err := checkTarget(t); err != nil {
			return err
		}
	}
	return nil
}

// checkVersion takes the version 0 of nobody: nothing was agreed on yet.
func checkVersion(v world.HealthVersion) error {
	if v.Number > MaxNumber || v.Number > 0 && !world.ValidName(v.Monitor) {
		return bad("its version is out of range, or nobody's.")
	}
	return nil
}

func checkTarget(t world.TargetHealth) error {
	_, _, ok := world.SplitTarget(t.Target)
	switch {
	case !ok:
		return bad(fmt.Sprintf("%.60q is no target.", t.Target))
	case !known(t.State):
		return bad(fmt.Sprintf("%.20q is no state.", t.State))
	case !world.ValidName(string(t.Reason)):
		return bad(fmt.Sprintf("%.20q is no reason.", t.Reason))
	case t.Load < 0 || t.Load > world.MaxLoad || t.Since.Year() > lastYear:
		return bad("a load or a time is out of range.")
	case len(t.By) > MaxNamed:
		return bad("too many say so of " + t.Target + ".")
	}
	for _, by := range t.By { // a region or an operator
		if !world.Printable(by, maxBy) {
			return bad("who says so of " + t.Target + " has no name.")
		}
	}
	return nil
}

const (
	maxBy    = 64   // bytes of a name
	lastYear = 9000 // times past 9999 have no text (RFC 3339), in whatever zone
)

func known(s world.HealthState) bool {
	switch s {
	case world.Healthy, world.Degraded, world.Draining, world.Down:
		return true
	}
	return false
}

func checkNames(names []string) error {
	for _, n := range names {
		if !world.ValidName(n) {
			return bad(fmt.Sprintf("%.40q is no name.", n))
		}
	}
	return nil
}
