package taxid

import (
	"context"
	"errors"
	"time"

	"meridian/world"
)

// Answer is what a register says of a number.
type Answer struct {
	Valid     bool      // it is registered on the day of the question
	Name      string    // of the business, where the register tells
	Reference string    // the register's own number for the question: the proof that it was asked
	At        time.Time // when it answered
}

// Register asks whoever keeps the numbers of a country: VIES for the European
// Union and Northern Ireland, HMRC for Great Britain.
type Register interface {
	// Ask says whether a number is in force. seller is who asks, for registers
	// that give a reference to known askers alone; it may be the zero ID. Any
	// error means that it is not known.
	Ask(ctx context.Context, id, seller ID) (Answer, error)
}

// Reason says why a number was not confirmed.
type Reason string

// The reasons.
const (
	Confirmed    Reason = ""             // it was
	Malformed    Reason = "malformed"    // another form, or wrong check digits
	NotInForce   Reason = "not_in_force" // the register does not know it, or no longer
	Unanswered   Reason = "unanswered"   // the register failed or was too late
	NoRegister   Reason = "no_register"  // there is none to ask
	UnknownState Reason = "unknown_country"
)

// Verdict is what is known of a number that a buyer gave.
type Verdict struct {
	ID       ID // zero when malformed
	Verified bool
	Reason   Reason
	Answer   Answer // zero where none came
}

// Verify checks a number's form and asks its register. It fails closed: unless
// the register itself has just said yes, the number is not verified, normal
// tax is due and the verdict says why. A nil register is none.
func Verify(ctx context.Context, register Register, country, text string, seller ID) Verdict {
	id, err := Parse(country, text)
	if world.Is(err, world.CodeUnprocessed) {
		return Verdict{Reason: UnknownState}
	}
	if err != nil {
		return Verdict{Reason: Malformed}
	}
	if register == nil {
		return Verdict{ID: id, Reason: NoRegister}
	}
	answer, err := register.Ask(ctx, id, seller)
	if err = errors.Join(err, ctx.Err()); err != nil {
		return Verdict{ID: id, Reason: Unanswered}
	}
	if !answer.Valid {
		return Verdict{ID: id, Reason: NotInForce, Answer: answer}
	}
	return Verdict{ID: id, Verified: true, Answer: answer}
}
