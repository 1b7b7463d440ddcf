package monitor

import (
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"meridian/engine/health"
	"meridian/platform/operator"
	"meridian/world"
)

// seedOf is a monitor's key that is the same in every run.
func seedOf(region string) string {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, region)
	return base64.RawURLEncoding.EncodeToString(seed)
}

func keysOf(regions ...string) []health.Key {
	var out []health.Key
	for _, r := range regions {
		key, _ := health.ParsePrivate(seedOf(r))
		out = append(out, health.Key{Region: r, Public: health.PublicOf(key)})
	}
	return out
}

func goodConfig() Config {
	c := Default()
	c.Listen, c.Region, c.WireKey, c.Key, c.Keys = "unix:/x", "east", "wire", seedOf("east"), keysOf("east", "mid", "west")
	c.Tokens = []Token{{Credential: operator.Credential{Name: "a", SHA256: strings.Repeat("0", 64)}, Drain: []string{"pop/"}}}
	return c
}

func TestConfigIsChecked(t *testing.T) {
	if err := goodConfig().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"listen": func(c *Config) { c.Listen = "" }, "region": func(c *Config) { c.Region = "East" }, "wire_key": func(c *Config) { c.WireKey = "" },
		"key: write": func(c *Config) { c.Key = "short" }, "keys[1]": func(c *Config) { c.Keys[1].Public = "x" },
		"keys: name this": func(c *Config) { c.Keys = c.Keys[1:] }, "keys: name": func(c *Config) { c.Key = seedOf("mid") },
		"every": func(c *Config) { c.Every = 0 }, "deep_every": func(c *Config) { c.DeepEvery = 0 }, "pop_every": func(c *Config) { c.PoPEvery = 0 }, "retry_every": func(c *Config) { c.RetryEvery = 0 },
		"patience": func(c *Config) { c.Patience = 0 }, "slow_by": func(c *Config) { c.SlowBy = 0 }, "timeout": func(c *Config) { c.Timeout = c.Patience - 1 },
		"fresh": func(c *Config) { c.Fresh = 2*world.HealthBeat - 1 }, "max_answer": func(c *Config) { c.MaxAnswer = 1023 }, "max_body": func(c *Config) { c.MaxBody = 1023 },
		"max_followers": func(c *Config) { c.MaxFollowers = 0 }, "feed_write": func(c *Config) { c.FeedWrite = 0 }, "max_drain": func(c *Config) { c.MaxDrain = 0 },
		"bad_tokens": func(c *Config) { c.BadTokens = 0 }, "tracked": func(c *Config) { c.Tracked = 0 }, "down_after": func(c *Config) { c.DownAfter = 0 },
		"tokens[0].name": func(c *Config) { c.Tokens[0].Name = "" }, "tokens[0].drain": func(c *Config) { c.Tokens[0].Drain = []string{"pop"} },
		"tokens[1].name": func(c *Config) { c.Tokens = append(c.Tokens, c.Tokens[0]) },
	} {
		c := goodConfig()
		change(&c)
		if err := c.Validate(); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := goodConfig()
	c.Fresh, c.MaxAnswer, c.MaxBody, c.Timeout = 2*world.HealthBeat, 1024, 1024, c.Patience
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

func TestScopesOfTokens(t *testing.T) {
	for _, c := range []struct {
		scope  string
		target string
		may    bool
	}{
		{"/", "shop/east", true}, {"pop/", "pop/fra", true}, {"pop/fra", "pop/fra", true}, {"pop/fra", "pop/lhr", false}, {"pop/", "shop/east", false}, {"", "pop/fra", false},
	} {
		tok := Token{}
		if c.scope != "" {
			tok.Drain = []string{c.scope}
		}
		if tok.may(c.target) != c.may {
			t.Errorf("%q and %s: %v", c.scope, c.target, !c.may)
		}
	}
}

func TestKeeping(t *testing.T) {
	var none keeping
	if was, err := none.load(nil); err != nil || was.Number != 0 {
		t.Errorf("without a keeper: %v", err)
	}
	for text, ok := range map[string]bool{
		"": true, `{"number": 5}`: true, "x": false, `{"number": 4611686018427387905}`: false,
		`{"orders": [{"target": "pop/fra", "version": {"number": 1, "monitor": "east"}, "by": "a", "drain": true}]}`: true,
		`{"orders": [{"target": "pop"}]}`: false,
	} {
		if _, err := none.load(&shelf{text: text}); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// shelf is a keeper in memory.
type shelf struct {
	text  string
	saved int
	fail  error
}

func (s *shelf) Load() ([]byte, error) { return []byte(s.text), nil }

func (s *shelf) Save(b []byte) error {
	if s.fail == nil {
		s.text, s.saved = string(b), s.saved+1
	}
	return s.fail
}

// What is kept is written when it changes, and not with each beat.
func TestKeepingIsRare(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	b := health.NewBoard(health.BoardConfig{Monitor: "east", Monitors: []string{"east"}, Fresh: time.Second, Now: now})
	var k keeping
	s := &shelf{}
	save := func(want int) {
		t.Helper()
		b.Decide(now)
		if err := k.save(s, b); err != nil || s.saved != want {
			t.Errorf("saved %d times, %v; want %d", s.saved, err, want)
		}
	}
	save(1)
	save(1)
	if _, err := b.Order(health.Order{Target: "pop/fra", Drain: true, By: "a"}, now); err != nil {
		t.Fatal(err)
	}
	save(2)
	number := b.Number()
	var again keeping
	was, err := again.load(s)
	if err != nil || was.Number <= number || len(was.Orders) != 1 {
		t.Errorf("%v: %+v", err, was)
	}
	for range numbersAhead + 1 {
		if _, err := b.Order(health.Order{Target: "pop/fra", By: "a"}, now); err != nil {
			t.Fatal(err)
		}
		b.Decide(now)
		if k.save(s, b); b.Number() >= k.last.Number {
			t.Fatal("a version was given above what is kept")
		}
	}
}
