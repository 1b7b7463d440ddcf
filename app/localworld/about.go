package localworld

import (
	"fmt"
	"os"

	"meridian"
	"meridian/world"
)

// About is what a world tells of itself to who rehearses on it: GET /world.
type About struct {
	World string            `json:"world"` // the text of its world file
	Port  string            `json:"port"`  // of its shops' URLs, as ":8080"; "" for the scheme's own
	PoPs  map[string]string `json:"pops"`  // host:port at which each is reached
	HA    bool              `json:"ha"`    // there is a standby of each database in its region
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
	return a, nil
}
