package faults

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"pgregory.net/rapid"
)

const checkedWithin = 20 * time.Second

// told is a small history that is right: of five, two are sold to a, none of four
// to b, who wants too many, two to c, who had no answer and asked again.
func told() Market {
	two, four := []Line{{"brezel", 2}}, []Line{{"brezel", 4}}
	return Market{
		ID: "de", Stock: map[string]int{"brezel": 5},
		Attempts: []Attempt{
			{Client: 1, Cart: "a", Key: "1", Lines: two, Outcome: Placed, Order: "A", Call: 10, Return: 20},
			{Client: 2, Cart: "b", Key: "1", Lines: four, Outcome: Short, Call: 15, Return: 40},
			{Client: 3, Cart: "c", Key: "1", Lines: two, Outcome: Unknown, Call: 30, Return: Forever},
			{Client: 3, Cart: "c", Key: "1", Lines: two, Outcome: Placed, Order: "C", Call: 60, Return: 70},
		},
		Looks: []Look{{Client: 4, Slug: "brezel", Left: 3, Call: 25, Return: 32}, {Client: 4, Slug: "brezel", Left: 1, Call: 45, Return: 50}},
		Readings: []Reading{
			{Client: 1, Cart: "a", Order: "A", Found: true, Call: 21, Return: 25},
			{Client: 1, Cart: "a", IsList: true, List: []string{"A"}, Call: 26, Return: 29},
			{Client: 3, Cart: "c", IsList: true, List: []string{"C"}, Call: 45, Return: 50},
			{Client: 9, Cart: "b", IsList: true, Call: 90, Return: 95},
		},
		Audit: Audit{Call: 100, Return: 110, Left: map[string]int{"brezel": 1},
			Orders: []Stored{{"a", "1", "A", two}, {"c", "1", "C", two}}},
	}
}

// verdict is what all three checks of orders say.
func verdict(t testing.TB, m Market) (stock, carts porcupine.CheckResult, ledger []string) {
	t.Helper()
	stock, err := CheckStock(m, checkedWithin)
	if err != nil {
		t.Fatal(err)
	}
	return stock, CheckCarts(m, checkedWithin), m.Ledger()
}

func TestARightHistoryPasses(t *testing.T) {
	stock, carts, ledger := verdict(t, told())
	if stock != porcupine.Ok || carts != porcupine.Ok || len(ledger) != 0 {
		t.Errorf("stock %s, carts %s, %v", stock, carts, ledger)
	}
}

