package shop

import (
	"errors"
	"fmt"
	"time"

	"meridian/engine/money"
	"meridian/engine/signedurl"
	"meridian/engine/slots"
	"meridian/platform/courier"
	"meridian/world"
)

// Config is what a shop can be told.
type Config struct {
	Listen       string             `yaml:"listen" doc:"address to listen on: tcp:host:port or unix:/path"`
	Region       string             `yaml:"region" doc:"the region that this shop runs in"`
	WireKey      string             `yaml:"wire_key" doc:"key that roles show one another" secret:"true"`
	PublicScheme string             `yaml:"public_scheme" doc:"http or https: how visitors reach the shop; https makes cookies Secure"`
	PublicPort   int                `yaml:"public_port" doc:"port that visitors use, where it is not the scheme's own; 0 for none"`
	Wait         time.Duration      `yaml:"wait" doc:"longest wait for a replica that is behind, before the home region is asked"`
	ForwardWait  time.Duration      `yaml:"forward_wait" doc:"longest wait for another region's answer to begin, where a request is handed on to it; a region that gives none is left alone for a while"`
	FeedWrite    time.Duration      `yaml:"feed_write" doc:"longest time for a follower to take one event"`
	PageTTL      time.Duration      `yaml:"page_ttl" doc:"how long edge and shield may keep a catalogue page without asking"`
	PageBrief    time.Duration      `yaml:"page_brief" doc:"the same for one whose pictures may be old, because the region that took them in is behind here and does not answer"`
	PageStale    time.Duration      `yaml:"page_stale" doc:"how long a catalogue page may be shown while the shop is away"`
	RatesTTL     time.Duration      `yaml:"rates_ttl" doc:"how long browsers and caches may keep the reference rates of exchange"`
	AlsoIn       []string           `yaml:"also_in" doc:"currencies in which a visitor may be shown about what prices are, beside the one that is paid"`
	CartAge      time.Duration      `yaml:"cart_age" doc:"how long a browser remembers its cart and orders, and the shop a cart that is not changed"`
	SweepEvery   time.Duration      `yaml:"sweep_every" doc:"time between two looks for carts past cart_age and photos past photo_age, and between two comparisons of all stock with what the catalog says is sold out"`
	SweepBatch   int                `yaml:"sweep_batch" doc:"most carts, or photos, that are removed at once"`
	MaxForm      int64              `yaml:"max_form" doc:"most bytes of a form"`
	MaxPhoto     int64              `yaml:"max_photo" doc:"most bytes of a photo that a visitor gives for a product"`
	MaxPhotos    int64              `yaml:"max_photos" doc:"most photos that arrive at once; each may hold max_photo of memory"`
	PhotoWait    time.Duration      `yaml:"photo_wait" doc:"longest time until media has taken a photo"`
	PhotoAge     time.Duration      `yaml:"photo_age" doc:"how long after it was given, or a cart has let go of it, a photo that no cart and no order holds is deleted, and how long after a failure that is tried again; above photo_wait"`
	PhotoLife    time.Duration      `yaml:"photo_life" doc:"how long the addresses hold by which a page shows a visitor's photo"`
	Private      signedurl.Settings `yaml:"private"`
	MenuKeep     time.Duration      `yaml:"menu_keep" doc:"how long the categories that pages lead to are taken to be the same, unless the calendar or a cache that asks for something newer says otherwise; 0 is not at all"`
	SearchTTL    time.Duration      `yaml:"search_ttl" doc:"how long edge and shield may keep what somebody looked for"`
	FeaturedSize int                `yaml:"featured_size" doc:"most featured products on the front page"`
	ListSize     int                `yaml:"list_size" doc:"most products on one page of a list"`
	APILimit     APILimit           `yaml:"api_limit"`
	Mail         MailConfig         `yaml:"mail"`
	Hooks        HookConfig         `yaml:"hooks"`
	MaxQuantity  int                `yaml:"max_quantity" doc:"most of one product in a cart, 1 to 99"`
	MaxLines     int                `yaml:"max_lines" doc:"most products in a cart"`
	MaxTotal     int64              `yaml:"max_total" doc:"highest total of an order, in minor units of the market's currency"`
	PayWait      time.Duration      `yaml:"pay_wait" doc:"longest wait for a provider of payments while a buyer waits; what takes longer is finished later"`
	PayEvery     time.Duration      `yaml:"pay_every" doc:"longest time between two looks for payments that are to be looked after; each is looked after when it is due, too"`
	PayFirst     time.Duration      `yaml:"pay_first" doc:"how long after a payment was begun the provider is asked of it, if it does not tell; doubled each time"`
	PayLongest   time.Duration      `yaml:"pay_longest" doc:"longest time between two questions about a payment"`
	PayRetry     time.Duration      `yaml:"pay_retry" doc:"wait after a failure of the provider, doubled from one to the next"`
	PayPatience  int                `yaml:"pay_patience" doc:"failures in a row after which operators are told"`
	PayLease     time.Duration      `yaml:"pay_lease" doc:"how long a payment that a shop looks after is left to it, should it end; above four answers of the provider"`
	PayEvents    time.Duration      `yaml:"pay_events" doc:"how long a provider's messages are remembered, so that each counts once"`
	MaxHook      int64              `yaml:"max_hook" doc:"most bytes of a provider's message"`
	ReserveFor   time.Duration      `yaml:"reserve_for" doc:"how long stock, slot and promotions are held for an order that awaits payment; then it expires"`
	ExpireEvery  time.Duration      `yaml:"expire_every" doc:"time between two looks for orders that were not paid for in time"`
	TellEvery    time.Duration      `yaml:"tell_every" doc:"time between two looks for what has sold out or come back, which the catalog is told; all of it is compared every sweep_every"`
	InvoiceEvery time.Duration      `yaml:"invoice_every" doc:"time between two looks for invoices and credit notes that are owed; one that is asked for is issued at once"`
	KeyAge       time.Duration      `yaml:"key_age" doc:"how long the idempotency keys of writes are kept"`
	SlotDays     int                `yaml:"slot_days" doc:"days ahead that slots can be chosen of, today included, 1 to 62"`
	MaxOrders    int                `yaml:"max_orders" doc:"most orders that the list of a browser's orders shows"`
}

