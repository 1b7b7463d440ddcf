// Command bench measures on this machine and prints the figures beside the
// limits that the project aims for: what a hit costs beside nginx and Varnish,
// how well the cache chooses what it keeps and what it takes to remember it, what
// a name costs beside PowerDNS and gdnsd, what pictures cost beside vipsthumbnail, a
// whole world from its start to its end, what a shop's pages and checkouts cost, and
// how long customers wait for them. It asserts nothing.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"meridian/app/localworld"
)

type options struct {
	only string
	dir  string
	port int
	runs int
	idle time.Duration

	rounds  int
	length  time.Duration
	filter  string
	servers string
	bin     string
	photos  string

	products int
	memory   int
	scale    float64
	shopping time.Duration
}

// sections are what can be measured, in order.
var sections = []struct {
	name    string
	measure func(context.Context, options, io.Writer) error
}{
	{"hits", hits}, {"ratio", ratios}, {"memory", memory}, {"purge", purges}, {"dns", nameServers}, {"transforms", transforms}, {"world", wholeWorld}, {"commerce", commerce}, {"shoppers", shoppers},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) > 1 {
		if inner := innerCommands[os.Args[1]]; inner != nil {
			exit(inner(ctx, os.Args[2:]))
		}
	}
	var o options
	flag.StringVar(&o.only, "only", "", "comma-separated sections to measure: hits, ratio, memory, purge, dns, transforms, world, commerce, shoppers; all without it")
	flag.IntVar(&o.rounds, "rounds", 3, "hits, dns, transforms, commerce: how often each is measured for each case, in turn with the others")
	flag.StringVar(&o.photos, "photos", os.Getenv(photosVariable), "transforms: directory of photographs")
	flag.DurationVar(&o.length, "length", time.Second, "hits, dns, commerce: how long each time")
	flag.StringVar(&o.filter, "case", "", "hits, commerce: only cases whose name has all of these words, as \"HTTP/1.1 20 KB 64\"")
	flag.StringVar(&o.servers, "servers", "", "hits, dns: only these, as \"Meridian,nginx\"; all without it")
	flag.StringVar(&o.bin, "bin", "", "hits, dns: a binary of ours to measure; built anew without it")
	flag.IntVar(&o.products, "products", manyProducts, "commerce: products of each market in the large catalog")
	flag.IntVar(&o.memory, "memory", 0, "commerce: the database server's shared memory in megabytes, 16 to 1024; 0 is what the local world gives it")
	flag.Float64Var(&o.scale, "scale", shopperScale, "shoppers: the share of the whole load that is asked of this machine")
	flag.DurationVar(&o.shopping, "shopping", time.Minute, "shoppers: how long")
	flag.StringVar(&o.dir, "dir", filepath.Join(filepath.Dir(localworld.DefaultDir()), "bench"), "purge, world, shoppers: directory for its state; must be empty, and is removed at the end")
	flag.IntVar(&o.port, "port", 9700, "purge, world, shoppers: port for visitors; the PoPs take the next ones")
	flag.IntVar(&o.runs, "runs", 3, "world: how many times everything is done")
	flag.DurationVar(&o.idle, "idle", idle, "world: how long the idle cost is measured")
	flag.Parse()
	exit(bench(ctx, o, os.Stdout))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func bench(ctx context.Context, o options, out io.Writer) error {
	if o.runs < 1 || o.rounds < 1 || o.length <= 0 || flag.NArg() > 0 {
		return fmt.Errorf("--runs and --rounds must be at least 1, --length above 0, and there are no arguments; --help shows the flags")
	}
	wanted, err := wantedSections(o.only)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s, %s/%s\n", machine(), runtime.GOOS, runtime.GOARCH)
	for _, s := range sections {
		if !wanted[s.name] {
			continue
		}
		if err := s.measure(ctx, o, out); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func wantedSections(only string) (map[string]bool, error) {
	wanted := map[string]bool{}
	for _, s := range sections {
		wanted[s.name] = only == ""
	}
	for name := range strings.SplitSeq(only, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if _, ok := wanted[name]; !ok {
			var names []string
			for _, s := range sections {
				names = append(names, s.name)
			}
			slices.Sort(names)
			return nil, fmt.Errorf("there is no section %q: -only takes %s", name, strings.Join(names, ", "))
		}
		wanted[name] = true
	}
	return wanted, nil
}

// machine tells what the figures are of.
func machine() string {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	text := fmt.Sprintf("%d cores", runtime.NumCPU())
	if k := strings.TrimSpace(string(kernel)); k != "" {
		text += ", Linux " + k
	}
	return text + ", " + runtime.Version()
}
