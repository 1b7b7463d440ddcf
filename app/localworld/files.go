package localworld

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"path/filepath"

	"meridian/adapter/pgcluster"
	"meridian/adapter/postgres"
	"meridian/adapter/smtp"
	"meridian/adapter/yaml"
	"meridian/app"
	"meridian/engine/health"
	"meridian/engine/keyring"
	"meridian/engine/tier"
	"meridian/platform/operator"
	"meridian/role/edge"
	"meridian/role/monitor"
	"meridian/role/ops"
	"meridian/role/owner"
	"meridian/world"
)

// regionRoles are what runs in a region; a PoP runs an edge.
var regionRoles = []string{"media", "shop", "owner", "ops", "monitor", "shield", "geodns"}

// files are the config of every machine of the world: one a region, one a PoP.
func (p *plan) files(worldPath string) []*app.File {
	var out []*app.File
	for _, r := range p.w.Regions {
		f := app.NewFile(regionRoles...)
		f.World, f.Place = worldPath, r.ID
		p.fillMedia(f, r)
		p.fillShop(f, r)
		p.fillOwner(f, r)
		p.fillOps(f, r)
		p.fillMonitor(f, r)
		p.fillShield(f, r)
		p.fillGeoDNS(f, r)
		out = append(out, f)
	}
	for i, q := range p.w.PoPs {
		f := app.NewFile("edge")
		f.World, f.Place = worldPath, q.ID
		e := f.Edge
		e.Listen, e.PoP, e.FeedKey = p.edgeAddress(i), q.ID, p.secrets.FeedKey
		e.TLS, e.Private.Keys = p.tls(), p.signing()
		e.Health.Keys, e.Health.FeedKey = p.monitorKeys(), p.secrets.FeedKey
		f.Location.Prefixes, e.Nearer.PoPs = p.st.path(dnsDir, dnsPlacesFile), p.nearerPoPs(q.ID)
		for _, region := range p.nearestRegions(q.ID) {
			e.Shields = append(e.Shields, tier.Shield{Region: region, Address: p.shieldFrom(q.ID, region)})
		}
		out = append(out, f)
	}
	return out
}

// nearerPoPs are the other PoPs as a client reaches them, for who has edges send
// clients to a nearer one (edge.nearer.answer).
func (p *plan) nearerPoPs(own string) (out []edge.NearerPoP) {
	for i, q := range p.w.PoPs {
		if q.ID != own {
			out = append(out, edge.NearerPoP{PoP: q.ID, Address: fmt.Sprintf("{host}:%d", p.edgePort(i))})
		}
	}
	return out
}

// granting is the key of upload grants.
func (p *plan) granting() []keyring.Key {
	return []keyring.Key{{ID: "local", Secret: p.secrets.UploadKey}}
}

// signing is the key of private pictures' addresses.
func (p *plan) signing() []keyring.Key {
	return []keyring.Key{{ID: "k1", Secret: p.secrets.PrivateKey}}
}

// tls is the https of gate and PoPs: by self-made certificates, beside http on
// the same ports.
func (p *plan) tls() app.TLS {
	t := app.DefaultTLS()
	t.Clear = true
	t.Self.Dir, t.Self.Hosts = p.st.path(authorityDir), []string{"localhost", "127.0.0.1", "::1", payHost}
	for _, m := range p.w.Markets {
		t.Self.Hosts = append(t.Self.Hosts, m.Host)
	}
	return t
}

// peers are the other regions' shields, as they are reached from a region.
func (p *plan) peers(region string) []tier.Shield {
	var out []tier.Shield
	for _, other := range p.nearestRegions(region) {
		if other != region {
			out = append(out, tier.Shield{Region: other, Address: p.shieldFrom(region, other)})
		}
	}
	return out
}

// catalogs are every region's catalog cluster as one region sees it: its own
// primary, and its standbys of the others.
func (p *plan) catalogs(region, user, password string) []app.Database {
	var out []app.Database
	for _, home := range p.w.Regions {
		d := app.Database{Region: home.ID, Primary: home.ID == region}
		if d.Primary {
			d.Conn = p.writable(world.CatalogCluster(region), user, password, postgres.Catalog)
		} else {
			server := p.spec(p.reader[[2]string{world.CatalogCluster(home.ID), region}])
			d.Conn = pgcluster.ConnString(server, user, password, postgres.Catalog)
		}
		out = append(out, d)
	}
	return out
}

