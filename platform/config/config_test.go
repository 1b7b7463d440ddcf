package config

import (
	"strings"
	"testing"
	"time"
)

type inner struct {
	Name string `yaml:"name" doc:"whose"`
}

type sample struct {
	Listen string                `yaml:"listen" doc:"where to listen"`
	Wait   time.Duration         `yaml:"wait" doc:"how long"`
	Key    string                `yaml:"key" doc:"the key" secret:"true"`
	Peers  []inner               `yaml:"peers" doc:"others"`
	Deep   inner                 `yaml:"deep"`
	Lives  map[int]time.Duration `yaml:"lives" doc:"how long each"`
	Hidden string                `yaml:"-"`
}

func TestMarkdownNamesEverySetting(t *testing.T) {
	got := Markdown(Fields(sample{Listen: "tcp::1", Wait: time.Second, Key: "hush", Lives: map[int]time.Duration{410: time.Minute, 404: time.Second}}))
	for _, want := range []string{
		"| `listen` | text | `tcp::1` | where to listen |",
		"| `wait` | duration | `1s` | how long |",
		"| `lives` | map of number to duration | `{404: 1s, 410: 1m0s}` | how long each |",
		"| `key` | text |  | the key (secret) |",
		"| `peers[].name` | text |  | whose |",
		"| `deep.name` |",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %s in\n%s", want, got)
		}
	}
	if strings.Contains(got, "hush") || strings.Contains(got, "Hidden") {
		t.Errorf("shows what it must not:\n%s", got)
	}
}
