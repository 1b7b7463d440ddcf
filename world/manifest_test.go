package world

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// cake is an asset with everything that a manifest can tell.
func cake() Manifest {
	first := Version{
		Number: 1, SHA256: strings.Repeat("a1", 32), MediaType: "image/jpeg", Bytes: 2_400_000, Width: 4000, Height: 3000, Frames: 1,
		Color: "#c08040", Thumbhash: "1QcSHQRnh493V4dIh4eXh1h4kJUI", Moderation: ModerationApproved,
		Mezzanine: &Mezzanine{State: MezzanineMade, SHA256: strings.Repeat("c3", 32)}, CreatedAt: noon,
	}
	cut := first
	cut.Number, cut.SHA256, cut.Width, cut.Height, cut.From = 2, strings.Repeat("b2", 32), 1500, 2000, 1
	cut.Edit = &Edit{Crop: &Crop{X: 100, Y: 0, Width: 2000, Height: 1500}, Rotate: 3}
	cut.Mezzanine, cut.CreatedAt = &Mezzanine{State: MezzaninePending}, noon.Add(time.Hour)
	focused := cut
	focused.Number, focused.From, focused.Edit, focused.Mezzanine = 3, 2, nil, nil
	focused.Focal, focused.CreatedAt = &Point{X: 0.25, Y: 1}, noon.Add(2*time.Hour)
	waiting := first
	waiting.Number, waiting.SHA256, waiting.Edit, waiting.Moderation = 4, strings.Repeat("d4", 32), &Edit{Replace: true}, ModerationPending
	waiting.Mezzanine, waiting.CreatedAt = nil, noon.Add(3*time.Hour)
	return Manifest{
		App: "sweet-crumbs", MediaID: "2abcdefghjkmnpqr", Name: "Käsekuchen.jpg", Owner: "erika", Visibility: Public, Audience: Public,
		WriteRegion: "eu-central", Current: 3, Versions: []Version{first, cut, focused, waiting},
		Moderation: Moderation{State: ModerationApproved, By: "otto", Reason: "a cake", At: noon.Add(time.Minute)},
		Replicas: []Replica{
			{Region: "ap-southeast", State: ReplicaPending, At: noon, Error: "link cut"},
			{Region: "eu-central", State: ReplicaCopied, At: noon, VerifiedAt: noon.Add(time.Hour)},
		},
		CreatedAt: noon,
	}
}

// The document is a contract with programs outside: it changes on purpose only.
func TestManifestGolden(t *testing.T) {
	whole := cake()
	for file, m := range map[string]Manifest{"testdata/manifest.json": whole, "testdata/manifest_outside.json": whole.ForOutsiders()} {
		if err := m.Validate(); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		got, err := json.MarshalIndent(m, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, '\n')
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: the document has changed:\n%s", file, got)
		}
		var back Manifest
		if err := json.Unmarshal(want, &back); err != nil || !reflect.DeepEqual(back, m) {
			t.Errorf("%s: read back %+v, %v", file, back, err)
		}
	}
}

func TestForOutsidersTellsNothingThatIsNotTheirs(t *testing.T) {
	m := cake()
	b, err := json.Marshal(m.ForOutsiders())
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"erika", "otto", "a cake", "link cut", strings.Repeat("c3", 32), strings.Repeat("d4", 32), "mezzanine"} {
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("%s is told", secret)
		}
	}
	if !reflect.DeepEqual(m, cake()) {
		t.Error("the manifest itself was changed")
	}
}

