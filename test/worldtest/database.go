package worldtest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"meridian/adapter/pgcluster"
	"meridian/adapter/postgres"
	"meridian/role/shop/api"
	"meridian/world"
)

// socketDir is where the world's servers listen, "" while none runs.
func (w *World) socketDir() string {
	files, _ := filepath.Glob(filepath.Join(w.Dir, "pg", "*", "postmaster.pid"))
	for _, f := range files {
		if dir, _, err := listens(f); err == nil {
			return dir
		}
	}
	return ""
}

// listens reads where a server listens from its lock file (PostgreSQL writes
// the port on the fourth line of postmaster.pid, the directory on the fifth).
func listens(pidFile string) (dir, port string, err error) {
	b, err := os.ReadFile(pidFile)
	if err != nil {
		return "", "", err
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) < 5 || lines[4] == "" {
		return "", "", fmt.Errorf("%s has no socket yet", pidFile)
	}
	return lines[4], lines[3], nil
}

// Resident connects to a region's resident primary as its superuser: to look
// at what the pages only tell in part. The connection ends with the test.
func (w *World) Resident(t testing.TB, region string) *pgx.Conn {
	t.Helper()
	return w.connect(t, world.ResidentCluster(region), postgres.Resident)
}

// Catalog is the same for a region's catalog primary.
func (w *World) Catalog(t testing.TB, region string) *pgx.Conn {
	t.Helper()
	return w.connect(t, world.CatalogCluster(region), postgres.Catalog)
}

func (w *World) connect(t testing.TB, name, database string) *pgx.Conn {
	t.Helper()
	conn, err := w.Connect(t.Context(), name, database, w.Secrets(t).Super)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// Connect connects to a database server of the world by its name, as the
// superuser whose password is given: of a primary with a second server beside it,
// to whichever of the two takes writes. The connection is the caller's to close. It
// fails while neither runs.
func (w *World) Connect(ctx context.Context, name, database, password string) (*pgx.Conn, error) {
	var hosts, ports []string
	for _, server := range []string{name, name + "-sync"} {
		if dir, port, err := listens(filepath.Join(w.Dir, "pg", server, "postmaster.pid")); err == nil {
			hosts, ports = append(hosts, dir), append(ports, port)
		}
	}
	if len(hosts) == 0 {
		return nil, fmt.Errorf("%s does not run", name)
	}
	attrs := "any"
	if len(hosts) > 1 {
		attrs = "read-write"
	}
	return pgx.Connect(ctx, fmt.Sprintf("host=%s port=%s user=%s password=%s dbname=%s target_session_attrs=%s",
		strings.Join(hosts, ","), strings.Join(ports, ","), pgcluster.SuperUser, password, database, attrs))
}

// Original is the file in which a region's object store has a public original.
func (w *World) Original(region, sha256 string) string {
	return filepath.Join(w.Dir, "objects", region, "originals", "sha256", sha256[:2], sha256[2:4], sha256)
}

// Stock is how many of a product are left.
func (w *World) Stock(t testing.TB, market, slug string) int {
	t.Helper()
	m := w.Market(t, market)
	conn := w.Resident(t, m.HomeRegion)
	defer conn.Close(context.Background())
	var n int
	if err := conn.QueryRow(t.Context(), "select on_hand - reserved from stock_level where market = $1 and sku = $2", market, slug).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Restock sets how many of a product are left, and waits until every page says
// whether any is, where that turns.
func (w *World) Restock(t testing.TB, market, slug string, n int) {
	t.Helper()
	m := w.Market(t, market)
	if before := w.Stock(t, market, slug); (before > 0) != (n > 0) {
		defer w.WaitSoldOut(t, market, slug, n == 0)
	}
	conn := w.Resident(t, m.HomeRegion)
	defer conn.Close(context.Background())
	tag, err := conn.Exec(t.Context(), `select stock_move(market, sku, 'correct', $3 - (on_hand - reserved), 0, null, null, '', 'counted')
		from (select * from stock_level where market = $1 and sku = $2 for update) as counted -- nobody takes of it in between
		where on_hand - reserved <> $3`, market, slug, n)
	if err != nil {
		t.Fatalf("restock %s: %v, %v", slug, tag, err)
	}
}

// Market is a market of the world's plan.
func (w *World) Market(t testing.TB, id string) world.Market {
	t.Helper()
	m, ok := w.Plan.MarketByID(id)
	if !ok {
		t.Fatalf("the world has no market %q", id)
	}
	return m
}

// soldOutWithin is how long pages may take to say what has sold out or come back:
// the shop looks every other second.
const soldOutWithin = 20 * time.Second

// WaitSoldOut waits until a product's SKU of the same name is sold out, or is not, by
// what every PoP says.
func (w *World) WaitSoldOut(t testing.TB, market, slug string, soldOut bool) {
	t.Helper()
	began := time.Now()
	for _, p := range w.Plan.PoPs {
		at := w.AtPoP(t, market, p.ID)
		for at.available(t, slug) == soldOut {
			if time.Since(began) > soldOutWithin {
				t.Fatalf("%s does not say in %s that %s is sold out: %v", p.ID, soldOutWithin, slug, soldOut)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// available reports whether any of a product's SKU of the same name is left, by the API.
func (c *Client) available(t testing.TB, slug string) bool {
	t.Helper()
	var p api.Product
	if a := c.Get(t, "/api/v1/products/"+slug); a.Status != http.StatusOK || json.Unmarshal(a.Body, &p) != nil {
		t.Fatalf("the product %s: %d: %s", slug, a.Status, a.Body)
	}
	i := slices.IndexFunc(p.SKUs, func(k api.SKU) bool { return k.SKU == slug })
	return i >= 0 && p.SKUs[i].Available
}
