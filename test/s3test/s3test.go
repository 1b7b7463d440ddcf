// Package s3test gives tests a real S3-speaking server: one a test binary, in a
// process of its own, that checks signatures and bucket policies, behind a front
// at which a test can make it fail.
package s3test

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Account is somebody that the server knows. A policy names it by its access
// key, in place of an ARN.
type Account struct{ Access, Secret string }

// Region is the server's.
const Region = "us-east-1"

var server struct {
	once sync.Once
	err  error
	gate *gate
	end  func() error
	all  accounts
}

var buckets atomic.Int64

// Main runs a package's tests and stops the server after them, or is the server.
// Call it from TestMain: os.Exit(s3test.Main(m)).
func Main(m *testing.M) int {
	if dir := os.Getenv(childDir); dir != "" {
		if err := serve(dir); err != nil {
			fmt.Fprintln(os.Stderr, "s3test:", err)
			return 1
		}
		return 0
	}
	code := m.Run()
	if server.end != nil {
		if err := server.end(); err != nil {
			fmt.Fprintln(os.Stderr, "s3test: stop:", err)
			code = 1
		}
	}
	return code
}

// Bucket is a fresh, empty bucket and two accounts that are not its owner: what
// they may do is what its policy says, so nothing at first.
type Bucket struct {
	Name     string
	Endpoint string // http://127.0.0.1:…
	Mine     Account
	Strange  Account    // known to the server; no policy of this package names it
	Owner    *s3.Client // may do everything
	*gate
}

// New makes a bucket.
func New(t testing.TB) *Bucket {
	t.Helper()
	server.once.Do(func() { server.err = start() })
	if server.err != nil {
		t.Fatal("s3test: ", server.err)
	}
	b := &Bucket{
		Name: fmt.Sprintf("bucket-%d", buckets.Add(1)), Endpoint: server.gate.url,
		Mine: server.all.Mine, Strange: server.all.Strange, gate: server.gate,
	}
	b.Owner = b.client(server.all.Owner)
	if _, err := b.Owner.CreateBucket(context.Background(), &s3.CreateBucketInput{Bucket: &b.Name}); err != nil {
		t.Fatal("s3test: ", err)
	}
	return b
}

// Atomic says whether an object and what is known of it are replaced at once, as
// S3 does. Here they are not where the file system takes no extended attributes.
func Atomic() bool { return attributesTaken(os.TempDir()) }

func (b *Bucket) client(a Account) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &b.Endpoint, Region: Region, UsePathStyle: true,
		Credentials: aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider(a.Access, a.Secret, "")),
	})
}

// Policy sets the bucket's policy.
func (b *Bucket) Policy(t testing.TB, policy string) {
	t.Helper()
	_, err := b.Owner.PutBucketPolicy(context.Background(), &s3.PutBucketPolicyInput{Bucket: &b.Name, Policy: &policy})
	if err != nil {
		t.Fatal("s3test: ", err)
	}
}

// start starts this test binary once more, as the server. Were this one killed,
// the other would end with its standard input.
func start() error {
	dir, err := os.MkdirTemp("", "s3test") // a socket's path must be short
	if err != nil {
		return err
	}
	server.all = accounts{Owner: newAccount(), Mine: newAccount(), Strange: newAccount()}
	known, err := json.Marshal(server.all)
	if err != nil {
		return err
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	stop := func() error {
		err := cmd.Process.Kill() // it has nothing to put in order: its folder goes too
		_ = cmd.Wait()            // it was killed: the error says so
		return errors.Join(err, os.RemoveAll(dir))
	}
	if _, err := fmt.Fprintf(in, "%s\n", known); err != nil {
		return errors.Join(err, stop())
	}
	ready := false
	lines := bufio.NewScanner(out)
	for !ready && lines.Scan() {
		ready = strings.HasPrefix(lines.Text(), ready1)
	}
	if !ready {
		return errors.Join(errors.New("the server ended before it was ready"), stop())
	}
	go io.Copy(io.Discard, out)
	socket := filepath.Join(dir, socketName)
	server.gate, err = newGate(func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	})
	if err != nil {
		return errors.Join(err, stop())
	}
	server.end = func() error { return errors.Join(server.gate.close(), stop()) }
	return nil
}

func newAccount() Account { return Account{Access: "AK" + rand.Text(), Secret: rand.Text()} }
