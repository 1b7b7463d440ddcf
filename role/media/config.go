package media

import (
	"fmt"
	"slices"
	"time"

	"meridian/engine/imagegrid"
	"meridian/engine/keyring"
	"meridian/engine/placement"
	"meridian/engine/signedurl"
	"meridian/engine/uploadgrant"
	"meridian/world"
)

// Config is what a media role can be told.
type Config struct {
	Listen      string             `yaml:"listen" doc:"address to listen on: tcp:host:port or unix:/path"`
	Region      string             `yaml:"region" doc:"the region that this role runs in"`
	Apps        []string           `yaml:"apps" doc:"the apps whose pictures are kept: the {app} of image URLs"`
	UploadToken string             `yaml:"upload_token" doc:"what an uploader shows" secret:"true"`
	Origins     []Origin           `yaml:"origins" doc:"other sites whose pages may put pictures in, by grants; none: no other site's pages"`
	UploadKeys  []keyring.Key      `yaml:"upload_keys" doc:"keys of upload grants: the first signs, the others are good too; the same in every region"`
	WireKey     string             `yaml:"wire_key" doc:"key that roles show one another" secret:"true"`
	Private     signedurl.Settings `yaml:"private"`
	Placement   Placement          `yaml:"placement"`
	Care        Care               `yaml:"care"`
	Probe       Probe              `yaml:"probe"`
	Moderation  Moderation         `yaml:"moderation"`
	Limits      Limits             `yaml:"limits"`
}

// Moderation says who decides whether a picture may be shown.
type Moderation struct {
	Mode  ModerationMode `yaml:"mode" doc:"automatic: every picture may be shown; hook: a service is asked; queue: a person decides"`
	Token string         `yaml:"token" doc:"what a person who decides shows; without it nobody can decide by hand" secret:"true"`
	Hook  Hook           `yaml:"hook"`
}

// Hook is the service that is asked in the hook mode.
type Hook struct {
	URL     string        `yaml:"url" doc:"where questions are sent, as Standard Webhooks"`
	Secret  string        `yaml:"secret" doc:"signs the questions: whsec_ and base 64 of 24 to 64 bytes" secret:"true"`
	Wait    time.Duration `yaml:"wait" doc:"longest time for an answer"`
	Private bool          `yaml:"private" doc:"whether it is shown private pictures too: it must lie in their zone. Without it a person decides about them"`
}

// Probe bounds the child processes that decode what is uploaded, one for each
// picture.
type Probe struct {
	Children int           `yaml:"children" doc:"most of them at once; each may hold memory"`
	Memory   int64         `yaml:"memory" doc:"most bytes that one may take for its picture, on Linux"`
	CPU      time.Duration `yaml:"cpu" doc:"most processor time of one, in whole seconds"`
	Time     time.Duration `yaml:"time" doc:"longest time that one may take for its picture"`
	Start    time.Duration `yaml:"start" doc:"longest time until one is ready for its picture"`
}

// defaultProbe has room for what is let in by default: docs/pictures.md has the
// figures.
func defaultProbe() Probe {
	return Probe{Children: 2, Memory: 1 << 30, CPU: 15 * time.Second, Time: 15 * time.Second, Start: 10 * time.Second}
}

func (p Probe) validate() error {
	if p.Children < 1 || p.Memory < 1<<20 || p.CPU < time.Second || p.Time <= 0 || p.Start <= 0 {
		return world.E(world.CodeInvalid, "media.config", "probe: children, memory, cpu, time, start: write at least one child, 1048576 bytes, 1s, and times above zero")
	}
	return nil
}

// Placement says how far originals are copied.
type Placement struct {
	Public   placement.Scope `yaml:"public" doc:"copies of public pictures: all regions, those of the zone, or only the write region"`
	Private  placement.Scope `yaml:"private" doc:"copies of private pictures: zone or write"`
	Withheld placement.Scope `yaml:"withheld" doc:"copies of pictures that are withheld: zone or write"`
}

func (p Placement) rule() placement.Rule {
	return placement.Rule{Public: p.Public, Private: p.Private, Withheld: p.Withheld}
}

