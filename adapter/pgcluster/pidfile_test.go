package pgcluster

import (
	"strings"
	"testing"
)

const realPidFile = "4711\n/var/lib/meridian/catalog\n1700000000\n5501\n/tmp/m\n\n  5501001    196608\nready   \n"

func TestParsePidFile(t *testing.T) {
	for _, c := range []struct {
		what, text string
		want       pidFile
		ok         bool
	}{
		{"a server that is ready", realPidFile, pidFile{4711, "ready"}, true},
		{"no line end", strings.TrimRight(realPidFile, " \n"), pidFile{4711, "ready"}, true},
		{"a start that has not got far", "4711\n/dir\n", pidFile{4711, ""}, true},
		{"single-user mode", "-4711\n/dir\n", pidFile{4711, ""}, true},
		{"empty", "", pidFile{}, false},
		{"zero", "0\n", pidFile{}, false},
		{"noise", "ready\n4711\n", pidFile{}, false},
		{"too large for a number", "99999999999999999999\n", pidFile{}, false},
		{"the one number without a positive", "-9223372036854775808\n", pidFile{}, false},
	} {
		got, err := parsePidFile(c.text)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("%s: %+v, %v", c.what, got, err)
		}
	}
}

func TestServing(t *testing.T) {
	for status, want := range map[string]bool{"ready": true, "standby": true, "starting": false, "stopping": false, "": false} {
		p := pidFile{4711, status}
		if p.serving(4711) != want {
			t.Errorf("%q: %v", status, !want)
		}
		if p.serving(4712) {
			t.Errorf("%q: another process's file counts", status)
		}
	}
}

func FuzzParsePidFile(f *testing.F) {
	for _, s := range []string{realPidFile, "", "-1\n", "0", "1\n\n\n\n\n\n\n\n\n", "-9223372036854775808"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePidFile(text)
		// A pid of 0 or less would signal whole process groups.
		if (err == nil) != (p.pid > 0) {
			t.Errorf("%q: %+v, %v", text, p, err)
		}
	})
}

func TestNamesDir(t *testing.T) {
	for _, c := range []struct {
		argv string
		want bool
	}{
		{"/usr/lib/postgresql/15/bin/postgres|-D|/d/a", true},
		{"postgres|-D/d/a", true},
		{"postgres|-p|5432|-D|/d/a|-i", true},
		{"postgres|-D|/d/ab", false},
		{"postgres|-D", false},
		{"postgres|/d/a", false},
		{"vi|-D|/d/a", false},
		{"", false},
	} {
		if got := namesDir(strings.Split(c.argv, "|"), "/d/a"); got != c.want {
			t.Errorf("%s: %v", c.argv, got)
		}
	}
}
