package api

import (
	"testing"

	"meridian/test/apitest"
)

func TestFields(t *testing.T) {
	apitest.Fields(t, Product{}, ProductList{}, CategoryList{}, SlotList{}, Market{}, NewCart{}, LineChange{}, QuoteAsked{}, OrderAsked{}, Quote{}, Order{}, PaymentPage{}, Refusal{})
}