// TestPlantedViolationsAreFound: a checker that cannot fail is worthless.
func TestPlantedViolationsAreFound(t *testing.T) {
	two := []Line{{"brezel", 2}}
	for name, c := range map[string]struct {
		plant                func(*Market)
		stock, carts, ledger bool // who finds it
	}{
		"an acknowledged order is lost": {func(m *Market) {
			m.Audit.Orders = m.Audit.Orders[:1]
			m.Audit.Left["brezel"] = 3
		}, true, true, false},
		"an acknowledged order is lost and its stock is not": {func(m *Market) { m.Audit.Orders = m.Audit.Orders[:1] }, true, true, true},
		"an order is placed twice, under two ids": {func(m *Market) {
			m.Attempts = append(m.Attempts, Attempt{Client: 1, Cart: "a", Key: "1", Lines: two, Outcome: Placed, Order: "A2", Call: 80, Return: 85})
		}, false, true, false},
		"an order takes its stock twice": {func(m *Market) {
			m.Audit.Left["brezel"] = -1
		}, true, false, true},
		"two carts have one order": {func(m *Market) { m.Attempts[3].Order = "A"; m.Readings[2].List[0] = "A"; m.Audit.Orders[1].Order = "A" }, false, false, true},
		"an order that nobody sent": {func(m *Market) {
			m.Audit.Orders = append(m.Audit.Orders, Stored{"z", "1", "Z", nil})
		}, true, true, false},
		"more is sold than there was": {func(m *Market) {
			m.Stock["brezel"] = 3
			m.Looks = nil
			m.Audit.Left["brezel"] = -1
		}, true, false, false},
		"refused for lack of stock while there was enough": {func(m *Market) { m.Attempts[1].Lines = []Line{{"brezel", 1}} }, true, false, false},
		"refused after it was placed": {func(m *Market) {
			m.Attempts = append(m.Attempts, Attempt{Client: 1, Cart: "a", Key: "1", Lines: two, Outcome: Refused, Call: 80, Return: 85})
		}, true, true, false},
		"a look goes back in time": {func(m *Market) {
			m.Looks = append(m.Looks, Look{Client: 5, Slug: "brezel", Left: 3, Call: 75, Return: 80})
		}, true, false, false},
		"a look sees a sale that was not":       {func(m *Market) { m.Looks[0].Left = 4 }, true, false, false},
		"the page of a placed order is missing": {func(m *Market) { m.Readings[0].Found = false }, false, true, false},
		"the list lacks a placed order":         {func(m *Market) { m.Readings[1].List = nil }, false, true, false},
		"the list has another's order":          {func(m *Market) { m.Readings[3].List = []string{"A"} }, false, true, false},
		"a page of an order before it is sent":  {func(m *Market) { m.Readings[0].Call, m.Readings[0].Return = 1, 5 }, false, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := told()
			c.plant(&m)
			stock, carts, ledger := verdict(t, m)
			if got := stock == porcupine.Illegal; got != c.stock {
				t.Errorf("the model of stock says %s", stock)
			}
			if got := carts == porcupine.Illegal; got != c.carts {
				t.Errorf("the model of carts says %s", carts)
			}
			if got := len(ledger) > 0; got != c.ledger {
				t.Errorf("the ledger says %v", ledger)
			}
		})
	}
}

// TestAnUnknownOutcomeMayBeEither: whoever had no answer may have ordered or not,
// as long as the rest agrees.
func TestAnUnknownOutcomeMayBeEither(t *testing.T) {
	for _, placed := range []bool{false, true} {
		m := told()
		m.Attempts = m.Attempts[:3]
		m.Readings = m.Readings[:2]
		if !placed {
			m.Looks = m.Looks[:1]
			m.Audit.Orders, m.Audit.Left = m.Audit.Orders[:1], map[string]int{"brezel": 3}
		}
		stock, carts, ledger := verdict(t, m)
		if stock != porcupine.Ok || carts != porcupine.Ok || len(ledger) != 0 {
			t.Errorf("placed %v: stock %s, carts %s, %v", placed, stock, carts, ledger)
		}
	}
	m := told() // it is not in the database, and yet somebody has seen the stock without it
	m.Attempts, m.Readings = m.Attempts[:3], m.Readings[:2]
	m.Audit.Orders, m.Audit.Left = m.Audit.Orders[:1], map[string]int{"brezel": 3}
	if stock, _, _ := verdict(t, m); stock != porcupine.Illegal {
		t.Errorf("a sale that was seen and is gone: %s", stock)
	}
}

// shop is a shop that does everything right, and tells it late.
type shop struct {
	random *rand.Rand
	left   map[string]int
	orders map[string]Stored
	now    int64
	m      Market
}

// send carries an attempt out at one moment between question and answer, or
// never, and loses some answers.
func (s *shop) send(client int, cart, key string, lines []Line) {
	s.now += 10
	a := Attempt{Client: client, Cart: cart, Key: key, Lines: lines, Call: s.now - int64(s.random.IntN(40)), Return: s.now + int64(s.random.IntN(40))}
	arrives, answered := s.random.IntN(5) > 0, s.random.IntN(3) > 0
	o, was := s.orders[cart+key]
	enough := !slices.ContainsFunc(lines, func(l Line) bool { return s.left[l.Slug] < l.Quantity })
	switch {
	case !arrives:
		answered = false
	case was:
		a.Outcome, a.Order = Placed, o.Order
	case !enough:
		a.Outcome = Short
	default:
		a.Outcome, a.Order = Placed, fmt.Sprintf("o%d", len(s.orders))
		s.orders[cart+key] = Stored{cart, key, a.Order, lines}
		for _, l := range lines {
			s.left[l.Slug] -= l.Quantity
		}
	}
	if !answered {
		a.Outcome, a.Order, a.Return = Unknown, "", Forever
	}
	s.m.Attempts = append(s.m.Attempts, a)
}