// APILimit bounds the requests to the API that no cache answers: carts, quotes, orders.
type APILimit struct {
	PerNetwork int `yaml:"per_network" doc:"most requests a minute from one network of clients (/24, /48) to what of the API no cache answers"`
	Tracked    int `yaml:"tracked" doc:"networks that are counted at once; past it new ones wait"`
}

// maxQuantity is what the resident cluster's schema can hold.
const maxQuantity = 99

// Default is a config that lacks only its place and its key.
func Default() Config {
	return Config{
		PublicScheme: "https",
		Wait:         300 * time.Millisecond,
		ForwardWait:  1500 * time.Millisecond, // above two round trips between the farthest regions and the other's wait
		FeedWrite:    10 * time.Second,
		PageTTL:      5 * time.Minute,
		PageBrief:    time.Second,
		PageStale:    24 * time.Hour,
		RatesTTL:     time.Hour,
		AlsoIn:       []string{"AUD", "CAD", "CHF", "DKK", "EUR", "GBP", "INR", "JPY", "NOK", "SEK", "SGD", "USD"},
		CartAge:      60 * 24 * time.Hour,
		SweepEvery:   time.Hour,
		SweepBatch:   500,
		MaxForm:      64 << 10,
		MaxPhoto:     12 << 20,
		MaxPhotos:    4,
		PhotoWait:    30 * time.Second,
		PhotoAge:     time.Hour,
		PhotoLife:    time.Hour,
		Private:      signedurl.DefaultSettings(),
		Mail:         MailConfig{Settings: courier.Default(), Attempts: 30, Age: 90 * 24 * time.Hour},
		Hooks:        HookConfig{Settings: courier.Default(), Wait: 10 * time.Second, GiveUp: 72 * time.Hour, Age: 30 * 24 * time.Hour},
		APILimit:     APILimit{PerNetwork: 600, Tracked: 100_000},
		MenuKeep:     time.Second,
		SearchTTL:    time.Minute,
		FeaturedSize: 12,
		ListSize:     48,
		MaxQuantity:  48,
		MaxLines:     40,
		MaxTotal:     10_000_000,
		ReserveFor:   15 * time.Minute,
		ExpireEvery:  30 * time.Second,
		TellEvery:    2 * time.Second,
		InvoiceEvery: 30 * time.Second,
		KeyAge:       30 * 24 * time.Hour,
		SlotDays:     7,
		MaxOrders:    50,
		PayWait:      8 * time.Second,
		PayEvery:     30 * time.Second,
		PayFirst:     20 * time.Second,
		PayLongest:   5 * time.Minute,
		PayRetry:     time.Second,
		PayPatience:  6,
		PayLease:     time.Minute,
		PayEvents:    30 * 24 * time.Hour,
		MaxHook:      256 << 10,
	}
}