// Limits bound what one request, and all of them together, may cost.
type Limits struct {
	MaxBytes    int64         `yaml:"max_bytes" doc:"most bytes of an original"`
	MaxPixels   int64         `yaml:"max_pixels" doc:"most pixels of an original, over all frames of an animation"`
	MaxFrames   int           `yaml:"max_frames" doc:"most frames of an animation"`
	DrawingSide int           `yaml:"drawing_side" doc:"the longer side, in pixels, of what is drawn of an SVG: it has no size of its own, and no variant is larger"`
	MaxName     int           `yaml:"max_name" doc:"most bytes of a picture's file name"`
	MaxVersions int           `yaml:"max_versions" doc:"most versions of one picture"`
	Uploads     int64         `yaml:"uploads" doc:"most uploads at once; each may hold max_bytes of memory"`
	Receives    int64         `yaml:"receives" doc:"most originals from other regions taken at once"`
	ResumeFrom  int64         `yaml:"resume_from" doc:"originals of so many bytes or more go to other regions so that a copy that was cut is gone on with"`
	PeerAsks    int64         `yaml:"peer_asks" doc:"most questions to other regions at once about pictures that are not known here"`
	Claim       time.Duration `yaml:"claim" doc:"how long other regions are waited for that are asked whether they take the same upload, by its Idempotency-Key or grant; one that does not answer is passed over"`
	GrantLife   time.Duration `yaml:"grant_life" doc:"longest time that an upload grant is good"`
	OpenUploads int           `yaml:"open_uploads" doc:"most resumable uploads of an app that have not ended"`
	Patches     int64         `yaml:"patches" doc:"most resumable uploads that content comes for at once"`
	Checked     int64         `yaml:"checked" doc:"most bytes of a part of a resumable upload that comes with a checksum: it is held in memory until it is verified"`
	Silence     time.Duration `yaml:"silence" doc:"how long the content of a resumable upload, or of an original from another region, may stay out before its connection is given up"`
	Upload      time.Duration `yaml:"upload" doc:"longest time for an upload to arrive"`
	Check       time.Duration `yaml:"check" doc:"longest time to inspect and decode an upload"`
	Transform   time.Duration `yaml:"transform" doc:"longest time to make a variant, with fetching its original"`
	ListPage    int           `yaml:"list_page" doc:"most pictures on one page of a list"`
	Wait        time.Duration `yaml:"wait" doc:"how long a copy of a catalog that is behind is waited for before the write region is asked"`
	StageAge    time.Duration `yaml:"stage_age" doc:"uploads in parts that nobody has gone on with for so long are removed"`
	SweepEvery  time.Duration `yaml:"sweep_every" doc:"how often they are looked for"`
	LagEvery    time.Duration `yaml:"lag_every" doc:"how often the replication lag is measured"`
}

// Default is a config that lacks only its place, its apps and its keys.
func Default() Config {
	r := placement.DefaultRule
	return Config{
		Private:    signedurl.DefaultSettings(),
		Placement:  Placement{Public: r.Public, Private: r.Private, Withheld: r.Withheld},
		Moderation: Moderation{Mode: ModerateAutomatic, Hook: Hook{Wait: 10 * time.Second}},
		Care:       defaultCare(),
		Probe:      defaultProbe(),
		Limits: Limits{
			MaxBytes: 64 << 20, MaxPixels: 50_000_000, MaxFrames: 300, DrawingSide: 2048, MaxName: 200, MaxVersions: 100,
			Uploads: 4, Receives: 4, ResumeFrom: 8 << 20, PeerAsks: 32, Claim: 2 * time.Second,
			GrantLife: 24 * time.Hour, OpenUploads: 100, Patches: 32, Checked: 4 << 20, Silence: 15 * time.Second, Upload: time.Minute, Check: 20 * time.Second, Transform: 25 * time.Second,
			Wait: 300 * time.Millisecond, ListPage: 200, LagEvery: 10 * time.Second, StageAge: 48 * time.Hour, SweepEvery: time.Hour,
		},
	}
}

