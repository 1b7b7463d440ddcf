package app

import (
	"fmt"
	"strings"

	"meridian/role/owner"
	"meridian/role/shop"
	"meridian/world"
)

// apiDocuments are the OpenAPI documents of the APIs that are made of code, by
// role.
var apiDocuments = map[string]func() ([]byte, error){
	"shop":  shop.APIDocument,
	"owner": owner.APIDocument,
}

// APIDocument is the OpenAPI document of a role's API, as YAML. It fails with
// not_found for a role without one.
func APIDocument(role string) (string, error) {
	document, ok := apiDocuments[role]
	if !ok {
		return "", world.E(world.CodeNotFound, "app.api", fmt.Sprintf("There is no API document of the role %q: ask for shop or owner.", role))
	}
	text, err := document()
	return "# Printed by `meridian api " + role + "`; do not edit it here.\n" + strings.TrimSpace(string(text)) + "\n", world.Wrap("app.api", err)
}
