package localworld

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"meridian/adapter/pgcluster"
	"meridian/adapter/wan"
	"meridian/app"
	"meridian/app/gate"
	"meridian/app/mailbox"
	"meridian/platform/httpserver"
	"meridian/platform/lifecycle"
	"meridian/platform/netaddr"
	"meridian/platform/telemetry"
	"meridian/world"
)

// Options is what `meridian up` can be told.
type Options struct {
	WorldFile string // "" is the shipped one
	Dir       string
	Port      int  // of the gate; the PoPs and the name servers take the next ones
	HA        bool // synchronous standbys inside each region
	Split     bool // one process a role instance
	Fresh     bool // begin anew
	Seed      uint64
	Settings  string // file of role settings that take the place of the local world's; "" for none
	LogLevel  slog.Level
	Probe     []string  // as app.Process has it
	Out       io.Writer // progress and the table
	Logs      io.Writer
}

// MinPort and MaxPort bound the gate's port: the PoPs and the name servers need room after it.
const (
	MinPort = 1
	MaxPort = 65000
)

// up is a world on its way up, and while it runs.
type up struct {
	o        Options
	plan     *plan
	root     *telemetry.Root
	process  *app.Process
	sup      *pgcluster.Supervisor
	network  *wan.Network
	report   *report
	regional map[string]*pgcluster.Regional // the catalogs, by their clusters
	apart    map[string]bool                // of them, those that are not started as the plan has them
	sockets  wan.Service                    // the owner of sockets that are made later
	ways     sync.Map                       // names of services that were made since
	files    []*app.File                    // the roles' configs
	post     *mailbox.Post                  // what shops send to buyers
	life     context.Context                // ends before the servers are stopped
	beside   sync.WaitGroup                 // what goes on beside until then

	kept  []*kept // the clusters that a keeper keeps, with ha
	units []*unit // the role instances

	troubles *troubles
	faults   *faults
}

// Up brings the whole world up on this machine, says when it is ready, and
// runs it until ctx ends or a part of it fails for good. Everything that it
// started is gone when it returns.
func Up(ctx context.Context, o Options) error {
	w, err := app.ReadWorld(o.WorldFile)
	if err != nil {
		return err
	}
	if o.Port < MinPort || lastPort(w, o.Port) > MaxPort {
		return world.E(world.CodeInvalid, "up", fmt.Sprintf("--port must be between %d and %d.", MinPort, MaxPort-lastPort(w, 0)))
	}
	bin, err := pgcluster.FindBinaries()
	if err != nil {
		return err
	}
	st, err := openState(o.Dir)
	if err != nil {
		return err
	}
	defer st.close()
	if err := portsFree(ctx, o.Port, lastPort(w, o.Port)); err != nil {
		return err
	}
	if err := st.furnish(o.Fresh); err != nil {
		return err
	}
	sec, err := st.secrets(w)
	if err != nil {
		return err
	}
	u := &up{o: o, plan: newPlan(w, st, sec, o.Port, o.HA), root: telemetry.NewRoot(o.Logs, "text", o.LogLevel), report: newReport(o.Out)}
	u.process = &app.Process{World: w, Root: u.root, Probe: o.Probe, Rehearsal: app.NewRehearsal()}
	u.troubles = newTroubles(u.process.Rehearsal)
	if o.Split {
		u.troubles.tell = u.tellChildren
	}
	u.sup = pgcluster.New(bin, u.root.Log.With("part", "postgres"), pgcluster.Options{})
	if err := u.makeRegional(); err != nil {
		return err
	}
	return u.run(ctx)
}

