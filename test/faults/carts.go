package faults

import (
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// nameless is the id of an order that may have been placed: nobody was told.
const nameless = "?"

// cart is what the model knows of a browser's orders: "key=id" each, in order and
// with blanks between. Equal carts compare as equal.
type cart string

func (c cart) orders() []string { return strings.Fields(string(c)) }

// of is the id of a key's order, "" without one.
func (c cart) of(key string) string {
	for _, o := range c.orders() {
		if k, id, _ := strings.Cut(o, "="); k == key {
			return id
		}
	}
	return ""
}

// with is the cart in which a key's order has an id.
func (c cart) with(key, id string) cart {
	all := slices.DeleteFunc(c.orders(), func(o string) bool { return strings.HasPrefix(o, key+"=") })
	all = append(all, key+"="+id)
	slices.Sort(all)
	return cart(strings.Join(all, " "))
}

// ids are those of its orders, and how many have none that anybody was told.
func (c cart) ids() (known []string, unnamed int) {
	for _, o := range c.orders() {
		if _, id, _ := strings.Cut(o, "="); id == nameless {
			unnamed++
		} else {
			known = append(known, id)
		}
	}
	return known, unnamed
}

// CheckCarts says whether every cart's orders behaved as if each thing had been
// done at one moment between question and answer: one order a key, which keeps
// its id; once placed its page is there, and on the list; nothing else is; and
// the database at the end has the same. Each cart is a history of its own.
func CheckCarts(m Market, within time.Duration) porcupine.CheckResult {
	return porcupine.CheckOperationsTimeout(cartModel, cartHistory(m), within)
}

// cartOp is an operation of a cart: an Attempt, a Reading, or what of the cart is
// in the database, as a map of key to id.
type cartOp struct {
	cart string
	what any
}

func cartHistory(m Market) []porcupine.Operation {
	var history []porcupine.Operation
	carts := map[string]map[string]string{}
	see := func(id string) map[string]string {
		if carts[id] == nil {
			carts[id] = map[string]string{}
		}
		return carts[id]
	}
	for _, a := range m.settled() {
		see(a.Cart)
		history = append(history, porcupine.Operation{ClientId: a.Client, Input: cartOp{a.Cart, a}, Call: a.Call, Return: a.Return})
	}
	for _, r := range m.Readings {
		see(r.Cart)
		history = append(history, porcupine.Operation{ClientId: r.Client, Input: cartOp{r.Cart, r}, Call: r.Call, Return: r.Return})
	}
	for _, o := range m.Audit.Orders {
		see(o.Cart)[o.Key] = o.Order
	}
	for _, id := range sorted(carts) {
		history = append(history, porcupine.Operation{Input: cartOp{id, carts[id]}, Call: m.Audit.Call, Return: m.Audit.Return})
	}
	return history
}

var cartModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		by := map[string][]porcupine.Operation{}
		for _, op := range history {
			id := op.Input.(cartOp).cart
			by[id] = append(by[id], op)
		}
		var out [][]porcupine.Operation
		for _, id := range sorted(by) {
			out = append(out, by[id])
		}
		return out
	},
	Init: func() any { return cart("") },
	Step: func(state, input, _ any) (bool, any) {
		c := state.(cart)
		switch op := input.(cartOp).what.(type) {
		case Attempt:
			return c.order(op)
		case Reading:
			return c.shows(op), c
		case map[string]string:
			return c.is(op), c
		}
		return false, c
	},
}

func (c cart) order(a Attempt) (bool, any) {
	was := c.of(a.Key)
	switch {
	case a.Outcome == Placed:
		known, _ := c.ids()
		fits := was == a.Order || (was == "" || was == nameless) && !slices.Contains(known, a.Order)
		return fits, c.with(a.Key, a.Order)
	case a.Outcome != Unknown:
		return was == "", c
	case was == "":
		return true, c.with(a.Key, nameless)
	}
	return true, c
}

// shows reports whether a look can be right.
func (c cart) shows(r Reading) bool {
	known, unnamed := c.ids()
	switch {
	case r.IsList:
		return len(r.List) == len(known)+unnamed && !slices.ContainsFunc(known, func(id string) bool { return !slices.Contains(r.List, id) })
	case r.Found:
		return slices.Contains(known, r.Order) || unnamed > 0
	}
	return !slices.Contains(known, r.Order)
}

// is reports whether the database has just the cart's orders.
func (c cart) is(stored map[string]string) bool {
	if len(stored) != len(c.orders()) {
		return false
	}
	for key, id := range stored {
		if was := c.of(key); was != id && was != nameless {
			return false
		}
	}
	return true
}
