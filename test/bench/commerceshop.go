package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"meridian/adapter/postgres"
	payments "meridian/adapter/testpay"
	"meridian/app"
	"meridian/app/testpay"
	"meridian/data"
	"meridian/engine/keyring"
	"meridian/engine/webhooksig"
	"meridian/platform/httpserver"
	"meridian/platform/i18n"
	"meridian/platform/netaddr"
	"meridian/role/shop"
	"meridian/world"
)

// sellOrder is what the process that sells is told.
type sellOrder struct {
	Catalog, Resident string // connection strings
	Shop, Pay         string // addresses to listen on: host:port
	Dir               string // of the provider's ledger
}

// payHost is where buyers find the provider.
const payHost = "pay.localhost"

// sellingWorld is the shipped world with every market at home in the main region.
func sellingWorld() (*world.World, error) {
	w, err := app.ReadWorld("")
	if err != nil {
		return nil, err
	}
	for i := range w.Markets {
		w.Markets[i].HomeRegion = w.Main
	}
	return w, nil
}

// sell runs a shop, and the payment provider beside it, until ctx ends.
func sell(ctx context.Context, args []string) error {
	var o sellOrder
	if len(args) != 1 {
		return fmt.Errorf("sell takes one argument")
	}
	if err := json.Unmarshal([]byte(args[0]), &o); err != nil {
		return err
	}
	w, err := sellingWorld()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	accounts, providers, err := payAccounts(w, o)
	if err != nil {
		return err
	}
	c := testpay.Default()
	c.Listen, c.Dir, c.URL, c.Accounts = "tcp:"+o.Pay, o.Dir, "http://"+payHost, accounts
	provider, err := testpay.Open(c, time.Now, log)
	if err != nil {
		return err
	}
	defer provider.Close()
	role, err := newSeller(ctx, w, o, providers, log)
	if err != nil {
		return err
	}
	go role.Run(ctx)
	for at, h := range map[string]http.Handler{o.Shop: role.Handler(), o.Pay: provider.Handler()} {
		ln, err := net.Listen("tcp", at)
		if err != nil {
			return err
		}
		s := httpserver.Serve(ln, h, log, httpserver.DefaultLimits())
		defer s.Stop(context.WithoutCancel(ctx))
	}
	fmt.Println("ready")
	<-ctx.Done()
	return nil
}

// payAccounts are each market's account, as the provider and as the shop know it.
func payAccounts(w *world.World, o sellOrder) (accounts []testpay.Account, providers []shop.MarketPay, err error) {
	way := netaddr.Transport("tcp:"+o.Pay, netaddr.DefaultTransportOptions())
	for _, m := range w.Markets {
		key, secret := rand.Text(), webhooksig.NewSecret([]byte(rand.Text()))
		accounts = append(accounts, testpay.Account{Name: m.ID, Key: key, Secrets: []string{secret}, Webhook: "http://" + m.Host + "/payments/testpay", Dial: "tcp:" + o.Shop})
		p, err := payments.New(payments.Options{URL: "http://" + payHost, Key: key, Secrets: []string{secret}, Tolerance: time.Minute, Timeout: 10 * time.Second, Transport: way, Now: time.Now})
		if err != nil {
			return nil, nil, err
		}
		providers = append(providers, shop.MarketPay{Market: m.ID, Name: payments.Name, Provider: p, Pages: "http://" + payHost})
	}
	return accounts, providers, nil
}

// newSeller is the shop role over the two databases.
func newSeller(ctx context.Context, w *world.World, o sellOrder, providers []shop.MarketPay, log *slog.Logger) (*shop.Shop, error) {
	home, err := postgres.Open(ctx, world.CatalogCluster(w.Main), w.Main, true, o.Catalog, "bench")
	if err != nil {
		return nil, err
	}
	resident, err := postgres.Open(ctx, world.ResidentCluster(w.Main), w.Main, true, o.Resident, "bench")
	if err != nil {
		return nil, err
	}
	clusters := []*postgres.Cluster{home}
	catalog, err := postgres.NewCatalogStore(w, clusters)
	if err != nil {
		return nil, err
	}
	exchange, err := postgres.NewRateStore(w, clusters)
	if err != nil {
		return nil, err
	}
	rates, err := app.TaxTable()
	if err != nil {
		return nil, err
	}
	locales, err := fs.Sub(data.FS, "locales")
	if err != nil {
		return nil, err
	}
	words, err := i18n.Load(locales)
	if err != nil {
		return nil, err
	}
	cfg := shop.Default()
	cfg.Region, cfg.WireKey, cfg.PublicScheme = w.Main, rand.Text(), "http"
	cfg.Private.Keys = []keyring.Key{{ID: "k1", Secret: rand.Text() + rand.Text()}}
	orders := postgres.NewOrderStore(resident)
	return shop.New(cfg, shop.Deps{
		World: w, Catalog: catalog, Orders: orders, Invoices: postgres.NewInvoiceStore(resident), Payments: postgres.NewPaymentStore(resident), Paid: app.PaidOrders{OrderStore: orders}, Providers: providers,
		Feed: postgres.NewFeed(home), Tax: rates, Rates: exchange, Texts: words, Mails: postgres.NewMailStore(resident), Hooks: postgres.NewHookStore(resident),
		Now: time.Now, Random: rand.Reader, Log: log,
	})
}
