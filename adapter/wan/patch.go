package wan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

const megabit = 1e6 // bit

// patch is a change of some of a link's parameters; nil leaves one as it is.
type patch struct {
	delay, jitter *time.Duration
	bandwidth     *int64
	loss          *float64
	state         *State
}

// apply makes the change. Whether the result is in range is for Params.check.
func (p patch) apply(to Params) (Params, error) {
	if p.delay != nil {
		to.Delay = *p.delay
	}
	if p.jitter != nil {
		to.Jitter = *p.jitter
	}
	if p.bandwidth != nil {
		to.Bandwidth = *p.bandwidth
	}
	if p.loss != nil {
		to.Loss = *p.loss
	}
	if p.state != nil {
		to.State = *p.state
	}
	return to, nil
}

// parsePatch reads the body of a PATCH. Errors are of code invalid and name
// the field.
func parsePatch(body []byte) (patch, error) {
	var p patch
	fields := 0
	err := eachField(body, func(name string, d *json.Decoder) (err error) {
		fields++
		switch name {
		case "delay_ms":
			p.delay, err = readMS(name, d)
		case "jitter_ms":
			p.jitter, err = readMS(name, d)
		case "bandwidth_mbit":
			p.bandwidth, err = readMbit(name, d)
		case "loss":
			var f float64
			f, err = readNumber(name, d, MaxLoss)
			p.loss = &f
		case "state":
			p.state, err = readState(name, d)
		default:
			err = invalid(fmt.Sprintf("The field %.40q is unknown: there are delay_ms, jitter_ms, bandwidth_mbit, loss and state.", name))
		}
		return err
	})
	if err == nil && fields == 0 {
		err = invalid("Nothing would change: name at least one of delay_ms, jitter_ms, bandwidth_mbit, loss and state.")
	}
	return p, err
}

// parseMode reads the body of a cut; an empty one is a blackhole.
func parseMode(body []byte) (State, error) {
	mode := Blackhole
	if len(bytes.TrimSpace(body)) == 0 {
		return mode, nil
	}
	err := eachField(body, func(name string, d *json.Decoder) error {
		if name != "mode" {
			return invalid(fmt.Sprintf("The field %.40q is unknown: there is only mode.", name))
		}
		s, err := readState(name, d)
		if err == nil {
			mode = *s
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return mode, checkCut(mode)
}

// eachField reads one JSON object and nothing else. Unlike encoding/json by
// itself it takes names as they are written, and each once.
func eachField(body []byte, read func(name string, d *json.Decoder) error) error {
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return notAnObject(err)
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return notAnObject(err)
		}
		if seen[name] {
			return invalid(fmt.Sprintf("The field %.40q is there twice.", name))
		}
		seen[name] = true
		if err := read(name, d); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil { // the closing brace
		return notAnObject(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return invalid("Something follows the JSON object: send one object only.")
	}
	return nil
}

func notAnObject(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return invalid("Send a JSON object.")
	}
	return invalid(fmt.Sprintf("The body is not a JSON object: %v.", err))
}

func readNumber(name string, d *json.Decoder, most float64) (float64, error) {
	var f *float64
	if err := d.Decode(&f); err != nil || f == nil {
		return 0, invalid(fmt.Sprintf("The field %s must be a number.", name))
	}
	if *f < 0 || *f > most {
		return 0, invalid(fmt.Sprintf("The field %s is %g: it must be from 0 to %g.", name, *f, most))
	}
	return *f, nil
}

func readMS(name string, d *json.Decoder) (*time.Duration, error) {
	f, err := readNumber(name, d, inMS(MaxDelay))
	v := time.Duration(f * float64(time.Millisecond))
	return &v, err
}

func readMbit(name string, d *json.Decoder) (*int64, error) {
	f, err := readNumber(name, d, MaxBandwidth/megabit)
	v := int64(f*megabit + 0.5)
	return &v, err
}

func readState(name string, d *json.Decoder) (*State, error) {
	var s *State
	if err := d.Decode(&s); err != nil || s == nil || *s == "" {
		return nil, invalid(fmt.Sprintf("The field %s must be up, blackhole or refuse.", name))
	}
	return s, nil
}
