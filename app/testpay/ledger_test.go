package testpay

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"meridian/world"
)

func ledgerOf(t *testing.T, path string) (*ledger, []payment) {
	t.Helper()
	l, payments, err := openLedger(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.close() })
	return l, payments
}

// A ledger cut at any byte gives each payment as a whole line has it last.
func TestTornAnywhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	l, _ := ledgerOf(t, path)
	var ends []int
	var states []map[string]int64
	now := map[string]int64{}
	for i := range 6 {
		ref := fmt.Sprintf("pay_%d", i%2)
		if err := l.write(payment{Ref: ref, Version: int64(i + 1)}); err != nil {
			t.Fatal(err)
		}
		now[ref] = int64(i + 1)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		copied := map[string]int64{}
		for k, v := range now {
			copied[k] = v
		}
		ends, states = append(ends, int(info.Size())), append(states, copied)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(whole) + 1 {
		want := map[string]int64{}
		for i, end := range ends {
			if end <= cut {
				want = states[i]
			}
		}
		payments, _, _, err := readLedger(whole[:cut])
		got := map[string]int64{}
		for _, p := range payments {
			got[p.Ref] = p.Version
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("cut at %d: %v, %v; want %v", cut, got, err, want)
		}
	}
}

func TestALedgerGoesOnBehindATornLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	l, _ := ledgerOf(t, path)
	for v := range 3 {
		if err := l.write(payment{Ref: "a", Version: int64(v + 1)}); err != nil {
			t.Fatal(err)
		}
	}
	whole, _ := os.ReadFile(path)
	if err := os.WriteFile(path, whole[:len(whole)-3], 0o600); err != nil {
		t.Fatal(err)
	}
	l, payments := ledgerOf(t, path)
	if len(payments) != 1 || payments[0].Version != 2 {
		t.Fatalf("%+v", payments)
	}
	if err := l.write(payment{Ref: "b", Version: 9}); err != nil {
		t.Fatal(err)
	}
	if _, payments = ledgerOf(t, path); len(payments) != 2 || payments[1].Version != 9 {
		t.Errorf("%+v", payments)
	}
}

func TestADamagedLineIsNotPassedOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	l, _ := ledgerOf(t, path)
	for v := range 3 {
		if err := l.write(payment{Ref: "a", Version: int64(v + 1)}); err != nil {
			t.Fatal(err)
		}
	}
	whole, _ := os.ReadFile(path)
	whole[len(whole)/2] ^= 1
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := openLedger(path); !world.Is(err, world.CodeInternal) {
		t.Errorf("%v", err)
	}
}

// History is dropped at a start, and no payment with it.
func TestHistoryIsDropped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	var old []byte
	for v := range 1010 {
		old, _ = appendRecord(old, payment{Ref: "a", Version: int64(v + 1)})
	}
	old, _ = appendRecord(old, payment{Ref: "b", Version: 7})
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	_, payments := ledgerOf(t, path)
	info, err := os.Stat(path)
	if err != nil || info.Size() > 1000 || len(payments) != 2 || payments[0].Version != 1010 || payments[1].Version != 7 {
		t.Errorf("%+v, %v", payments, err)
	}
}

// Once the disk has failed nothing is acknowledged any more.
func TestAfterAFailureOfTheDiskNothingIsAcknowledged(t *testing.T) {
	l, _ := ledgerOf(t, filepath.Join(t.TempDir(), "ledger"))
	broken, sync := errors.New("no"), l.sync
	l.sync = func() error { return broken }
	if err := l.write(payment{Ref: "a"}); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	l.sync = sync
	if err := l.write(payment{Ref: "a"}); !errors.Is(err, broken) {
		t.Errorf("after it: %v", err)
	}
	if _, err := appendRecord(nil, payment{Ref: string(bytes.Repeat([]byte("a"), maxRecord))}); !world.Is(err, world.CodeTooLarge) {
		t.Errorf("a payment that is too large: %v", err)
	}
}

func FuzzReadLedger(f *testing.F) {
	good, _ := appendRecord(nil, payment{Ref: "a", Version: 1})
	f.Add(good)
	f.Add([]byte("00000000 {}\n"))
	f.Add(append([]byte("x\n"), good...))
	f.Fuzz(func(t *testing.T, data []byte) {
		payments, lines, n, err := readLedger(data)
		if err != nil {
			return
		}
		again, _, m, err := readLedger(data[:n])
		if err != nil || m != n || !reflect.DeepEqual(again, payments) || lines < len(payments) {
			t.Errorf("%v then %v, %d then %d bytes, %v", payments, again, n, m, err)
		}
	})
}
