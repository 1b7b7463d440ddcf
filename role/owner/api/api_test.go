package api

import (
	"testing"

	"meridian/test/apitest"
)

func TestFields(t *testing.T) {
	apitest.Fields(t, Categories{}, PriceLists{}, ListPrice{}, PriceSet{}, ProductList{}, Prices{}, OrderList{}, Order{})
}
