package health

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"time"

	"meridian/world"
)

// View is what one monitor holds by itself, as it tells the others.
type View struct {
	Monitor string              `json:"monitor"`
	Seq     uint64              `json:"seq"` // of a monitor's views the highest holds
	At      time.Time           `json:"at"`  // by that monitor's clock
	Hears   []string            `json:"hears"`
	Says    []Opinion           `json:"says"`   // by target
	Orders  []Order             `json:"orders"` // by target: all that it knows of, whoever took them
	Version world.HealthVersion `json:"version"`
	States  string              `json:"states"` // digest of the states of that version
}

// differs reports whether a view says something else than another, but for when.
func (v View) differs(w View) bool {
	return v.Version != w.Version || !slices.Equal(v.Hears, w.Hears) || !slices.Equal(v.Says, w.Says) || !slices.Equal(v.Orders, w.Orders)
}

// Order is an operator's word about one target. Of two the later one holds, by
// its version; one that has been taken back is kept, so that a monitor which did
// not hear of it cannot bring it up again.
type Order struct {
	Target  string              `json:"target"`
	Version world.HealthVersion `json:"version"`
	Drain   bool                `json:"drain"` // false: it was taken back, or is over
	By      string              `json:"by"`    // the operator's token
	Reason  string              `json:"reason,omitempty"`
	At      time.Time           `json:"at"`
	Until   time.Time           `json:"until,omitzero"` // zero: until it is taken back
}

// MaxOrderReason is the most bytes of why something is drained.
const MaxOrderReason = 200

// SignView makes the line that carries a view, as [Sign] does an issue's.
func SignView(key ed25519.PrivateKey, v View) ([]byte, error) {
	if err := checkView(v); err != nil {
		return nil, err
	}
	return seal(key, forView, v.Monitor, v)
}

// VerifyView reads a signed view; errors as of [Verify].
func VerifyView(keys map[string]ed25519.PublicKey, line []byte) (View, error) {
	var v View
	by, err := open(keys, forView, line, &v)
	if err == nil && by != v.Monitor {
		err = world.E(world.CodeUnsigned, opVerify, fmt.Sprintf("A view of %q is signed by %q.", v.Monitor, by))
	}
	if err == nil {
		err = checkView(v)
	}
	if err != nil {
		return View{}, err
	}
	return v, nil
}

func checkView(v View) error {
	switch {
	case !world.ValidName(v.Monitor):
		return bad("monitor is no name.")
	case v.Seq > MaxNumber:
		return bad("seq is out of range.")
	case len(v.Hears) > MaxNamed || len(v.Says) > MaxTargets || len(v.Orders) > MaxTargets:
		return bad("it has too many monitors, targets or orders.")
	case !ascending(v.Says, func(o Opinion) string { return o.Target }), !ascending(v.Orders, func(o Order) string { return o.Target }):
		return bad("its targets are not in order, or named twice.")
	case len(v.States) > maxBy || v.At.Year() > lastYear:
		return bad("states is no digest, or at is out of range.")
	}
	if err := checkVersion(v.Version); err != nil {
		return err
	}
	if err := checkNames(v.Hears); err != nil {
		return err
	}
	for _, o := range v.Says {
		if err := checkTarget(world.TargetHealth{Target: o.Target, State: o.State, Reason: o.Reason, Since: o.Since, Load: o.Load}); err != nil {
			return err
		}
	}
	return CheckOrders(v.Orders)
}

// CheckOrders refuses, with invalid, orders that no monitor has made.
func CheckOrders(orders []Order) error {
	for _, o := range orders {
		_, _, ok := world.SplitTarget(o.Target)
		switch {
		case !ok:
			return bad(fmt.Sprintf("%.60q is no target.", o.Target))
		case max(o.At.Year(), o.Until.Year()) > lastYear:
			return bad("the order about " + o.Target + " is of a time out of range.")
		case o.Version.Number == 0 || !world.Printable(o.By, maxBy) || len(o.Reason) > MaxOrderReason:
			return bad("the order about " + o.Target + " lacks its version or who gave it, or its reason is too long.")
		}
		if err := checkVersion(o.Version); err != nil {
			return err
		}
	}
	return nil
}

func ascending[T any](list []T, name func(T) string) bool {
	for i := 1; i < len(list); i++ {
		if name(list[i-1]) >= name(list[i]) {
			return false
		}
	}
	return true
}

func byTarget[T any](m map[string]T) []T {
	out := make([]T, 0, len(m))
	for _, name := range sortedKeys(m) {
		out = append(out, m[name])
	}
	return out
}

func sortedKeys[T any](m map[string]T) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.SortFunc(out, strings.Compare)
	return out
}
