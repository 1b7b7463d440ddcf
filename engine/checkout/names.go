package checkout

import (
	"fmt"
	"io"
	"regexp"
	"strings"

	"meridian/world"
)

// crockford is Crockford's base 32: without I, L, O and U, which are misread.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// orderCodeLength characters hold 30 random bits. Two of 33 000 orders of a
// market share a code with even odds, so the database keeps numbers unique and
// a conflict draws again.
const orderCodeLength = 6

var orderNumberForm = regexp.MustCompile(`^([A-Z0-9]{1,6})-([A-Z0-9]{1,6})-([0-9A-Z]{6})$`)

// NewOrderNumber makes the number by which people name an order:
// "SC-DE-7K3M9Q" of the brand "SC" and the market "de". It is no secret and
// opens nothing. It fails with [world.CodeInvalid] for a brand or market that
// is not one to six letters and digits, and with [world.CodeInternal] when
// random (crypto/rand's Reader, as a rule) fails.
func NewOrderNumber(brand, market string, random io.Reader) (string, error) {
	code := make([]byte, orderCodeLength)
	if _, err := io.ReadFull(random, code); err != nil {
		return "", world.Because(world.CodeInternal, "checkout.number", "the order could not be numbered; send it again", err)
	}
	for i, b := range code {
		code[i] = crockford[b&31] // 256 is a multiple of 32: no character is favoured
	}
	number := strings.ToUpper(brand) + "-" + strings.ToUpper(market) + "-" + string(code)
	if !orderNumberForm.MatchString(number) {
		return "", world.E(world.CodeInvalid, "checkout.number",
			fmt.Sprintf("brand %q and market %q make no order number; use one to six letters and digits each", brand, market))
	}
	return number, nil
}

// ParseOrderNumber reads a number as somebody typed it: lower case, spaces for
// hyphens, and o, i and l for 0 and 1 in its last part. It fails with
// [world.CodeInvalid] for anything that cannot be a number.
func ParseOrderNumber(typed string) (string, error) {
	const longest = 64 // bytes: more is not a slip of the finger
	refusal := world.E(world.CodeInvalid, "checkout.number", "that is not an order number; it looks like SC-DE-7K3M9Q")
	if len(typed) > longest {
		return "", refusal
	}
	parts := strings.FieldsFunc(strings.ToUpper(typed), func(r rune) bool { return r == '-' || r == ' ' })
	if len(parts) != 3 {
		return "", refusal
	}
	parts[2] = strings.NewReplacer("O", "0", "I", "1", "L", "1").Replace(parts[2])
	number := strings.Join(parts, "-")
	if !orderNumberForm.MatchString(number) || strings.Contains(parts[2], "U") {
		return "", refusal
	}
	return number, nil
}

// The lengths of an idempotency key, in characters. Sixteen can hold 96 random
// bits, enough that two browsers never choose the same.
const (
	MinIdempotencyKey = 16
	MaxIdempotencyKey = 64
)

// ParseIdempotencyKey reads the key that makes a repeated order, or addition to a
// cart, one: MinIdempotencyKey to MaxIdempotencyKey letters, digits, "-" and "_",
// bare as a form has it or in the double quotes of a header
// (draft-ietf-httpapi-idempotency-key-header §2.1). It fails with
// [world.CodeInvalid] otherwise.
func ParseIdempotencyKey(text string) (string, error) {
	key := text
	if inner, ok := strings.CutPrefix(text, `"`); ok {
		if key, ok = strings.CutSuffix(inner, `"`); !ok {
			key = ""
		}
	}
	if len(key) < MinIdempotencyKey || len(key) > MaxIdempotencyKey || strings.ContainsFunc(key, notInKey) {
		return "", world.E(world.CodeInvalid, "checkout.idempotency", fmt.Sprintf(
			"the idempotency key must be %d to %d letters, digits, - and _; load the form again to get one",
			MinIdempotencyKey, MaxIdempotencyKey))
	}
	return key, nil
}

func notInKey(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
}
