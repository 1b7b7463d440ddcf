package s3test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"
)

const (
	childDir   = "MERIDIAN_TEST_S3_CHILD" // in the environment: the folder to serve from
	socketName = "s3"
	ready1     = "s3test ready"
)

var errFixed = errors.New("the accounts are the ones that were handed over")

// accounts are handed to the child on its standard input, so that they stand in
// no list of processes.
type accounts struct{ Owner, Mine, Strange Account }

// serve is the server's process: it ends when its standard input does.
func serve(dir string) error {
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	var known accounts
	if err := json.Unmarshal(line, &known); err != nil {
		return err
	}
	data, side := filepath.Join(dir, "data"), filepath.Join(dir, "side")
	for _, folder := range []string{data, side} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			return err
		}
	}
	files, err := open(data, side)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	return embedgw.RunVersityGW(ctx, files, &embedgw.Config{
		RootUserAccess: known.Owner.Access, RootUserSecret: known.Owner.Secret, Region: Region,
		Ports: []string{filepath.Join(dir, socketName)}, MaxConnections: 512, MaxRequests: 512, MultipartMaxParts: 10_000,
		Quiet: true, KeepAlive: true, DisableACLs: true, IAMService: known,
		S3Options: []s3api.Option{s3api.WithOnListen(func() { fmt.Println(ready1) })},
	})
}

// open serves a folder. What is known of an object is kept with its file, so
// that both are replaced at once; beside it on a file system that takes no
// extended attributes.
func open(data, side string) (*posix.Posix, error) {
	if attributesTaken(data) {
		return posix.New(data, meta.XattrMeta{}, posix.PosixOpts{})
	}
	attributes, err := meta.NewSideCar(side)
	if err != nil {
		return nil, err
	}
	return posix.New(data, attributes, posix.PosixOpts{SideCarDir: side})
}

func attributesTaken(dir string) bool { return (meta.XattrMeta{}).Test(dir) == nil }

func (a accounts) find(access string) (auth.Account, error) {
	for _, known := range []Account{a.Owner, a.Mine, a.Strange} {
		if known.Access == access {
			return auth.Account{Access: known.Access, Secret: known.Secret, Role: auth.RoleUser}, nil
		}
	}
	return auth.Account{}, auth.ErrNoSuchUser
}

// GetUserAccount is the account of an access key.
func (a accounts) GetUserAccount(access string) (auth.Account, error) { return a.find(access) }

// ResolveAccounts is those of the access keys that nobody has.
func (a accounts) ResolveAccounts(keys []string) ([]string, error) {
	var unknown []string
	for _, k := range keys {
		if _, err := a.find(k); err != nil {
			unknown = append(unknown, k)
		}
	}
	return unknown, nil
}

// ListUserAccounts is all of them.
func (a accounts) ListUserAccounts() ([]auth.Account, error) {
	mine, err := a.find(a.Mine.Access)
	if err != nil {
		return nil, err
	}
	strange, err := a.find(a.Strange.Access)
	return []auth.Account{mine, strange}, err
}

// CreateAccount is not done.
func (a accounts) CreateAccount(auth.Account) error { return errFixed }

// UpdateUserAccount is not done.
func (a accounts) UpdateUserAccount(string, auth.MutableProps) error { return errFixed }

// DeleteUserAccount is not done.
func (a accounts) DeleteUserAccount(string) error { return errFixed }

// Shutdown has nothing to do.
func (a accounts) Shutdown() error { return nil }
