package main

import "testing"

func TestAnsweredBy(t *testing.T) {
	for field, want := range map[string]string{
		"edge-nrt; hit; ttl=3":                                            byEdge,
		"shield-ap; fwd=uri-miss; stored, edge-nrt; hit; ttl=3":           byEdge,
		"shield-ap; hit; ttl=3, edge-nrt; fwd=uri-miss; stored":           byShield,
		"shield-ap; fwd=uri-miss; stored, edge-nrt; fwd=uri-miss; stored": byShop,
		"": byShop,
	} {
		if got := answeredBy([]string{field}); got != want {
			t.Errorf("%q: %s", field, got)
		}
	}
}

func TestProductLinks(t *testing.T) {
	got := productLink.FindAllStringSubmatch(`<a href="/p/brezel"> <a href="/hi-IN/p/ladoo"> <a href="/cart"> <a href="https://x/p/no">`, -1)
	if len(got) != 2 || got[0][1] != "/p/brezel" || got[1][1] != "/hi-IN/p/ladoo" {
		t.Errorf("%v", got)
	}
}
