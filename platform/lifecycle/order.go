package lifecycle

import (
	"fmt"
	"slices"
	"strings"

	"meridian/world"
)

// Order sorts components into waves: each needs only components of earlier
// waves, and stands in the earliest wave that it can. Names within a wave are
// sorted. A name that is empty or given twice, a need that is unknown and a
// cycle of needs are errors of code invalid that name the culprits.
func Order(components []Component) ([][]string, error) {
	byName, err := index(components)
	if err != nil {
		return nil, err
	}
	w := walk{byName: byName, wave: map[string]int{}}
	var waves [][]string
	for _, c := range components {
		n, err := w.visit(c.Name)
		if err != nil {
			return nil, err
		}
		for len(waves) <= n {
			waves = append(waves, nil)
		}
		waves[n] = append(waves[n], c.Name)
	}
	for _, names := range waves {
		slices.Sort(names)
	}
	return waves, nil
}

func index(components []Component) (map[string]Component, error) {
	byName := make(map[string]Component, len(components))
	for _, c := range components {
		if c.Name == "" {
			return nil, invalid("a component has no name: give it one")
		}
		if _, twice := byName[c.Name]; twice {
			return nil, invalid(fmt.Sprintf("two components are named %q: rename one", c.Name))
		}
		if c.Start == nil {
			return nil, invalid(fmt.Sprintf("component %q has no Start", c.Name))
		}
		byName[c.Name] = c
	}
	for _, c := range components {
		for _, need := range c.Needs {
			if _, ok := byName[need]; !ok {
				return nil, invalid(fmt.Sprintf("component %q needs %q, which is not there: add it, or drop the need", c.Name, need))
			}
		}
	}
	return byName, nil
}

// walk goes down the needs, depth first.
type walk struct {
	byName map[string]Component
	wave   map[string]int // of those that are settled
	path   []string       // from where the walk began to where it is
}

func (w *walk) visit(name string) (int, error) {
	if n, ok := w.wave[name]; ok {
		return n, nil
	}
	if i := slices.Index(w.path, name); i >= 0 {
		cycle := append(slices.Clone(w.path[i:]), name)
		return 0, invalid("components need one another in a circle: " + strings.Join(cycle, " → "))
	}
	w.path = append(w.path, name)
	wave := 0
	for _, need := range w.byName[name].Needs {
		n, err := w.visit(need)
		if err != nil {
			return 0, err
		}
		wave = max(wave, n+1)
	}
	w.path = w.path[:len(w.path)-1]
	w.wave[name] = wave
	return wave, nil
}

func invalid(message string) error {
	return world.E(world.CodeInvalid, "lifecycle.order", message)
}