// portsFree finds a port that is taken before anything is made or removed.
func portsFree(ctx context.Context, first, last int) error {
	for port := first; port <= last; port++ {
		ln, err := netaddr.Listen(ctx, fmt.Sprintf("tcp:127.0.0.1:%d", port))
		if err != nil {
			return world.Because(world.CodeConflict, "up.ports", fmt.Sprintf("Port %d is taken. Choose others with --port: the world uses %d in a row.", port, last-first+1), err)
		}
		var l net.ListenConfig
		udp, err := l.ListenPacket(ctx, "udp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			ln.Close()
			return world.Because(world.CodeConflict, "up.ports", fmt.Sprintf("Port %d is taken over UDP. Choose others with --port: the world uses %d in a row.", port, last-first+1), err)
		}
		if err := errors.Join(ln.Close(), udp.Close()); err != nil {
			return world.Wrap("up.ports", err)
		}
	}
	return nil
}

func (u *up) run(ctx context.Context) error {
	u.report.title(u.plan.w.Name, u.plan.st.dir)
	components, err := u.components()
	if err != nil {
		return err
	}
	group, err := lifecycle.Start(ctx, components, u.report.component)
	if err != nil && ctx.Err() != nil {
		u.report.stopping() // told to stop on its way up: nothing is left, nothing is wrong
		return nil
	}
	if err != nil {
		return err
	}
	if ctx.Err() == nil {
		err = u.plan.st.writeRun(Run{PID: os.Getpid(), URL: u.plan.url(), Port: u.o.Port, App: u.plan.w.App, Door: u.plan.door(), World: u.o.WorldFile, Sockets: u.plan.st.sockets, HA: u.o.HA})
	}
	if err == nil {
		u.report.ready(u.plan)
		err = group.Wait(ctx)
	}
	if ctx.Err() != nil {
		u.report.stopping()
		err = nil
	}
	u.faults.close()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return errors.Join(err, group.Stop(stop))
}

// components are the parts of the world in the order of their needs:
// directories, links, servers, rows, roles, gate, pictures.
func (u *up) components() ([]lifecycle.Component, error) {
	isNew := !u.plan.st.hasDatabases()
	// The roles' own engine: variants that nobody has asked for yet wait until the
	// drawings are done.
	drawn := newDrawings(u.process.Pictures)
	parts := []lifecycle.Component{
		{Name: "drawings", Start: func(context.Context) (lifecycle.Running, error) { return drawn.start(isNew) }},
		{Name: "directories", Start: u.makeDirectories, StartTimeout: 3 * time.Minute},
		{Name: "links", Needs: []string{"directories"}, Start: u.startLinks},
		{Name: "databases", Needs: []string{"links"}, Start: u.startServers, StartTimeout: 2 * time.Minute, StopTimeout: 20 * time.Second},
		{Name: "rows", Needs: []string{"databases"}, Start: oneShot(u.plan.prepareDatabases), StartTimeout: 2 * time.Minute},
		{Name: "mail", Needs: []string{"links"}, Start: u.startMail},
		{Name: "names", Start: oneShot(func(context.Context) error { return u.plan.prepareDNS() })},
	}
	roles, err := u.roles()
	if err != nil {
		return nil, err
	}
	roles, u.units = withUnits(roles)
	u.faults = newFaults(u.faultKinds())
	var names []string
	for i := range roles {
		roles[i].Needs = append(roles[i].Needs, "rows", "links", "names", "payments")
		names = append(names, roles[i].Name)
	}
	parts = append(parts, lifecycle.Component{Name: "payments", Needs: []string{"directories", "links"}, Start: u.startPayDoor})
	parts = append(parts, roles...)
	return append(parts,
		lifecycle.Component{Name: "doors", Needs: names, Start: u.startDoors},
		lifecycle.Component{Name: "gate", Needs: append(slices.Clone(names), "links", "mail"), Start: u.startGate},
		lifecycle.Component{Name: "pictures", Needs: append(slices.Clone(names), "rows", "drawings"), Start: oneShot(func(ctx context.Context) error {
			defer drawn.forget()
			return u.plan.hangPictures(ctx, drawn, u.report.pictures)
		}), StartTimeout: 5 * time.Minute},
	), nil
}

