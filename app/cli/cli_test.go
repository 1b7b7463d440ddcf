package cli

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"meridian"
	"meridian/app"
	"meridian/world"
)

var update = flag.Bool("update", false, "write testdata anew")

// run carries out a command line.
func run(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Run(t.Context(), "v-test", args, &o, &e)
	return code, o.String(), e.String()
}

// eachCommand visits every command that is ours.
func eachCommand(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, sub := range c.Commands() {
		if sub.Name() != "help" && sub.Name() != "completion" {
			eachCommand(sub, visit)
		}
	}
}

func TestEveryCommandsHelpHasAnExample(t *testing.T) {
	eachCommand((&cli{}).root(), func(c *cobra.Command) {
		path := strings.Fields(c.CommandPath())
		code, out, _ := run(t, append(path[1:], "--help")...)
		if code != exitOK || !strings.Contains(out, "Examples:\n") || !strings.Contains(out, strings.Join(path, " ")) {
			t.Errorf("%s --help: %d\n%s", c.CommandPath(), code, out)
		}
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: short help %q", c.CommandPath(), c.Short)
		}
	})
}

// accepted checks a command line against the commands and flags that there are.
func accepted(line string) error {
	root := (&cli{}).root()
	line, _, _ = strings.Cut(line, " #")
	line, _, _ = strings.Cut(line, "   ") // an example's explanation
	line, _, _ = strings.Cut(line, " >")
	words := strings.Fields(line)
	cmd, args, err := root.Find(words[1:])
	if err != nil {
		return err
	}
	if err := cmd.ParseFlags(args); err != nil {
		return err
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

func TestExamplesAreCommands(t *testing.T) {
	lines := 0
	check := func(where, text string) {
		for _, line := range strings.Split(text, "\n") {
			line = strings.TrimSpace(line)
			ours := strings.HasPrefix(line, "meridian ") || strings.HasPrefix(line, "bin/meridian ")
			if !ours || strings.Contains(line, "meridian drill ") { // drills stand above this package
				continue
			}
			lines++
			if err := accepted(line); err != nil {
				t.Errorf("%s: %s: %v", where, line, err)
			}
		}
	}
	eachCommand((&cli{}).root(), func(c *cobra.Command) { check(c.CommandPath(), c.Example) })
	readmes, err := filepath.Glob("../../role/*/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(readmes, "../../README.md") {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		check(path, string(b))
	}
	if lines < 15 {
		t.Errorf("only %d examples were found", lines)
	}
}

func TestAWrongCommandLineExitsWith2(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"bake"}, `"bake"`},
		{[]string{"world", "bake"}, `"bake"`},
		{[]string{"media", "eat"}, `"eat"`},
		{[]string{"up", "--colour"}, "--colour"},
		{[]string{"up", "here"}, "here"},
		{[]string{"up", "--port", "many"}, "many"},
		{[]string{"up", "--port", "0"}, "--port must be between 1 and"},
		{[]string{"up", "--port", "65000"}, "--port must be between 1 and"},
		{[]string{"up", "--log-level", "loud"}, "--log-level"},
		{[]string{"up", "--world", "/nowhere/w.yaml"}, "/nowhere/w.yaml"},
		{[]string{"serve"}, "--config FILE is needed"},
		{[]string{"serve", "--role", "baker", "--config", "x"}, "no role baker"},
		{[]string{"serve", "--config", "/nowhere/x.yaml"}, "/nowhere/x.yaml"},
		{[]string{"world", "check"}, "1 arg"},
		{[]string{"world", "check", "/nowhere/w.yaml"}, "no such file: /nowhere/w.yaml"},
		{[]string{"media", "put"}, "at least 1 arg"},
		{[]string{"media", "get", anID, "--url", "https://shop.example"}, "--app is needed"},
	} {
		code, out, errOut := run(t, c.args...)
		if code != exitInvalid || !strings.Contains(errOut, c.want) || !strings.HasPrefix(errOut, "meridian: ") || out != "" {
			t.Errorf("%v: %d %q %q", c.args, code, out, errOut)
		}
		code, _, errOut = run(t, append(c.args, "--json")...)
		var told struct {
			Code    world.Code `json:"code"`
			Message string     `json:"message"`
		}
		if err := json.Unmarshal([]byte(errOut), &told); err != nil || code != exitInvalid || told.Code != world.CodeInvalid || !strings.Contains(told.Message, c.want) {
			t.Errorf("%v --json: %d %q %v", c.args, code, errOut, err)
		}
	}
}

func TestWhatIsWrongWithTheWorldNotTheCommandExitsWith1(t *testing.T) {
	code, _, errOut := run(t, "media", "ls", "--dir", t.TempDir())
	if code != exitFailed || !strings.Contains(errOut, "meridian up") {
		t.Errorf("%d %q", code, errOut)
	}
}

