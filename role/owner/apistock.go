package owner

import (
	"cmp"
	"fmt"
	"net/http"

	"meridian/platform/openapi"
	"meridian/role/owner/api"
	"meridian/world"
)

var (
	exampleLevel    = api.Level{SKU: "brezel", OnHand: 40, Reserved: 2, Available: 38}
	exampleFault    = api.StockFault{SKU: "brezel", OnHand: 40, LedgerOnHand: 42, Reserved: 2, LedgerReserved: 2, OrdersReserved: 2}
	exampleMovement = api.Movement{ID: 17, At: exampleSince, Kind: "receive", OnHand: 12, Who: "till software"}
)

func (o *Owner) addStock(a *openapi.API) {
	operate(a, ReadStock, openapi.Operation{Method: http.MethodGet, Path: "/stock", ID: "listStock", Tag: "stock",
		Summary: "How much there is of each SKU", Description: "A page goes by products in the shop's order.", Given: api.LevelList{Levels: []api.Level{exampleLevel}}}, o.apiStock)
	operate(a, ReadStock, openapi.Operation{Method: http.MethodGet, Path: "/stock/{sku}", ID: "getStock", Tag: "stock",
		Summary: "How much there is of a SKU", Given: exampleLevel, Errors: []world.Code{world.CodeNotFound}}, o.apiLevel)
	operate(a, ReadStock, openapi.Operation{Method: http.MethodGet, Path: "/stock/{sku}/movements", ID: "listMovements", Tag: "stock",
		Summary: "The ledger of a SKU's stock", Given: api.MovementList{Movements: []api.Movement{exampleMovement}}, Errors: []world.Code{world.CodeNotFound}}, o.apiMovements)
	operate(a, WriteStock, openapi.Operation{Method: http.MethodPost, Path: "/stock/{sku}/movements", ID: "keepStock", Tag: "stock",
		Summary: "Receives, writes off or counts", Description: "Less than is reserved for orders is never left: that is a conflict.", Sent: api.StockAct{Act: "receive", Pieces: 12}, Given: exampleLevel,
		Errors: []world.Code{world.CodeNotFound, world.CodeConflict}}, o.apiKeepStock)
	operate(a, ReadStock, openapi.Operation{Method: http.MethodGet, Path: "/stock-check", ID: "checkStock", Tag: "stock",
		Summary: "Where the stock's levels, its ledger and the orders disagree", Description: fmt.Sprintf("None does when all is well. At most %d SKUs are told of.", maxStockFaults),
		Given: api.StockCheck{Market: "de", Faults: []api.StockFault{exampleFault}}}, o.apiStockCheck)
}

// maxStockFaults is how many faults of stock are told at most. The first few name what
// is wrong; who mends it asks again.
const maxStockFaults = 100

func (o *Owner) apiStockCheck(v *visit, _ *struct{}) (*answer[api.StockCheck], error) {
	faults, err := o.deps.Stock.StockFaults(v.r.Context(), v.at.market.ID, maxStockFaults+1)
	if err != nil {
		return nil, world.Wrap("owner.api.stockcheck", err)
	}
	out := api.StockCheck{Market: v.at.market.ID, Faults: []api.StockFault{}, More: len(faults) > maxStockFaults}
	for _, f := range faults[:min(len(faults), maxStockFaults)] {
		out.Faults = append(out.Faults, api.StockFault{SKU: f.SKU, OnHand: f.OnHand, LedgerOnHand: f.Moved, Reserved: f.Reserved, LedgerReserved: f.MovedReserved, OrdersReserved: f.Ordered})
	}
	return &answer[api.StockCheck]{Body: out}, nil
}

func (o *Owner) apiStock(v *visit, in *paged) (*answer[api.LevelList], error) {
	products, levels, next, err := o.stockOf(v, in.After, cmp.Or(in.Limit, min(o.cfg.PageSize, world.MaxList)))
	if err != nil {
		return nil, err
	}
	out := api.LevelList{Levels: []api.Level{}, Next: next}
	for _, p := range products {
		for _, s := range p.SKUs {
			if l, ok := levels[s.Key]; ok {
				out.Levels = append(out.Levels, apiLevel(l))
			}
		}
	}
	return &answer[api.LevelList]{Body: out}, nil
}

func apiLevel(l world.StockLevel) api.Level {
	return api.Level{SKU: l.SKU, OnHand: l.OnHand, Reserved: l.Reserved, Available: l.Available()}
}

func (o *Owner) apiLevel(v *visit, in *SKUAsked) (*answer[api.Level], error) {
	p, err := o.product(v, in.SKU)
	if err != nil {
		return nil, err
	}
	levels, err := o.deps.Stock.Stock(v.r.Context(), v.at.market.ID, []string{p.Key})
	if err != nil {
		return nil, world.Wrap("owner.api.stock", err)
	}
	l := levels[p.Key]
	l.SKU = p.Key
	return &answer[api.Level]{Body: apiLevel(l)}, nil
}

// ledgerAsked asks for a SKU's movements.
type ledgerAsked struct {
	SKUAsked
	Numbered
}

func (o *Owner) apiMovements(v *visit, in *ledgerAsked) (*answer[api.MovementList], error) {
	p, err := o.product(v, in.SKU)
	if err != nil {
		return nil, err
	}
	before, limit, err := o.page(in.Numbered)
	if err != nil {
		return nil, err
	}
	moves, err := o.deps.Stock.Movements(v.r.Context(), v.at.market.ID, p.Key, before, limit+1)
	if err != nil {
		return nil, world.Wrap("owner.api.stock", err)
	}
	out := api.MovementList{Movements: []api.Movement{}}
	moves, out.Next = cut(moves, limit, func(m world.StockMovement) int64 { return m.ID })
	for _, m := range moves {
		out.Movements = append(out.Movements, api.Movement{ID: m.ID, At: m.At.UTC(), Kind: string(m.Kind), OnHand: m.OnHand, Reserved: m.Reserved, Order: m.OrderID, Who: m.Who, Reason: m.Note})
	}
	return &answer[api.MovementList]{Body: out}, nil
}

// stockSent is an act on a SKU.
type stockSent struct {
	SKUAsked
	Keyed
	Body api.StockAct
}

func (o *Owner) apiKeepStock(v *visit, in *stockSent) (*answer[api.Level], error) {
	l, err := o.keepStock(v, in.SKU, world.StockChange{Act: world.StockAct(in.Body.Act), Pieces: in.Body.Pieces, Reason: in.Body.Reason, Key: in.apiKey()})
	if err != nil {
		return nil, err
	}
	return &answer[api.Level]{Body: apiLevel(l)}, nil
}
