package api

import (
	"testing"

	"meridian/test/apitest"
)

func TestFields(t *testing.T) {
	apitest.Fields(t, Categories{}, PriceLists{}, ListPrice{}, PriceSet{}, ProductList{}, Prices{}, OrderList{}, Order{})
	apitest.Fields(t, PromotionList{}, Week{}, Bookings{}, LevelList{}, StockAct{}, MovementList{}, Step{}, RefundWish{}, Refund{},
		NewEndpoint{}, EndpointList{}, Secret{}, EndpointState{}, MessageList{}, ReplaySince{}, Replayed{}, LetterList{})
}