// Validate fails with invalid for the first setting that cannot be, and says
// what to write.
func (c Config) Validate() error {
	bad := func(setting, fix string) error {
		return world.E(world.CodeInvalid, "shop.config", fmt.Sprintf("%s: %s", setting, fix))
	}
	switch {
	case !world.ValidName(c.Region):
		return bad("region", "name the region that this shop runs in")
	case c.WireKey == "":
		return bad("wire_key", "give the key that the roles share")
	case c.PublicScheme != "http" && c.PublicScheme != "https":
		return bad("public_scheme", "write http or https")
	case c.PublicPort < 0 || c.PublicPort > 65535:
		return bad("public_port", "write a port, or 0 for the scheme's own")
	case c.Wait < 0 || c.ForwardWait <= 0 || c.FeedWrite <= 0 || c.CartAge <= 0 || c.SweepEvery <= 0:
		return bad("wait, forward_wait, feed_write, cart_age, sweep_every", "write a time above zero, such as 5s")
	case c.PageTTL < 0 || c.PageBrief < 0 || c.PageStale < 0 || c.RatesTTL < 0 || c.MenuKeep < 0 || c.SearchTTL < 0:
		return bad("page_ttl, page_brief, page_stale, rates_ttl, menu_keep, search_ttl", "write a time that is not negative")
	case c.APILimit.PerNetwork < 1 || c.APILimit.Tracked < 1:
		return bad("api_limit: per_network, tracked", "write at least 1")
	case c.MaxForm < 1024:
		return bad("max_form", "allow at least 1024 bytes")
	case c.MaxPhoto < 1<<20 || c.MaxPhotos < 1:
		return bad("max_photo, max_photos", "allow at least 1048576 bytes, and at least 1 at once")
	case c.PhotoWait <= 0 || c.PhotoLife < time.Minute || c.PhotoLife*5/4 >= c.Private.Longest:
		return bad("photo_wait, photo_life", "write a time above zero, for photo_life a minute or more, and less than three quarters of private.longest")
	case c.PhotoAge <= c.PhotoWait:
		return bad("photo_age", "write a time above photo_wait: a photo that is just being given must not be taken for one that nothing holds")
	case c.FeaturedSize < 1 || c.FeaturedSize > world.MaxList || c.ListSize < 1 || c.ListSize > world.MaxList:
		return bad("featured_size, list_size", fmt.Sprintf("write 1 to %d", world.MaxList))
	case c.Hooks.Wait <= 0 || c.Hooks.GiveUp <= 0 || c.Hooks.Age <= 0 || c.Hooks.Lease <= c.Hooks.Wait:
		return bad("hooks.wait, hooks.give_up, hooks.age", "write times above zero, and hooks.lease above hooks.wait")
	case c.Mail.Attempts < 1 || c.Mail.Age <= 0:
		return bad("mail.attempts, mail.age", "write at least 1, and a time above zero")
	case c.PayWait <= 0 || c.PayEvery <= 0 || c.PayFirst <= 0 || c.PayLongest < c.PayFirst || c.PayRetry <= 0 || c.PayLease < time.Second || c.PayEvents <= 0:
		return bad("pay_wait, pay_every, pay_first, pay_longest, pay_retry, pay_lease, pay_events", "write a time above zero, for pay_longest no less than pay_first, for pay_lease a second or more")
	case c.PayPatience < 1 || c.MaxHook < 1024:
		return bad("pay_patience, max_hook", "write at least 1, and 1024 bytes or more")
	case c.MaxQuantity < 1 || c.MaxQuantity > maxQuantity:
		return bad("max_quantity", fmt.Sprintf("write 1 to %d", maxQuantity))
	case c.ReserveFor < time.Second || c.ExpireEvery <= 0 || c.TellEvery <= 0 || c.InvoiceEvery <= 0 || c.KeyAge <= 0:
		return bad("reserve_for, expire_every, tell_every, invoice_every, key_age", "write a time above zero, for reserve_for a second or more")
	case c.SlotDays < 1 || c.SlotDays > slots.DefaultLimits.MaxDays:
		return bad("slot_days", fmt.Sprintf("write 1 to %d", slots.DefaultLimits.MaxDays))
	case c.MaxLines < 1 || c.MaxOrders < 1 || c.MaxTotal < 1 || c.SweepBatch < 1:
		return bad("max_lines, max_orders, max_total, sweep_batch", "write at least 1")
	}
	for _, code := range c.AlsoIn {
		if _, err := money.Digits(code); err != nil {
			return bad("also_in", fmt.Sprintf("%.20q is not a currency: write ISO 4217 codes such as EUR", code))
		}
	}
	return errors.Join(c.Mail.Validate("mail"), c.Hooks.Validate("hooks"))
}
