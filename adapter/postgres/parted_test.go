package postgres

import (
	"testing"

	"meridian/world"
)

func TestWhoHasParted(t *testing.T) {
	const history = "1\t0/5000\tno recovery target specified\n\n2\t0/9000\tno recovery target specified\n"
	for name, q := range map[string]struct {
		history string
		epoch   uint32
		lsn     uint64
		want    bool
	}{
		"the first timeline has no history": {"", 1, 0x10000, false},
		"up to the fork":                    {history, 1, 0x5000, false},
		"behind the fork":                   {history, 1, 0x5001, true},
		"on the second, before its end":     {history, 2, 0x8000, false},
		"on the second, behind its end":     {history, 2, 0x9001, true},
		"of the first, behind the second's": {history, 1, 0xa000, true},
		"on the third":                      {history, 3, 0xa000, false},
		"a comment":                         {"# 1\t0/1\n", 1, 0x10000, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := parted(q.history, world.Position{Epoch: q.epoch, LSN: q.lsn}); err != nil || got != q.want {
				t.Errorf("parted: %v, %v", got, err)
			}
		})
	}
}

// Whatever a history says, the end of the log at its very beginning has parted from
// nothing.
func FuzzHistory(f *testing.F) {
	f.Add("1\t0/5000\tno recovery target specified\n", uint32(1))
	f.Add("x y\n1\n", uint32(0))
	f.Fuzz(func(t *testing.T, history string, epoch uint32) {
		if got, err := parted(history, world.Position{Epoch: epoch}); got {
			t.Errorf("parted at 0/0: %v", err)
		}
	})
}