// Validate fails with invalid for the first setting that cannot be, and says
// what to write.
func (c Config) Validate() error {
	bad := func(setting, fix string) error {
		return world.E(world.CodeInvalid, "media.config", fmt.Sprintf("%s: %s", setting, fix))
	}
	l := c.Limits
	switch {
	case !world.ValidName(c.Region):
		return bad("region", "name the region that this role runs in")
	case len(c.Apps) == 0:
		return bad("apps", "name at least one app")
	case c.UploadToken == "":
		return bad("upload_token", "give the token that uploaders show")
	case c.WireKey == "":
		return bad("wire_key", "give the key that the roles share")
	case c.UploadToken == c.WireKey:
		return bad("upload_token", "must differ from wire_key: an uploader is not a role")
	case l.MaxBytes < 1 || l.MaxPixels < 1 || l.MaxFrames < 1 || l.MaxName < 1:
		return bad("limits: max_bytes, max_pixels, max_frames, max_name", "write at least 1")
	case l.DrawingSide < 1 || l.DrawingSide > imagegrid.MaxDimension:
		return bad("limits: drawing_side", fmt.Sprintf("write 1 to %d", imagegrid.MaxDimension))
	case l.Uploads < 1 || l.Receives < 1 || l.PeerAsks < 1 || l.ListPage < 1:
		return bad("limits: uploads, receives, peer_asks, list_page", "write at least 1")
	case l.ResumeFrom < 1:
		return bad("limits: resume_from", "write at least 1")
	case l.GrantLife < time.Second:
		return bad("limits: grant_life", "write at least 1s")
	case l.OpenUploads < 1 || l.Patches < 1 || l.Checked < 1:
		return bad("limits: open_uploads, patches, checked", "write at least 1")
	case l.Silence <= 0:
		return bad("limits: silence", "write a time above zero, such as 15s")
	case l.Claim <= 0:
		return bad("limits: claim", "write a time above zero, such as 2s")
	case l.Upload <= 0 || l.Check <= 0 || l.Transform <= 0 || l.Wait <= 0 || l.LagEvery <= 0 || l.StageAge <= 0 || l.SweepEvery <= 0:
		return bad("limits: upload, check, transform, wait, stage_age, sweep_every, lag_every", "write a time above zero, such as 20s")
	}
	if l.MaxName > world.MaxAssetName || l.MaxVersions < 1 || l.MaxVersions > world.MaxVersions {
		return bad("limits: max_name, max_versions", fmt.Sprintf("write at most %d and %d", world.MaxAssetName, world.MaxVersions))
	}
	if err := c.Moderation.validate(c.UploadToken, c.WireKey); err != nil {
		return err
	}
	for _, app := range c.Apps {
		if imagegrid.CheckApp(app) != nil {
			return bad("apps", fmt.Sprintf("%q must be 1 to %d characters of a-z, 0-9 and -, beginning with a letter", app, imagegrid.MaxAppLength))
		}
	}
	if _, err := keyring.New(uploadgrant.Purpose, c.UploadKeys); err != nil {
		return world.Wrap("media.config upload_keys", err)
	}
	if err := c.Care.validate(l.Transform); err != nil {
		return err
	}
	if err := c.Probe.validate(); err != nil {
		return err
	}
	for _, o := range c.Origins {
		if err := o.validate(c.Apps); err != nil {
			return err
		}
	}
	if err := c.Placement.rule().Check(); err != nil {
		return world.Wrap("media.config placement", err)
	}
	return nil
}

func (c Moderation) validate(others ...string) error {
	bad := func(setting, fix string) error {
		return world.E(world.CodeInvalid, "media.config", fmt.Sprintf("moderation.%s: %s", setting, fix))
	}
	switch {
	case c.Mode != ModerateAutomatic && c.Mode != ModerateHook && c.Mode != ModerateQueue:
		return bad("mode", "write automatic, hook or queue")
	case c.Mode == ModerateQueue && c.Token == "":
		return bad("token", "give the token that shows who may decide")
	case c.Token != "" && slices.Contains(others, c.Token):
		return bad("token", "must differ from upload_token and wire_key: who puts a picture in does not approve it")
	case c.Mode == ModerateHook && (c.Hook.URL == "" || c.Hook.Secret == ""):
		return bad("hook", "give the service's url and the secret that signs questions")
	case c.Hook.Wait <= 0:
		return bad("hook.wait", "write a time above zero, such as 10s")
	}
	return nil
}
