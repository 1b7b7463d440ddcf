package faults

import (
	"fmt"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// Limits of one market's history.
const (
	mostProducts = 4
	mostOrders   = 256
)

// shelf is what the model of stock knows: how many of each product are left, and
// which orders are placed. Equal shelves compare as equal.
type shelf struct {
	left   [mostProducts]int
	placed [mostOrders / 64]uint64
}

func (s shelf) has(order int) bool { return s.placed[order/64]&(1<<(order%64)) != 0 }

func (s shelf) enough(take [mostProducts]int) bool {
	for i, n := range take {
		if s.left[i] < n {
			return false
		}
	}
	return true
}

func (s shelf) take(order int, take [mostProducts]int) shelf {
	for i, n := range take {
		s.left[i] -= n
	}
	s.placed[order/64] |= 1 << (order % 64)
	return s
}

// sale is an attempt as the model takes it.
type sale struct {
	attempt Attempt
	order   int
	take    [mostProducts]int
}

// sight is a look: how many of the n-th product are left.
type sight struct {
	product int
	look    Look
}

// CheckStock says whether a market's stock behaved as if all that was done to it
// had been done at one moment each, one after the other, between question and
// answer: an order takes all that it names or nothing, once; it is refused for
// lack of stock only when there is too little; the stock never goes below zero;
// every look tells what was left, and the database at the end too. A market is one
// history, for an order of two products touches both.
//
// It fails with an error for a history that is larger than the model's limits.
func CheckStock(m Market, within time.Duration) (porcupine.CheckResult, error) {
	model, history, err := stockHistory(m)
	if err != nil {
		return porcupine.Unknown, err
	}
	return porcupine.CheckOperationsTimeout(model, history, within), nil
}

func stockHistory(m Market) (model porcupine.Model, history []porcupine.Operation, err error) {
	products := sorted(m.Stock)
	orders := map[string]int{}
	number := func(name string) int {
		n, ok := orders[name]
		if !ok {
			n = len(orders)
			orders[name] = n
		}
		return n
	}
	begin := shelf{}
	if len(products) > mostProducts {
		return model, nil, fmt.Errorf("%d products, the model has room for %d", len(products), mostProducts)
	}
	for i, slug := range products {
		begin.left[i] = m.Stock[slug]
	}
	for _, a := range m.settled() {
		s := sale{attempt: a, order: number(a.name())}
		for _, l := range a.Lines {
			s.take[slices.Index(products, l.Slug)] += l.Quantity
		}
		history = append(history, porcupine.Operation{ClientId: a.Client, Input: s, Call: a.Call, Return: a.Return})
	}
	for _, l := range m.Looks {
		history = append(history, porcupine.Operation{ClientId: l.Client, Input: sight{slices.Index(products, l.Slug), l}, Call: l.Call, Return: l.Return})
	}
	end := shelf{}
	for i, slug := range products {
		end.left[i] = m.Audit.Left[slug]
	}
	for _, o := range m.Audit.Orders {
		n := number(o.Cart + "/" + o.Key)
		if n < mostOrders {
			end.placed[n/64] |= 1 << (n % 64)
		}
	}
	if len(orders) > mostOrders {
		return model, nil, fmt.Errorf("%d orders, the model has room for %d", len(orders), mostOrders)
	}
	history = append(history, porcupine.Operation{Input: end, Call: m.Audit.Call, Return: m.Audit.Return})
	return porcupine.Model{
		Init:              func() any { return begin },
		Step:              func(state, input, _ any) (bool, any) { return state.(shelf).step(input) },
		DescribeOperation: func(input, _ any) string { return describe(input) },
		DescribeState:     func(state any) string { return fmt.Sprint(state.(shelf).left) },
	}, history, nil
}

// step is what an operation does to the shelf, and whether it may be so.
func (s shelf) step(input any) (bool, any) {
	switch op := input.(type) {
	case sight:
		return s.left[op.product] == op.look.Left, s
	case shelf:
		return s == op, s
	case sale:
		return s.sell(op)
	}
	return false, s
}

func (s shelf) sell(op sale) (bool, any) {
	placed, enough := s.has(op.order), s.enough(op.take)
	switch op.attempt.Outcome {
	case Placed:
		if placed {
			return true, s
		}
		return enough, s.take(op.order, op.take)
	case Short:
		return !placed && !enough, s
	case Refused:
		return !placed, s
	}
	// Nobody knows. Had it no effect, its moment is after everything else.
	if !placed && enough {
		return true, s.take(op.order, op.take)
	}
	return true, s
}

func describe(input any) string {
	switch op := input.(type) {
	case sale:
		return fmt.Sprintf("%s, order %d: %s", linesText(op.attempt.Lines), op.order, op.attempt.Outcome)
	case sight:
		return fmt.Sprintf("%s: %d left", op.look.Slug, op.look.Left)
	case shelf:
		return fmt.Sprintf("in the database: %v", op.left)
	}
	return fmt.Sprint(input)
}