// look looks at the stock.
func (s *shop) look(slug string) {
	s.now += 10
	s.m.Looks = append(s.m.Looks, Look{Client: 8, Slug: slug, Left: s.left[slug], Call: s.now - int64(s.random.IntN(40)), Return: s.now + int64(s.random.IntN(40))})
}

func (s *shop) end() Market {
	s.m.Audit = Audit{Call: s.now + 1000, Return: s.now + 1001, Left: s.left}
	for _, name := range sorted(s.orders) {
		s.m.Audit.Orders = append(s.m.Audit.Orders, s.orders[name])
	}
	return s.m
}

// TestWhatIsRightAlwaysPasses: however much is lost and overlaps, a shop that does
// everything right is never blamed; and one that forgets a sale is, as soon as
// somebody was told of it.
func TestWhatIsRightAlwaysPasses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		s := &shop{random: random, left: map[string]int{"brezel": 9, "torte": 6}, orders: map[string]Stored{}}
		s.m = Market{ID: "de", Stock: map[string]int{"brezel": 9, "torte": 6}}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			lines := []Line{{"brezel", 1 + random.IntN(2)}}
			cart := fmt.Sprintf("c%d", random.IntN(8))
			if cart > "c5" {
				lines = append(lines, Line{"torte", 1})
			} else {
				lines = lines[:1]
			}
			lines[0].Quantity = 1 + int(cart[1])%2 // the same order is always the same
			if random.IntN(4) == 0 {
				s.look("brezel")
			}
			s.send(random.IntN(6), cart, "1", lines)
		}
		m := s.end()
		stock, err := CheckStock(m, checkedWithin)
		if carts := CheckCarts(m, checkedWithin); err != nil || stock != porcupine.Ok || carts != porcupine.Ok || len(m.Ledger()) != 0 {
			t.Fatalf("stock %s, carts %s, %v, %v", stock, carts, m.Ledger(), err)
		}
		lost := slices.IndexFunc(m.Attempts, func(a Attempt) bool { return a.Outcome == Placed })
		if lost < 0 {
			return
		}
		at := slices.IndexFunc(m.Audit.Orders, func(o Stored) bool { return o.Order == m.Attempts[lost].Order })
		m.Audit.Orders = slices.Delete(m.Audit.Orders, at, at+1)
		stock, err = CheckStock(m, checkedWithin)
		if carts := CheckCarts(m, checkedWithin); err != nil || stock != porcupine.Illegal || carts != porcupine.Illegal || len(m.Ledger()) == 0 {
			t.Fatalf("with order %s gone: stock %s, carts %s, %v, %v", m.Attempts[lost].Order, stock, carts, m.Ledger(), err)
		}
	})
}

func TestLimitsOfAHistory(t *testing.T) {
	m := Market{Stock: map[string]int{"brezel": 1000}, Audit: Audit{Call: 9, Return: 9, Left: map[string]int{"brezel": 1000 - mostOrders}}}
	add := func(i int) {
		name := fmt.Sprint(i)
		m.Attempts = append(m.Attempts, Attempt{Cart: name, Key: "k", Lines: []Line{{"brezel", 1}}, Outcome: Placed, Order: name, Call: 1, Return: 2})
		m.Audit.Orders = append(m.Audit.Orders, Stored{name, "k", name, nil})
	}
	for i := range mostOrders {
		add(i)
	}
	if got, err := CheckStock(m, checkedWithin); err != nil || got != porcupine.Ok {
		t.Errorf("%d orders: %s, %v", mostOrders, got, err)
	}
	add(mostOrders)
	if _, err := CheckStock(m, checkedWithin); err == nil {
		t.Error("one too many was taken")
	}
	m.Stock = map[string]int{"a": 1, "b": 1, "c": 1, "d": 1, "e": 1}
	if _, err := CheckStock(m, checkedWithin); err == nil {
		t.Error("a product too many was taken")
	}
}
