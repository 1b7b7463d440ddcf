package localworld

import (
	"fmt"
	"os"
	"time"

	"meridian"
	"meridian/world"
)

// About is what a world tells of itself to who rehearses on it: GET /world.
type About struct {
	World string            `json:"world"` // the text of its world file
	Port  string            `json:"port"`  // of its shops' URLs, as ":8080"; "" for the scheme's own
	PoPs  map[string]string `json:"pops"`  // host:port at which each is reached
	HA    bool              `json:"ha"`    // there is a standby of each database in its region
	DNS   AboutDNS          `json:"dns"`
}

// AboutDNS is how a world's names are asked for.
type AboutDNS struct {
	Servers   []NameServer      `json:"servers"`
	Names     map[string]string `json:"names"`     // a shop's host → its name in the DNS
	Networks  map[string]string `json:"networks"`  // a city → a network of its people, for client subnets
	Addresses map[string]string `json:"addresses"` // an address → the PoP that has it
}

// NameServer is one of them.
type NameServer struct {
	Region  string `json:"region"`
	Address string `json:"address"` // host:port, UDP and TCP
}

func (u *up) about() (About, error) {
	text := meridian.WorldFile
	if u.o.WorldFile != "" {
		var err error
		if text, err = os.ReadFile(u.o.WorldFile); err != nil {
			return About{}, world.Wrap("world.about", err)
		}
	}
	a := About{World: string(text), Port: fmt.Sprintf(":%d", u.o.Port), PoPs: map[string]string{}, HA: u.o.HA}
	for i, p := range u.plan.w.PoPs {
		a.PoPs[p.ID] = fmt.Sprintf("127.0.0.1:%d", u.plan.edgePort(i))
	}
	a.DNS = u.plan.aboutDNS()
	return a, nil
}

func (p *plan) aboutDNS() AboutDNS {
	a := AboutDNS{Names: map[string]string{}, Networks: map[string]string{}, Addresses: map[string]string{}}
	for i, r := range p.w.Regions {
		a.Servers = append(a.Servers, NameServer{r.ID, fmt.Sprintf("127.0.0.1:%d", p.dnsPort(i))})
	}
	for _, m := range p.w.Markets {
		a.Names[m.Host] = p.dnsHost(m)
	}
	for i, c := range p.w.Cities[:min(len(p.w.Cities), mostCities)] {
		a.Networks[c.ID] = CityPrefixes(i)[0].String()
	}
	for i, q := range p.w.PoPs {
		a.Addresses[p.popAddress(i)] = q.ID
	}
	return a
}

// View is the health of the world as the gate has it, who follows the monitors as
// every consumer does: GET /view.
type View struct {
	Issue      world.Health `json:"issue"`
	Frozen     bool         `json:"frozen"`
	Open       bool         `json:"open"`
	AgeSeconds float64      `json:"age_s"`
}

func viewOf(v world.HealthView) View { return View{v.Health, v.Frozen, v.Open, v.Age.Seconds()} }

// HealthView is the same in a consumer's words.
func (v View) HealthView() world.HealthView {
	return world.HealthView{Health: v.Issue, Frozen: v.Frozen, Open: v.Open, Age: time.Duration(v.AgeSeconds * float64(time.Second))}
}
