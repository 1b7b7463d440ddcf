package app

import (
	"context"
	"io/fs"

	"meridian/adapter/postgres"
	"meridian/adapter/smtp"
	"meridian/adapter/vies"
	"meridian/adapter/webhook"
	"meridian/adapter/wire"
	"meridian/data"
	"meridian/engine/tax"
	"meridian/engine/taxid"
	"meridian/platform/i18n"
	"meridian/platform/lifecycle"
	"meridian/platform/netaddr"
	"meridian/role/owner"
	"meridian/role/shop"
	"meridian/world"
)

// TaxTable is the tax rules that ship with the binary.
func TaxTable() (*tax.Table, error) {
	f, err := data.FS.Open("tax.csv")
	if err != nil {
		return nil, world.Wrap("data.tax", err)
	}
	defer f.Close()
	return tax.Load(f)
}

// texts are the words of the storefront that ship with the binary.
func texts() (*i18n.Texts, error) {
	dir, err := fs.Sub(data.FS, "locales")
	if err != nil {
		return nil, world.Wrap("data.locales", err)
	}
	return i18n.Load(dir)
}

func startShop(ctx context.Context, m *machine) (lifecycle.Running, error) {
	s := m.file.Shop
	clusters, closeCatalogs, err := m.clusters(ctx, "shop", s.Catalogs)
	if err != nil {
		return nil, err
	}
	resident, err := m.resident(ctx, "shop", s.Resident)
	if err != nil {
		closeCatalogs()
		return nil, err
	}
	run, err := m.shopOver(ctx, s, clusters, resident, closeCatalogs)
	if err != nil {
		closeCatalogs()
		resident.Close()
	}
	return run, err
}

func (m *machine) shopOver(ctx context.Context, s *Shop, clusters []*postgres.Cluster, resident *postgres.Cluster, closeCatalogs func()) (lifecycle.Running, error) {
	home, err := own(clusters, s.Region)
	if err != nil {
		return nil, err
	}
	catalog, err := postgres.NewCatalogStore(m.World, clusters)
	if err != nil {
		return nil, err
	}
	rates, err := TaxTable()
	if err != nil {
		return nil, err
	}
	exchange, err := postgres.NewRateStore(m.World, clusters)
	if err != nil {
		return nil, err
	}
	words, err := texts()
	if err != nil {
		return nil, err
	}
	region, _ := m.World.RegionByID(s.Region) // one that is unknown is refused by the role
	photos, err := wire.NewPhotos(netaddr.Transport(s.Media, netaddr.DefaultTransportOptions()), m.World.App, region, s.UploadKeys, wire.PhotoLimits{Bytes: s.MaxPhoto, Wait: s.PhotoWait}, m.now)
	if err != nil {
		return nil, err
	}
	feed := postgres.NewFeed(home)
	mailer, err := mailerOf(s.SMTP)
	if err != nil {
		return nil, err
	}
	register, err := m.registerOf(s.VIES)
	if err != nil {
		return nil, err
	}
	providers, err := m.providers(s.Payments)
	if err != nil {
		return nil, err
	}
	orders, payments := postgres.NewOrderStore(resident), postgres.NewPaymentStore(resident)
	role, err := shop.New(s.Config, shop.Deps{
		World: m.World, Catalog: catalog, Photos: photos, Orders: orders, Invoices: postgres.NewInvoiceStore(resident), Payments: payments, Paid: PaidOrders{orders}, Providers: providers, Feed: feed, Tax: rates, Register: register, Rates: exchange, Texts: words,
		Mails: postgres.NewMailStore(resident), Mailer: mailer, Metrics: m.tel.Metrics,
		Hooks: postgres.NewHookStore(resident), Notifier: &webhook.Notifier{Wait: s.Hooks.Wait, Now: m.now, Transport: netaddr.PublicTransport(s.Hooks.Private, netaddr.DefaultTransportOptions())},
		Peers: transports(s.Peers, netaddr.DefaultTransportOptions(), nil), Now: m.now, Random: random, Log: m.tel.Log,
	})
	if err != nil {
		return nil, err
	}
	m.tel.Metrics.MustRegister(paymentMetrics{role.PaymentSums, m.tel.Log})
	owed := func(ctx context.Context) error { return resident.Told(ctx, role.Told) } // what the owner role's writes owe
	return m.run(ctx, s.Listen, s.HTTP, inRegion(world.TargetShop, s.Region, s.HTTP, role.Handler()), beside(feed.Run, role.Run, owed), closeCatalogs, resident.Close)
}

// mailerOf is the mail server of the settings; nil without one: letters wait.
func mailerOf(s smtp.Settings) (shop.Mailer, error) {
	if s.Address == "" {
		return nil, s.Validate()
	}
	return smtp.New(s, nil)
}

// registerOf is who confirms tax numbers; nil where none is asked.
func (m *machine) registerOf(s vies.Settings) (taxid.Register, error) {
	if s.URL == "" {
		return nil, nil
	}
	return vies.New(s, nil, m.now)
}

// resident opens the resident cluster of the machine's own region. A role is
// never given another's.
func (m *machine) resident(ctx context.Context, role string, d Database) (*postgres.Cluster, error) {
	if d.Region != m.file.Place || !d.Primary {
		return nil, world.E(world.CodeInvalid, "config", "resident must be the primary of the machine's own region: resident data does not leave its zone.")
	}
	return postgres.Open(ctx, world.ResidentCluster(d.Region), d.Region, true, d.Conn, "meridian-"+role)
}

func startOwner(ctx context.Context, m *machine) (lifecycle.Running, error) {
	s := m.file.Owner
	clusters, closeCatalogs, err := m.clusters(ctx, "owner", s.Catalogs)
	if err != nil {
		return nil, err
	}
	resident, err := m.resident(ctx, "owner", s.Resident)
	if err != nil {
		closeCatalogs()
		return nil, err
	}
	run, err := m.ownerOver(ctx, s, clusters, resident, closeCatalogs)
	if err != nil {
		closeCatalogs()
		resident.Close()
	}
	return run, err
}

func (m *machine) ownerOver(ctx context.Context, s *Owner, clusters []*postgres.Cluster, resident *postgres.Cluster, closeCatalogs func()) (lifecycle.Running, error) {
	products, err := postgres.NewCatalogStore(m.World, clusters)
	if err != nil {
		return nil, err
	}
	words, err := texts()
	if err != nil {
		return nil, err
	}
	rates, err := TaxTable()
	if err != nil {
		return nil, err
	}
	orders := postgres.NewOrderStore(resident)
	role, err := owner.New(s.Config, owner.Deps{
		World: m.World, Catalog: products, Editing: products, Tax: rates, Orders: orders,
		Selling: products, Stock: orders, Hooks: postgres.NewHookStore(resident), Letters: postgres.NewMailStore(resident), Tell: resident.Tell, Documents: postgres.NewInvoiceStore(resident), Accounts: postgres.NewAccountStore(resident), Texts: words,
		Media: netaddr.Transport(s.Media, netaddr.DefaultTransportOptions()), Now: m.now, Random: random, Log: m.tel.Log,
	})
	if err != nil {
		return nil, err
	}
	return m.run(ctx, s.Listen, s.HTTP, inRegion(world.TargetIdentity, s.Region, s.HTTP, role), role.Run, closeCatalogs, resident.Close)
}
