package world

import "testing"

func TestRouteOf(t *testing.T) {
	cases := []struct {
		method, path string
		want         Route
	}{
		{"GET", "/", RoutePage},
		{"GET", "/p/brezel", RoutePage},
		{"GET", "/hi-in/p/pav", RoutePage},
		{"GET", "/assets/0123/site.css", RoutePage},
		{"POST", "/p/brezel", RouteHome},
		{"GET", "/cart", RouteHome},
		{"GET", "/api/v1/products", RoutePage},
		{"GET", "/hi-in/api/v1/products/orders", RoutePage},
		{"GET", "/api/v1/openapi.json", RoutePage},
		{"POST", "/api/v1/products", RouteHome},
		{"GET", "/api/v1/orders/abc", RouteHome},
		{"GET", "/hi-in/api/v1/carts/abc", RouteHome},
		{"GET", "/api/v2/quotes", RouteHome},
		{"GET", "/api/v1/ordersheet", RoutePage},
		{"GET", "/owner/api/v1/products", RouteOwner},
		{"GET", "/hi-in/cart", RouteHome},
		{"GET", "/p/cart", RoutePage}, // a product may be called so
		{"GET", "/cartoon", RoutePage},
		{"GET", "/orders/abc", RouteHome},
		{"POST", "/checkout", RouteHome},
		{"GET", "/owner", RouteOwner},
		{"POST", "/owner/prices", RouteOwner},
		{"GET", "/ownership", RoutePage},
		{"GET", "/img/a/b/v1/auto/640x0", RouteImage},
		{"GET", "/private/a/b/v1/auto/640x0", RoutePrivate},
		{"POST", "/private/", RoutePrivate},
		{"GET", "/privately", RoutePage},
		{"PUT", "/media/sweet-crumbs", RouteMedia},
		{"GET", "/media/sweet-crumbs", RouteMedia},
		{"GET", "/media/sweet-crumbs/x/manifest", RouteManifest},
		{"PUT", "/media/sweet-crumbs/x/manifest", RouteMedia},
		{"POST", "/media/sweet-crumbs/tus/", RouteMedia},
		{"PATCH", "/media/sweet-crumbs/tus/1234567890123456", RouteUpload},
		{"HEAD", "/media/sweet-crumbs/tus/1234567890123456", RouteUpload},
		{"PATCH", "/media/sweet-crumbs/tus/123456789012345", RouteMedia},
		{"PATCH", "/media/sweet-crumbs/tus/1234567890123456/x", RouteMedia},
		{"GET", "/media/tus/1234567890123456/manifest", RouteManifest},
		{"GET", "/health", RouteOps},
		{"POST", "/health/drains", RouteOps},
		{"GET", "/healthy", RoutePage},
		{"GET", "/fx", RouteOps},
		{"HEAD", "/fx", RouteOps},
		{"POST", "/fx", RouteOpsMain},
		{"GET", "/fx/x", RoutePage},
		{"POST", "/fx/x", RouteHome},
		{"GET", "/-/feed", RouteInternal},
		{"GET", "/-", RouteInternal},
	}
	for _, c := range cases {
		if got := RouteOf(c.method, c.path); got != c.want {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, got, c.want)
		}
	}
}

func TestMarketByHost(t *testing.T) {
	w := &World{Markets: []Market{{ID: "de", Host: "de.localhost"}}}
	for _, h := range []string{"de.localhost", "DE.localhost:8080", "de.localhost."} {
		if m, ok := w.MarketByHost(h); !ok || m.ID != "de" {
			t.Errorf("%q found no market", h)
		}
	}
	if _, ok := w.MarketByHost("evil.de.localhost"); ok {
		t.Error("a foreign host found a market")
	}
}