// roles are the role instances: in this process, or each in its own.
func (u *up) roles() ([]lifecycle.Component, error) {
	files := u.plan.files(u.o.WorldFile)
	u.files = files
	if u.o.Settings != "" {
		if err := app.Overlay(u.o.Settings, files); err != nil {
			return nil, err
		}
	}
	for _, f := range files {
		f.Log.Level = u.o.LogLevel.String()
	}
	if u.o.Split {
		return u.splitRoles(files)
	}
	if err := u.plan.writeNames(files); err != nil {
		return nil, err
	}
	var names []string
	for _, f := range files {
		for _, r := range f.Roles() {
			names = append(names, r+"@"+f.Place)
		}
	}
	var out []lifecycle.Component
	for _, f := range files {
		out = append(out, u.process.Components(f, f.Roles(), names)...)
	}
	return out, nil
}

func oneShot(f func(context.Context) error) func(context.Context) (lifecycle.Running, error) {
	return func(ctx context.Context) (lifecycle.Running, error) { return nil, f(ctx) }
}

func (u *up) startLinks(ctx context.Context) (lifecycle.Running, error) {
	uid, gid, err := u.sup.MakeSocketDir(u.plan.st.sockets)
	if err != nil {
		return nil, err
	}
	u.network = wan.New(u.o.Seed, u.root.Log.With("part", "links"))
	for _, l := range u.plan.links {
		if err := u.network.AddLink(l.from, l.to, l.params); err != nil {
			return nil, errors.Join(err, u.network.Close())
		}
	}
	u.sockets = wan.Service{OwnerUID: uid, OwnerGID: gid}
	for _, s := range u.plan.services {
		s.OwnerUID, s.OwnerGID = uid, gid
		if err := u.network.Connect(ctx, s); err != nil {
			return nil, errors.Join(err, u.network.Close())
		}
	}
	return newPart(func(context.Context) error { return u.network.Close() }), nil
}

func (u *up) startGate(ctx context.Context) (lifecycle.Running, error) {
	log := u.root.Log.With("part", "gate")
	follower, err := u.plan.followHealth(u.process, log)
	if err != nil {
		return nil, err
	}
	g := gate.New(gate.Config{World: u.plan.w, PoPs: u.popsFrom, Health: follower.View, Admin: u.withPay(u.admin(follower.View)), Now: time.Now, Log: log})
	listen := fmt.Sprintf("tcp:127.0.0.1:%d", u.o.Port)
	run, err := app.ServeVisitors(ctx, u.root.Instance("gate", "world"), listen, httpserver.DefaultLimits(), u.plan.tls(), g)
	if err != nil {
		follower.Stop()
		return nil, err
	}
	return following{run, follower}, nil
}

// following is a gate that follows the monitors while it runs.
type following struct {
	lifecycle.Running
	follower *app.HealthFollower
}

// Stop ends both.
func (f following) Stop(ctx context.Context) error {
	defer f.follower.Stop()
	return f.Running.Stop(ctx)
}

// popsFrom are the PoPs as a city's travellers reach them, nearest first.
func (u *up) popsFrom(city string) []gate.PoP {
	var out []gate.PoP
	for _, id := range u.plan.nearestPoPs(city) {
		for _, q := range u.plan.w.PoPs {
			if q.ID == id {
				out = append(out, gate.PoP{
					ID: q.ID, Name: q.Name, RTT: u.plan.roundTripOf(city, id),
					Transport: netaddr.Transport(u.plan.edgeFrom(city, id), netaddr.DefaultTransportOptions()),
				})
			}
		}
	}
	return out
}

// part is a running thing that only needs to be stopped.
type part struct {
	stop func(context.Context) error
	done chan struct{}
}

func newPart(stop func(context.Context) error) *part { return &part{stop, make(chan struct{})} }

// Stop ends the part.
func (p *part) Stop(ctx context.Context) error {
	defer close(p.done)
	return p.stop(ctx)
}

// Done is closed after Stop.
func (p *part) Done() <-chan struct{} { return p.done }

// Err is nil: such a part does not end by itself.
func (p *part) Err() error { return nil }
