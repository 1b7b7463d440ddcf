package owner

import (
	"fmt"
	"slices"
	"strings"

	"meridian/platform/operator"
	"meridian/world"
)

// Scope is something that a token of the API may do.
type Scope string

// The scopes.
const (
	ReadProducts  Scope = "products:read"
	WriteProducts Scope = "products:write" // products, SKUs, prices, lists, head office's products
	WriteBrand    Scope = "brand:write"    // head office's products themselves
	ReadSelling   Scope = "selling:read"
	WriteSelling  Scope = "selling:write" // promotions, slots, closed days
	ReadOrders    Scope = "orders:read"
	WriteOrders   Scope = "orders:write" // steps and refunds
	ReadHooks     Scope = "hooks:read"
	WriteHooks    Scope = "hooks:write" // webhooks and their letters
	ReadStock     Scope = "stock:read"
	WriteStock    Scope = "stock:write"
)

// Scopes are all that there are.
func Scopes() []Scope {
	return []Scope{ReadProducts, WriteProducts, WriteBrand, ReadSelling, WriteSelling, ReadOrders, WriteOrders, ReadHooks, WriteHooks, ReadStock, WriteStock}
}

// Token is a credential of the API by its hash, and its scope.
type Token struct {
	operator.Credential `yaml:",inline"`

	Markets []string `yaml:"markets" doc:"those that it is good for"`
	Scopes  []Scope  `yaml:"scopes" doc:"what it may do: products:read, products:write, brand:write, selling:read, selling:write, orders:read, orders:write, hooks:read, hooks:write, stock:read, stock:write; none includes another"`
}

// validate says what to write in place of what is wrong; "" for nothing.
func (t Token) validate() string {
	if wrong := t.Credential.Validate(); wrong != "" {
		return wrong
	}
	if len(t.Markets) == 0 || len(t.Scopes) == 0 {
		return "markets, scopes: name at least one of each"
	}
	for _, s := range t.Scopes {
		if !slices.Contains(Scopes(), s) {
			return fmt.Sprintf("scopes: there is no %q: write some of %s", s, scopeList())
		}
	}
	return ""
}

func scopeList() string {
	var names []string
	for _, s := range Scopes() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// may refuses what is outside the token's scope.
func (t *Token) may(market string, do Scope) error {
	if !slices.Contains(t.Markets, market) || !slices.Contains(t.Scopes, do) {
		return world.E(world.CodeForbidden, "owner.scope", fmt.Sprintf("The token %s is not good for %s in the market %s.", t.Name, do, market))
	}
	return nil
}

func (c Config) credentials() []operator.Credential {
	out := make([]operator.Credential, len(c.Tokens))
	for i, t := range c.Tokens {
		out[i] = t.Credential
	}
	return out
}

// knowTokens makes the desk that tells who shows a token. Guesses count with those
// at passwords. It fails with invalid for a market that the world does not have.
func (o *Owner) knowTokens() error {
	for i, t := range o.cfg.Tokens {
		for _, m := range t.Markets {
			if _, ok := o.deps.World.MarketByID(m); !ok {
				return world.E(world.CodeInvalid, "owner.new", fmt.Sprintf("tokens[%d].markets: the world has no market %q", i, m))
			}
		}
	}
	o.desk = operator.New(operator.Config{Credentials: o.cfg.credentials(), Try: o.networks.Try, Now: o.deps.Now, For: "the owners' API"})
	return nil
}