// writeWorld is the shipped world with one thing changed.
func writeWorld(t *testing.T, from, to string) string {
	t.Helper()
	text := strings.Replace(string(meridian.WorldFile), from, to, 1)
	if from != "" && text == string(meridian.WorldFile) {
		t.Fatalf("%q is not in the shipped world", from)
	}
	path := filepath.Join(t.TempDir(), "my.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWorldCheckGood(t *testing.T) {
	path := writeWorld(t, "", "")
	code, out, errOut := run(t, "world", "check", path)
	if code != exitOK || !strings.Contains(out, "is a good world: ") || errOut != "" {
		t.Errorf("%d %q %q", code, out, errOut)
	}
	code, out, _ = run(t, "world", "check", path, "--json")
	var sum map[string]int
	if err := json.Unmarshal([]byte(out), &sum); err != nil || code != exitOK || sum["markets"] < 1 || sum["regions"] < 1 {
		t.Errorf("%d %q %v", code, out, err)
	}
}

func TestWorldCheckBad(t *testing.T) {
	path := writeWorld(t, "currency: JPY", "currency: yen")
	code, out, errOut := run(t, "world", "check", path)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(b), "currency: yen")
	line := 1 + strings.Count(before, "\n")
	if code != exitInvalid || out != "" {
		t.Errorf("%d %q", code, out)
	}
	_, _, asJSON := run(t, "--json", "world", "check", path)
	var told struct {
		Code     world.Code `json:"code"`
		Problems []problem  `json:"problems"`
	}
	if err := json.Unmarshal([]byte(asJSON), &told); err != nil || told.Code != world.CodeInvalid || len(told.Problems) != 1 {
		t.Fatalf("%v %s", err, asJSON)
	}
	p := told.Problems[0]
	if p.File != path || p.Line != line || !strings.HasSuffix(p.Field, "].currency") || !strings.Contains(p.What, `"yen"`) || !strings.Contains(p.Fix, "EUR") {
		t.Errorf("%+v, want line %d", p, line)
	}
	for _, want := range []string{p.Field, p.What, p.Fix} {
		if !strings.Contains(errOut, want) {
			t.Errorf("a person is not told %q in %q", want, errOut)
		}
	}
}

func TestRolesTable(t *testing.T) {
	code, out, _ := run(t, "roles")
	path := filepath.Join("testdata", "roles.txt")
	if *update {
		if err := os.WriteFile(path, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || code != exitOK || out != string(want) {
		t.Errorf("%d %v\n%s\nwant (go test ./app/cli -update writes it anew)\n%s", code, err, out, want)
	}
	_, out, _ = run(t, "roles", "--json")
	var rows []roleRow
	if err := json.Unmarshal([]byte(out), &rows); err != nil || len(rows) != len(app.Roles()) {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, r := range rows {
		if r.Needs == nil || len(r.Settings) == 0 {
			t.Errorf("%s: %+v", r.Name, r)
		}
		for _, s := range r.Settings {
			if s.Secret && s.Default != "" {
				t.Errorf("%s tells the secret %s", r.Name, s.Path)
			}
		}
	}
	if _, out, _ := run(t, "roles", "--reference"); out != app.Reference() {
		t.Error("--reference prints something else")
	}
	document, err := app.APIDocument("shop")
	if _, out, _ := run(t, "api", "shop"); out != document || err != nil {
		t.Errorf("api prints something else: %v", err)
	}
}

func TestVersion(t *testing.T) {
	if _, out, _ := run(t, "version"); out != "meridian v-test\n" {
		t.Errorf("%q", out)
	}
	_, out, _ := run(t, "version", "--json")
	var v map[string]string
	if err := json.Unmarshal([]byte(out), &v); err != nil || v["version"] != "v-test" {
		t.Errorf("%q %v", out, err)
	}
}

func TestCompletion(t *testing.T) {
	code, script, _ := run(t, "completion", "bash")
	if code != exitOK || !strings.Contains(script, "__start_meridian") {
		t.Fatalf("%d, %d bytes", code, len(script))
	}
	if bash, err := exec.LookPath("bash"); err == nil {
		check := exec.Command(bash, "-n")
		check.Stdin = strings.NewReader(script)
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("bash does not read it: %v\n%s", err, out)
		}
	}
	_, out, _ := run(t, "__complete", "serve", "--role", "")
	for _, r := range app.RoleNames() {
		if !strings.Contains(out, r+"\n") {
			t.Errorf("serve --role is not completed with %s in %q", r, out)
		}
	}
	if _, out, _ := run(t, "__complete", "wor"); !strings.Contains(out, "world\t") {
		t.Errorf("wor is completed with %q", out)
	}
}
