package cli

import "testing"

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "17": 17, "64k": 64 << 10, "512MB": 512e6, "512m": 512 << 20, "512MiB": 512 << 20, "1.5GiB": 3 << 29, "20 GB": 20e9, "2TB": 2e12, "9b": 9,
	} {
		var n int64
		if err := (size{&n}).Set(text); err != nil || n != want {
			t.Errorf("%s: %d %v", text, n, err)
		}
	}
	for _, text := range []string{"", "GB", "-1", "1x", "1e30GB", "1..2", "nan", "10000000TB", "1 2"} {
		var n int64
		if (size{&n}).Set(text) == nil {
			t.Errorf("%q is taken as %d", text, n)
		}
	}
	n := int64(256 << 20)
	if got := (size{&n}).String(); got != "256MiB" {
		t.Error(got)
	}
}
