package api

import (
	"testing"

	"meridian/test/apitest"
)

func TestFields(t *testing.T) { apitest.Fields(t, ProductList{}, Prices{}, OrderList{}, Order{}) }
