package failover

import (
	"testing"

	"meridian/world"
)

func at(epoch uint32, lsn uint64) world.Position {
	return world.Position{Cluster: "catalog-a", Epoch: epoch, LSN: lsn}
}

// What a promotion would lose is told, and refused where it could be had.
func TestAPromotionIsWeighed(t *testing.T) {
	lost := Replica{Node: "home", Region: "a"}
	there := Replica{Node: "home", Region: "a", Answers: true, Primary: true, Has: at(1, 900)}
	b := Replica{Node: "b", Region: "b", Answers: true, Has: at(1, 500)}
	hears := b
	hears.Follows = true
	far := there
	far.Has.LSN = 500 + closeEnough + 1
	c := Replica{Node: "c", Region: "c", Answers: true, Has: at(1, 700)}
	level, silent, zombie := c, b, b
	level.Has.LSN, silent.Answers, zombie.Primary = 500, false, true
	for name, q := range map[string]struct {
		servers []Replica
		known   []Known
		missing int64
		refused world.Code // "" for none
		abandon world.Code // with --abandon
	}{
		"all have the same":             {servers: []Replica{lost, b, level}},
		"another has more":              {servers: []Replica{lost, b, c}, missing: 200, refused: world.CodeConflict},
		"somebody knows of more":        {servers: []Replica{lost, b, level}, known: []Known{{By: "x", Position: at(1, 600)}, {By: "y", Position: world.Position{Cluster: "other", Epoch: 1, LSN: 9999}}}, missing: 100},
		"the primary hands over":        {servers: []Replica{there, hears, level}, missing: 400},
		"the primary is out of reach":   {servers: []Replica{there, b}, missing: 400, refused: world.CodeConflict},
		"the primary is far ahead":      {servers: []Replica{far, hears}, missing: closeEnough + 1, refused: world.CodeConflict},
		"the replica is silent":         {servers: []Replica{lost, silent}, refused: world.CodeUnavailable, abandon: world.CodeUnavailable},
		"the replica takes writes":      {servers: []Replica{lost, zombie}, refused: world.CodeConflict, abandon: world.CodeConflict},
		"another is of a later history": {servers: []Replica{lost, b, {Node: "c", Region: "c", Answers: true, Has: at(2, 100)}}, refused: world.CodeConflict},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Assess(Lease{Cluster: "catalog-a", Primary: "home", Epoch: 4}, "b", q.servers, q.known)
			if err != nil || p.To != "b" || p.From != "home" || p.FromRegion != "a" || p.Epoch != 5 || p.Missing != q.missing {
				t.Errorf("%+v, %v", p, err)
			}
			for abandon, want := range map[bool]world.Code{false: q.refused, true: q.abandon} {
				if err := p.Refuse(abandon); (err == nil) != (want == "") || err != nil && !world.Is(err, want) {
					t.Errorf("abandon %v: %v, want %q", abandon, err, want)
				}
			}
		})
	}
	for _, region := range []string{"a", "nowhere"} {
		if _, err := Assess(Lease{Cluster: "catalog-a", Primary: "home"}, region, []Replica{lost, b}, nil); !world.Is(err, world.CodeInvalid) {
			t.Errorf("to region %s: %v", region, err)
		}
	}
}