func (p *plan) residentOf(region, user, password string) app.Database {
	return app.Database{Region: region, Primary: true, Conn: p.writable(world.ResidentCluster(region), user, password, postgres.Resident)}
}

func (p *plan) fillMedia(f *app.File, r world.Region) {
	m := f.Media
	m.Listen, m.Region, m.Apps = p.roleAddress("media", r.ID), r.ID, []string{p.w.App}
	m.UploadToken, m.WireKey = p.secrets.UploadToken, p.secrets.WireKey
	m.UploadKeys, m.Moderation.Token = p.granting(), p.secrets.JudgeToken
	m.Catalogs = p.catalogs(r.ID, userMedia, p.secrets.Media)
	m.Objects.URL, m.Resident.URL = p.st.path("objects", r.ID), p.st.path("objects", r.ID+".resident")
	m.Private.Keys = p.signing()
	m.Health.Keys, m.Health.FeedKey, m.Health.Monitor = p.monitorKeys(), p.secrets.FeedKey, p.roleAddress("monitor", r.ID)
	m.Peers = p.peers(r.ID)
}

func (p *plan) fillShop(f *app.File, r world.Region) {
	s := f.Shop
	s.Listen, s.Region, s.WireKey = p.roleAddress("shop", r.ID), r.ID, p.secrets.FeedKey
	s.PublicScheme, s.PublicPort = "http", p.port
	s.SMTP.Address, s.SMTP.TLS = p.mailServer(r.ID), smtp.Plain
	s.Media, s.UploadKeys, s.Private.Keys = p.roleAddress("media", r.ID), p.granting(), p.signing()
	s.Catalogs = p.catalogs(r.ID, userShop, p.secrets.Shop)
	s.Resident = p.residentOf(r.ID, userShop, p.secrets.Shop)
	s.Peers = p.peers(r.ID)
	p.fillPayments(s, r.ID)
}

func (p *plan) fillOwner(f *app.File, r world.Region) {
	o := f.Owner
	o.Listen, o.Region, o.App = p.roleAddress("owner", r.ID), r.ID, p.w.App
	o.PublicScheme, o.UploadToken, o.ModerationToken = "http", p.secrets.UploadToken, p.secrets.JudgeToken
	o.Catalogs = p.catalogs(r.ID, userOwner, p.secrets.Owner)
	o.Resident = p.residentOf(r.ID, userOwner, p.secrets.Owner)
	o.Media, o.Private.Keys = p.roleAddress("media", r.ID), p.signing()
	own := owner.Token{Credential: credential(p.secrets.OwnerToken), Scopes: owner.Scopes()}
	for _, m := range p.w.Markets {
		own.Markets = append(own.Markets, m.ID)
	}
	o.Tokens = []owner.Token{own}
}

// fillOps gives the world's one token every right: it is for whoever runs the world.
func (p *plan) fillOps(f *app.File, r world.Region) {
	o := f.Ops
	o.Listen, o.Region, o.WireKey = p.roleAddress("ops", r.ID), r.ID, p.secrets.FeedKey
	o.Tokens = []ops.Token{{Credential: credential(p.secrets.PurgeToken), All: true, Hard: true, Log: true}}
	o.Catalogs = p.catalogs(r.ID, userOps, p.secrets.Ops)
	o.Peers = p.peers(r.ID)
}

// monitorKeys are the public keys of all monitors.
func (p *plan) monitorKeys() []health.Key {
	var out []health.Key
	for _, r := range p.w.Regions {
		key, err := health.ParsePrivate(p.secrets.Monitors[r.ID])
		if err == nil { // a key that somebody has spoilt is its own monitor's error
			out = append(out, health.Key{Region: r.ID, Public: health.PublicOf(key)})
		}
	}
	return out
}

