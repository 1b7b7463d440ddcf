package objectstore

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"meridian/world"
)

// Location says where a store is and how it is reached. It has no secret in it.
type Location struct {
	URL         string        `yaml:"url" doc:"a directory's path, or s3://bucket?region=…; adapter/objectstore/README.md has the rest of such a URL"`
	Credentials string        `yaml:"credentials" doc:"of a bucket: file:/path, file:/path#profile (AWS's form of file), env:PREFIX (PREFIX_ACCESS_KEY_ID, PREFIX_SECRET_ACCESS_KEY, PREFIX_SESSION_TOKEN); none: AWS's own order, the machine's role among them"`
	Connect     time.Duration `yaml:"connect" doc:"longest wait for a connection to a bucket"`
	Silence     time.Duration `yaml:"silence" doc:"longest silence of a bucket, for an answer or in the middle of one"`
	Attempts    int           `yaml:"attempts" doc:"how often a bucket is asked when it fails in a way that passes"`
}

// DefaultLocation lacks only its URL.
func DefaultLocation() Location {
	return Location{Connect: 5 * time.Second, Silence: 30 * time.Second, Attempts: 4}
}

const scheme = "s3://"

func (l Location) isBucket() bool { return strings.HasPrefix(l.URL, scheme) }

// Validate fails with invalid for a location that cannot be, and says what to
// write. It asks nobody.
func (l Location) Validate() error {
	switch {
	case l.URL == "":
		return refuse("url", "give a directory's path or s3://bucket?region=…")
	case l.isBucket():
		_, err := l.bucket()
		return err
	case strings.Contains(l.URL, "://"):
		return refuse("url", "is a directory's path, or begins with "+scheme)
	case l.Credentials != "":
		return refuse("credentials", "a directory takes none")
	}
	return nil
}

func refuse(setting, fix string) error {
	return world.E(world.CodeInvalid, "objectstore.location", setting+": "+fix)
}

// Open opens the store that is at a location, and sees that it is there. Errors:
// invalid for a location that cannot be, a bucket that is not there and
// credentials that are refused; unavailable or timeout for a store that is away.
func Open(ctx context.Context, l Location) (*Store, error) {
	if err := l.Validate(); err != nil {
		return nil, err
	}
	if l.isBucket() {
		return openS3(ctx, l)
	}
	return OpenDir(ctx, l.URL)
}

// bucketURL is what an s3 URL says.
type bucketURL struct {
	bucket, region string
	endpoint       string // "" for Amazon's own
	pathStyle      bool
	checksums      bool // of every request, as Amazon's SDK would; false: where S3 demands them
}

// bucket reads an s3 URL. Every query field is known, or refused: a misspelt
// endpoint must not become somebody else's bucket.
func (l Location) bucket() (bucketURL, error) {
	u, err := url.Parse(l.URL)
	if err != nil {
		return bucketURL{}, refuse("url", "cannot be read; write s3://bucket?region=…") // without the cause: it would show the URL
	}
	if u.User != nil || u.Path != "" || u.Fragment != "" || u.Port() != "" || u.Host == "" {
		return bucketURL{}, refuse("url", "write s3://bucket?region=…, without user, port, path or fragment")
	}
	b := bucketURL{bucket: u.Host, checksums: true}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return bucketURL{}, refuse("url", "its query cannot be read")
	}
	b.endpoint, b.region = query.Get("endpoint"), query.Get("region")
	b.pathStyle = b.endpoint != ""
	inClear := false
	for name, values := range query {
		if err == nil && len(values) != 1 {
			err = refuse("url", name+" stands more than once")
		}
		switch {
		case err != nil:
		case name == "region", name == "endpoint":
		case name == "path_style":
			b.pathStyle, err = truth(name, values[0])
		case name == "checksums":
			b.checksums, err = truth(name, values[0])
		case name == "clear":
			inClear, err = truth(name, values[0])
		default:
			err = refuse("url", fmt.Sprintf("%.40q is unknown; there are region, endpoint, path_style, checksums and clear", name))
		}
	}
	switch {
	case err != nil:
		return bucketURL{}, err
	case b.region == "":
		return bucketURL{}, refuse("url", "needs region=…; a store that has none takes us-east-1")
	case l.Attempts < 1:
		return bucketURL{}, refuse("attempts", "write at least 1")
	case l.Connect <= 0 || l.Silence <= 0:
		return bucketURL{}, refuse("connect, silence", "write a time above zero, such as 30s")
	}
	if err := checkCredentials(l.Credentials); err != nil {
		return bucketURL{}, err
	}
	return b, checkEndpoint(b.endpoint, inClear)
}

func truth(name, value string) (bool, error) {
	b, err := strconv.ParseBool(value)
	if err != nil {
		return false, refuse("url", name+" is true or false")
	}
	return b, nil
}

// checkEndpoint demands https where bytes leave the machine, unless the URL
// says that they may travel in the clear.
func checkEndpoint(endpoint string, inClear bool) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return refuse("url", "endpoint is https://host or https://host:port, without user, path or query")
	}
	ip := net.ParseIP(u.Hostname())
	here := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme == "https" || u.Scheme == "http" && (here || inClear) {
		return nil
	}
	return refuse("url", "endpoint must begin with https://; over a network that nobody else is on, add clear=true")
}

// Apart fails with invalid unless two locations are two stores with credentials
// of their own: what is resident must not lie where the public is served from,
// nor be opened by the same key. A bucket is known by its name alone, since an
// endpoint may have several.
func Apart(public, resident Location) error {
	if public.isBucket() != resident.isBucket() {
		return nil
	}
	if !public.isBucket() {
		return apartDirs(public.URL, resident.URL)
	}
	a, err := public.bucket()
	if err != nil {
		return err
	}
	b, err := resident.bucket()
	switch {
	case err != nil:
		return err
	case a.bucket == b.bucket:
		return refuse("resident_objects.url", "names the public store's bucket; resident objects need one of their own")
	case public.Credentials == resident.Credentials:
		return refuse("resident_objects.credentials", "are the public store's; the resident store needs its own, which open nothing else")
	}
	return nil
}

func apartDirs(public, resident string) error {
	a, err := real(public)
	if err != nil {
		return fault("objectstore.location", err)
	}
	b, err := real(resident)
	if err != nil {
		return fault("objectstore.location", err)
	}
	if inside(a, b) || inside(b, a) {
		return refuse("resident_objects.url", "is the public store's directory, or one of the two lies in the other; resident objects need one of their own")
	}
	return nil
}

// real is a path without symbolic links, as far as it exists.
func real(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	rest := ""
	for {
		there, err := filepath.EvalSymlinks(path)
		if err == nil {
			return filepath.Join(there, rest), nil
		}
		if !os.IsNotExist(err) {
			return "", err
		}
		path, rest = filepath.Dir(path), filepath.Join(filepath.Base(path), rest)
	}
}

// inside reports whether path is folder or lies in it, also by another name of
// the same folder, as a bind mount makes one.
func inside(path, folder string) bool {
	target, err := os.Stat(folder)
	for {
		if path == folder {
			return true
		}
		if err == nil && isSame(path, target) {
			return true
		}
		up := filepath.Dir(path)
		if up == path {
			return false
		}
		path = up
	}
}

func isSame(path string, target fs.FileInfo) bool {
	info, err := os.Stat(path)
	return err == nil && os.SameFile(info, target)
}
