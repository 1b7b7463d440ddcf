package app

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"meridian/engine/keyring"
	"meridian/platform/telemetry"
	"meridian/test/pgtest"
	"meridian/world"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// noticeWithin is how long a role may take to start and to look for the first
// time; it is waited for only by a test that fails.
const noticeWithin = 20 * time.Second

// A started role removes what nobody needs any more: whoever wires the role
// table must not forget its background work.
func TestStartedRolesSweep(t *testing.T) {
	w, err := ReadWorld("")
	if err != nil {
		t.Fatal(err)
	}
	here := w.Regions[0].ID
	catalog := pgtest.Catalog(t)
	var catalogs []Database
	for _, r := range w.Regions {
		catalogs = append(catalogs, Database{Region: r.ID, Primary: r.ID == here, Conn: catalog})
	}
	resident := pgtest.Resident(t)
	conn, err := pgx.Connect(t.Context(), resident)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	const plant = `
create function told() returns trigger language plpgsql as $$ begin perform pg_notify('gone', tg_table_name); return null; end $$;
create trigger told after delete on cart for each row execute function told();
create trigger told after delete on owner_session for each row execute function told();
listen gone;
insert into cart (id, market, updated_at) values (repeat('a', 26), 'de', now() - interval '61 days'), (repeat('b', 26), 'de', now());
insert into owner_account (market, email, password_hash) values ('de', 'owner@de.example', 'x');
insert into owner_session (token_hash, market, email, expires_at)
values ('old', 'de', 'owner@de.example', now() - interval '1 second'), ('new', 'de', 'owner@de.example', now() + interval '1 hour')`
	if _, err := conn.Exec(t.Context(), plant); err != nil {
		t.Fatal(err)
	}
	for role, table := range map[string]string{"shop": "cart", "owner": "owner_session"} {
		f := NewFile(role)
		f.Place = here
		own := Database{Region: here, Primary: true, Conn: resident + " role=meridian_" + role}
		listen := "unix:" + filepath.Join(shortDir(t), "s")
		switch role {
		case "shop":
			f.Shop.Region, f.Shop.WireKey, f.Shop.Listen, f.Shop.Catalogs, f.Shop.Resident = here, "k", listen, catalogs, own
			f.Shop.Media = listen
			f.Shop.UploadKeys = []keyring.Key{{ID: "now", Secret: "long enough to be a secret"}}
		case "owner":
			f.Owner.Region, f.Owner.App, f.Owner.UploadToken, f.Owner.Listen, f.Owner.Catalogs, f.Owner.Resident = here, w.App, "k", listen, catalogs, own
			f.Owner.Media = listen
		}
		p := &Process{World: w, Root: telemetry.NewRoot(io.Discard, "text", slog.LevelError)}
		run, err := p.Components(f, f.Roles(), []string{role})[0].Start(t.Context())
		if err != nil {
			t.Fatal(world.Wrap(role, err))
		}
		waiting, cancel := context.WithTimeout(t.Context(), noticeWithin)
		if n, err := conn.WaitForNotification(waiting); err != nil || n.Payload != table {
			t.Errorf("%s: %v, %v; want something gone from %s", role, n, err, table)
		}
		cancel()
		if err := run.Stop(t.Context()); err != nil {
			t.Errorf("%s: %v", role, err)
		}
		var left int
		if err := conn.QueryRow(t.Context(), "select count(*) from "+table).Scan(&left); err != nil || left != 1 {
			t.Errorf("%d rows are left in %s, %v", left, table, err)
		}
	}
}
