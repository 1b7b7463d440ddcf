package media

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"meridian/platform/config"
	"meridian/world"
)

func valid() Config {
	c := Default()
	c.Region, c.Apps, c.UploadToken, c.WireKey = "us-east", []string{app}, token, key
	c.UploadKeys = uploadKeys
	return c
}

func TestValidate(t *testing.T) {
	if err := valid().Validate(); err != nil {
		t.Fatal(err)
	}
	for says, spoil := range map[string]func(*Config){
		"region":                func(c *Config) { c.Region = "" },
		"apps":                  func(c *Config) { c.Apps = nil },
		`"Crumbs"`:              func(c *Config) { c.Apps = []string{"Crumbs"} },
		"upload_token":          func(c *Config) { c.UploadToken = "" },
		"upload_keys":           func(c *Config) { c.UploadKeys = nil },
		"grant_life":            func(c *Config) { c.Limits.GrantLife = time.Second - 1 },
		"wire_key":              func(c *Config) { c.WireKey = "" },
		"must differ":           func(c *Config) { c.UploadToken = c.WireKey },
		"max_bytes":             func(c *Config) { c.Limits.MaxBytes = 0 },
		"max_pixels":            func(c *Config) { c.Limits.MaxPixels = -1 },
		"max_frames":            func(c *Config) { c.Limits.MaxFrames = 0 },
		"max_name":              func(c *Config) { c.Limits.MaxName = 0 },
		"uploads":               func(c *Config) { c.Limits.Uploads = 0 },
		"receives":              func(c *Config) { c.Limits.Receives = 0 },
		"claim":                 func(c *Config) { c.Limits.Claim = 0 },
		"resume_from":           func(c *Config) { c.Limits.ResumeFrom = 0 },
		"peer_asks":             func(c *Config) { c.Limits.PeerAsks = 0 },
		"list_page":             func(c *Config) { c.Limits.ListPage = 0 },
		"upload,":               func(c *Config) { c.Limits.Upload = 0 },
		"check,":                func(c *Config) { c.Limits.Check = 0 },
		"transform,":            func(c *Config) { c.Limits.Transform = 0 },
		"stage_age":             func(c *Config) { c.Limits.StageAge = 0 },
		"sweep_every":           func(c *Config) { c.Limits.SweepEvery = 0 },
		"lag_every":             func(c *Config) { c.Limits.LagEvery = 0 },
		"private":               func(c *Config) { c.Placement.Private = "all" },
		"max_versions":          func(c *Config) { c.Limits.MaxVersions = world.MaxVersions + 1 },
		"at most 1024":          func(c *Config) { c.Limits.MaxName = world.MaxAssetName + 1 },
		"wait,":                 func(c *Config) { c.Limits.Wait = 0 },
		"moderation.mode":       func(c *Config) { c.Moderation.Mode = "perhaps" },
		"moderation.token: giv": func(c *Config) { c.Moderation.Mode = ModerateQueue },
		"moderation.token: mus": func(c *Config) { c.Moderation.Token = c.UploadToken },
		"moderation.hook: ":     func(c *Config) { c.Moderation.Mode, c.Moderation.Hook.URL = ModerateHook, "https://h" },
		"moderation.hook.wait":  func(c *Config) { c.Moderation.Hook.Wait = 0 },
		"scope":                 func(c *Config) { c.Placement.Public = "everywhere" },
	} {
		c := valid()
		spoil(&c)
		if err := c.Validate(); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}

func TestCareAtItsEdges(t *testing.T) {
	for i, c := range []struct {
		says string // of the setting that is wrong; "": none is
		set  func(*Care)
	}{
		{"", func(c *Care) { c.ColdAfter = 48 * time.Hour }},
		{"cold_after", func(c *Care) { c.ColdAfter = 48*time.Hour - 1 }},
		{"", func(c *Care) { c.OrphanAfter = time.Hour }},
		{"orphan_after", func(c *Care) { c.OrphanAfter = time.Hour - 1 }},
		{"delete_after", func(c *Care) { c.DeleteAfter = time.Second }},
		{"collect_every", func(c *Care) { c.CollectEvery = 0 }},
		{"note_every", func(c *Care) { c.NoteEvery = 0 }},
	} {
		care := defaultCare()
		c.set(&care)
		err := care.validate(time.Second)
		if c.says == "" && err != nil || c.says != "" && (!world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%d: %v, want a word on %q", i, err, c.says)
		}
	}
}

func TestNewNeedsARegionOfTheWorld(t *testing.T) {
	c := valid()
	c.Region = "mars"
	if _, err := New(c, Deps{World: testWorld()}); !world.Is(err, world.CodeInvalid) {
		t.Errorf("error %v", err)
	}
}

func TestEverySettingIsExplained(t *testing.T) {
	for _, f := range config.Fields(Default()) {
		if f.Doc == "" {
			t.Errorf("%s has no meaning", f.Path)
		}
	}
}

func TestTheReadmeKnowsTheSettings(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, snippet, _ := strings.Cut(string(b), "```yaml\n")
	snippet, _, _ = strings.Cut(snippet, "```")
	var known []string
	for _, f := range config.Fields(Default()) {
		known = append(known, f.Path)
	}
	prefix, found := "", 0
	for _, m := range regexp.MustCompile(`(?m)^( *)(\w+):(.*)$`).FindAllStringSubmatch(snippet, -1) {
		if m[1] == "" {
			prefix = ""
		}
		if m[3] == "" {
			prefix = m[2] + "."
			continue
		}
		found++
		if !slices.Contains(known, prefix+m[2]) {
			t.Errorf("the README sets %s%s, which is no setting", prefix, m[2])
		}
	}
	if found < 5 {
		t.Errorf("only %d settings were found in the README", found)
	}
}
