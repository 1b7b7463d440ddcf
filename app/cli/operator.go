package cli

import (
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"meridian/app/localworld"
	"meridian/world"
)

// maxToken is the most bytes of a token's file.
const maxToken = 4 << 10

// operatorTarget is where commands of operators go: a local world by its
// directory, or any edge by its URL, with a token.
type operatorTarget struct {
	op       string // of errors
	variable string // of the environment, that holds the token
	own      func(localworld.Secrets) string
	optional bool // whether one may ask without a token

	dir, server, tokenFile, from string
}

func (t *operatorTarget) flags(f *pflag.FlagSet) {
	t.where(f)
	f.StringVar(&t.from, "from", "", "city to stand in, in the local world")
}

// where are the flags that name an edge.
func (t *operatorTarget) where(f *pflag.FlagSet) {
	f.StringVar(&t.dir, "dir", localworld.DefaultDir(), "directory of the local world")
	f.StringVar(&t.server, "server", "", "an edge elsewhere, such as https://shop.example")
	f.StringVar(&t.tokenFile, "token-file", "", "file that holds the token")
}

// request makes a request to the nearest region, by way of an edge, with the token.
func (t *operatorTarget) request(cmd *cobra.Command, method, path string, body io.Reader) (*http.Request, error) {
	base, token := strings.TrimSuffix(t.server, "/"), os.Getenv(t.variable)
	if t.tokenFile != "" {
		b, err := readLimited(t.tokenFile, maxToken)
		if err != nil {
			return nil, world.Because(world.CodeInvalid, t.op, "The token's file cannot be read: "+t.tokenFile, err)
		}
		token = strings.TrimSpace(string(b))
	}
	if base == "" {
		run, err := localworld.ReadRun(t.dir)
		if err != nil {
			return nil, err
		}
		base = strings.TrimSuffix(run.Door, "/")
		if token == "" {
			s, err := localworld.ReadSecrets(t.dir)
			if err != nil {
				return nil, err
			}
			token = t.own(s)
		}
	}
	if token == "" && !t.optional {
		return nil, world.E(world.CodeUnsigned, t.op, "Set "+t.variable+" to a token, or name its file with --token-file.")
	}
	r, err := http.NewRequestWithContext(cmd.Context(), method, base+path, body)
	if err != nil {
		return nil, world.Because(world.CodeInvalid, t.op, "--server is not a URL.", err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if t.from != "" {
		r.AddCookie(&http.Cookie{Name: "traveller", Value: t.from})
	}
	return r, nil
}

func readLimited(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}