// followHealth follows every region's monitor, for the gate. It stands at no place:
// like the world's name servers it hears all of them.
func (p *plan) followHealth(process *app.Process, log *slog.Logger) (*app.HealthFollower, error) {
	feed := app.DefaultHealthFeed()
	feed.Keys, feed.FeedKey = p.monitorKeys(), p.secrets.FeedKey
	var shields []tier.Shield
	for _, r := range p.w.Regions {
		shields = append(shields, tier.Shield{Region: r.ID, Address: p.roleAddress("shield", r.ID)})
	}
	return process.FollowHealth(feed, "", shields, log)
}

// fillMonitor lets everybody of this machine see the health of the world.
func (p *plan) fillMonitor(f *app.File, r world.Region) {
	m := f.Monitor
	m.Listen, m.Region, m.WireKey = p.roleAddress("monitor", r.ID), r.ID, p.secrets.FeedKey
	m.Key, m.Keys, m.Public = p.secrets.Monitors[r.ID], p.monitorKeys(), true
	m.Tokens = []monitor.Token{{Credential: credential(p.secrets.DrainToken), Drain: []string{monitor.AllTargets}}}
	m.State = p.st.path(monitorsDir, r.ID+".json")
	m.Shield, m.Peers = p.roleAddress("shield", r.ID), p.peers(r.ID)
	for _, q := range p.w.PoPs {
		m.PoPs = append(m.PoPs, app.EdgeAddress{PoP: q.ID, Address: p.edgeFrom(r.ID, q.ID)})
	}
}

// credential is what a role knows of the world's own token.
func credential(token string) operator.Credential {
	sum := sha256.Sum256([]byte(token))
	return operator.Credential{Name: "local", SHA256: hex.EncodeToString(sum[:])}
}

func (p *plan) fillShield(f *app.File, r world.Region) {
	s := f.Shield
	s.Listen, s.Region, s.FeedKey = p.roleAddress("shield", r.ID), r.ID, p.secrets.FeedKey
	s.Media, s.Shop, s.Owner = p.roleAddress("media", r.ID), p.roleAddress("shop", r.ID), p.roleAddress("owner", r.ID)
	s.Ops, s.Private.Keys = p.roleAddress("ops", r.ID), p.signing()
	s.Monitor = p.roleAddress("monitor", r.ID)
	s.Peers = p.peers(r.ID)
}

// writeFiles puts each role's config into a file of its own, so that a role
// reads only the credentials that are its own, and names the files by role@place.
func (p *plan) writeFiles(files []*app.File) (map[string]string, error) {
	paths := map[string]string{}
	for _, f := range files {
		for _, role := range f.Roles() {
			path, err := p.writeConfig(f, role)
			if err != nil {
				return nil, err
			}
			paths[role+"@"+f.Place] = path
		}
	}
	return paths, nil
}

// writeConfig puts one role's config into a file, and says where that is.
func (p *plan) writeConfig(f *app.File, role string) (path string, err error) {
	one := f.Only(role)
	one.Rehearse = true
	one.Admin = p.socket("a-" + role + "-" + f.Place)
	b, err := yaml.Encode(one)
	if err != nil {
		return "", err
	}
	name := configName(role, f.Place)
	return p.st.path(name), p.st.writeFile(name, b)
}

// configName is where a role's config is, within a world's directory.
func configName(role, place string) string { return filepath.Join("config", role+"@"+place+".yaml") }

// writeNames writes the config of the name servers, which look at it: who changes
// it changes what a world answers until it starts again.
func (p *plan) writeNames(files []*app.File) error {
	for _, f := range files {
		if f.GeoDNS == nil {
			continue
		}
		path, err := p.writeConfig(f, "geodns")
		if err != nil {
			return err
		}
		f.Follow(path)
	}
	return nil
}

// NamesConfig is the config file of a name server of the world in a directory: all
// of them serve the same zone. It fails with not found where none has run there.
func NamesConfig(dir string) (string, error) {
	found, err := filepath.Glob(filepath.Join(dir, configName("geodns", "*")))
	if err != nil || len(found) == 0 {
		return "", world.Because(world.CodeNotFound, "dns.config", "No name server of a world has run in "+dir+". Start one with `meridian up`, or name its directory with --dir.", err)
	}
	return found[0], nil
}