func TestValidateNamesWhatIsWrong(t *testing.T) {
	for want, change := range map[string]func(m *Manifest){
		"app is":                    func(m *Manifest) { m.App = "Sweet" },
		"media_id is":               func(m *Manifest) { m.MediaID = "0abcdefghjkmnpqr" },
		"name is":                   func(m *Manifest) { m.Name = "a\nb" },
		"owner is":                  func(m *Manifest) { m.Owner = strings.Repeat("x", MaxOwner+1) },
		"audience is":               func(m *Manifest) { m.Audience = Withheld },
		"visibility is":             func(m *Manifest) { m.Moderation.State = ModerationPending },
		"visibility is \"public\"":  func(m *Manifest) { m.DeletedAt = noon },
		"zone is \"\"":              func(m *Manifest) { m.Audience, m.Visibility = Private, Private },
		"zone is \"europe\"":        func(m *Manifest) { m.Zone = "europe" },
		"zone is \"Eu\"":            func(m *Manifest) { m.Audience, m.Visibility, m.Zone = Private, Private, "Eu" },
		"write_region is":           func(m *Manifest) { m.WriteRegion = "" },
		"created_at is":             func(m *Manifest) { m.CreatedAt = time.Time{} },
		"moderation.state is":       func(m *Manifest) { m.Moderation.State, m.Visibility = "maybe", Withheld },
		"moderation.by is":          func(m *Manifest) { m.Moderation.By = "\x00" },
		"moderation.reason is":      func(m *Manifest) { m.Moderation.Reason = "\xff" },
		"versions is":               func(m *Manifest) { m.Versions = nil },
		"current is \"9\"":          func(m *Manifest) { m.Current = 9 },
		"current is \"4\"":          func(m *Manifest) { m.Current = 4 }, // it is not approved
		"versions[1].version is":    func(m *Manifest) { m.Versions[1].Number = 1 },
		"versions[0].sha256 is":     func(m *Manifest) { m.Versions[0].SHA256 = strings.Repeat("A1", 32) },
		"versions[0].media_type is": func(m *Manifest) { m.Versions[0].MediaType = "text/html" },
		"versions[0].bytes is":      func(m *Manifest) { m.Versions[0].Bytes = 0 },
		"versions[0].width is":      func(m *Manifest) { m.Versions[0].Width = 0 },
		"versions[0].height is":     func(m *Manifest) { m.Versions[0].Height = MaxAssetSide + 1 },
		"versions[0].frames is":     func(m *Manifest) { m.Versions[0].Frames = 0 },
		"versions[0].color is":      func(m *Manifest) { m.Versions[0].Color = "red" },
		"versions[0].thumbhash is":  func(m *Manifest) { m.Versions[0].Thumbhash = "1QcSHQRnh493V4dIh4eXh1h4kJUI\n" },
		"is told outside its zone":  func(m *Manifest) { m.Audience, m.Visibility, m.Zone = Private, Private, "europe" },
		"versions[2].focal is":      func(m *Manifest) { m.Versions[2].Focal = &Point{X: 1.001} },
		"versions[1].from is":       func(m *Manifest) { m.Versions[1].From = 2 },
		"versions[1].edit is":       func(m *Manifest) { m.Versions[1].Edit.Rotate = 4 },
		"versions[3].edit is":       func(m *Manifest) { m.Versions[3].Edit.Rotate = 1 },
		"versions[0].moderation is": func(m *Manifest) { m.Versions[0].Moderation = "" },
		"versions[0].mezzanine is":  func(m *Manifest) { m.Versions[0].Mezzanine.State = MezzanineFailed },
		"versions[1].mezzanine is":  func(m *Manifest) { m.Versions[1].Mezzanine.State = MezzanineMade },
		"versions[0].created_at is": func(m *Manifest) { m.Versions[0].CreatedAt = time.Time{} },
		"replicas[1].region is":     func(m *Manifest) { m.Replicas[1].Region = "ap-southeast" },
		"replicas[0].state is":      func(m *Manifest) { m.Replicas[0].State = "lost" },
		"replicas is":               func(m *Manifest) { m.Replicas = make([]Replica, MaxRegions+1) },
	} {
		m := cake()
		change(&m)
		want = strings.TrimPrefix(want, "is ")
		if err := m.Validate(); !Is(err, CodeInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestManifestLimitsAreTakenAtTheirEdge(t *testing.T) {
	m := cake()
	m.Name, m.Owner = strings.Repeat("n", MaxAssetName), strings.Repeat("o", MaxOwner)
	m.Moderation.By, m.Moderation.Reason = strings.Repeat("b", MaxModeratedBy), strings.Repeat("r", MaxModeratedWhy)
	v := m.Versions[0]
	m.Versions, m.Current = nil, MaxVersions
	v.Width, v.Height, v.Thumbhash = MaxAssetSide, 1, strings.Repeat("AAAA", MaxThumbhash/3)+"AA=="
	for n := range MaxVersions {
		v.Number = n + 1
		m.Versions = append(m.Versions, v)
	}
	if err := m.Validate(); err != nil {
		t.Error(err)
	}
	v.Number++
	m.Versions = append(m.Versions, v)
	if err := m.Validate(); !Is(err, CodeInvalid) {
		t.Errorf("a version too many: %v", err)
	}
}

func TestShownAs(t *testing.T) {
	for _, c := range []struct {
		change func(*Manifest)
		want   Visibility
	}{
		{func(*Manifest) {}, Public},
		{func(m *Manifest) { m.Audience = Private }, Private},
		{func(m *Manifest) { m.Moderation.State = ModerationPending }, Withheld},
		{func(m *Manifest) { m.Moderation.State = ModerationWithheld }, Withheld},
		{func(m *Manifest) { m.DeletedAt = noon }, Withheld},
	} {
		m := cake()
		c.change(&m)
		if got := m.ShownAs(); got != c.want {
			t.Errorf("got %s, want %s for %+v", got, c.want, m.Moderation)
		}
	}
}

func TestCropLiesInItsPicture(t *testing.T) {
	for _, c := range []struct {
		crop Crop
		want bool
	}{
		{Crop{0, 0, 40, 30}, true}, {Crop{39, 29, 1, 1}, true},
		{Crop{0, 0, 41, 30}, false}, {Crop{1, 0, 40, 30}, false}, {Crop{0, 1, 40, 30}, false},
		{Crop{-1, 0, 1, 1}, false}, {Crop{0, -1, 1, 1}, false}, {Crop{0, 0, 0, 1}, false}, {Crop{0, 0, 1, 0}, false},
		{Crop{1 << 62, 0, 1 << 62, 1}, false},
	} {
		if got := c.crop.In(40, 30); got != c.want {
			t.Errorf("%+v: %v", c.crop, got)
		}
	}
}

// A document that is taken can be acted on, and is written again as it was read.
func FuzzManifest(f *testing.F) {
	m := cake()
	good, err := json.Marshal(m)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	for _, part := range []string{`"current":3`, `"visibility":"public"`, `"rotate":3`, `"state":"made"`, `"y":1`} {
		f.Add(bytes.Replace(good, []byte(part), []byte(part[:strings.IndexByte(part, ':')+1]+"null"), 1))
	}
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var m Manifest
		if json.Unmarshal(b, &m) != nil || m.Validate() != nil {
			return
		}
		if v, ok := m.VersionNumber(m.Current); !ok || v.Number != m.CurrentVersion().Number {
			t.Fatalf("no current version: %+v", m)
		}
		if m.Visibility != Withheld && m.CurrentVersion().Moderation != ModerationApproved {
			t.Fatalf("shown without approval: %+v", m)
		}
		once, err := json.Marshal(m)
		if err != nil {
			t.Skip("a time that JSON cannot write") // year 10000 and up
		}
		var back Manifest
		if err := json.Unmarshal(once, &back); err != nil || back.Validate() != nil {
			t.Fatalf("its own form is refused: %v, %v", err, back.Validate())
		}
		if twice, err := json.Marshal(back); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("not stable: %v\n%s\n%s", err, once, twice)
		}
		if m.Visibility == Public {
			if out := m.ForOutsiders(); out.Validate() != nil {
				t.Fatalf("what outsiders are given does not hold: %v", out.Validate())
			}
		}
	})
}
