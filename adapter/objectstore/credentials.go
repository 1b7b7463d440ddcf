package objectstore

import (
	"context"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"meridian/world"
)

func checkCredentials(from string) error {
	kind, rest, _ := strings.Cut(from, ":")
	if from == "" || (kind == "file" || kind == "env") && rest != "" {
		return nil
	}
	return refuse("credentials", "write file:/path, file:/path#profile or env:PREFIX; nothing takes AWS's own order") // never what was written: it may be a secret
}

// loadOptions are how the SDK finds the credentials that a location names.
func loadOptions(from string) ([]func(*config.LoadOptions) error, error) {
	kind, rest, _ := strings.Cut(from, ":")
	switch kind {
	case "file":
		path, profile, _ := strings.Cut(rest, "#")
		if profile == "" {
			profile = "default"
		}
		if _, err := os.Stat(path); err != nil {
			return nil, world.Because(world.CodeInvalid, "objectstore.credentials", "credentials: the file cannot be read: "+path, err)
		}
		// The profile is named, so it goes before whatever AWS_… variables say.
		files := []string{path}
		return []func(*config.LoadOptions) error{
			config.WithSharedCredentialsFiles(files), config.WithSharedConfigFiles(files), config.WithSharedConfigProfile(profile),
		}, nil
	case "env":
		id, secret := os.Getenv(rest+"_ACCESS_KEY_ID"), os.Getenv(rest+"_SECRET_ACCESS_KEY")
		if id == "" || secret == "" {
			return nil, refuse("credentials", "the environment lacks "+rest+"_ACCESS_KEY_ID or "+rest+"_SECRET_ACCESS_KEY")
		}
		return []func(*config.LoadOptions) error{
			config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(id, secret, os.Getenv(rest+"_SESSION_TOKEN"))),
		}, nil
	}
	return nil, nil
}

// loadAWS finds the credentials and sees that there are some.
func loadAWS(ctx context.Context, from string, more ...func(*config.LoadOptions) error) (aws.Config, error) {
	const op = "objectstore.credentials"
	options, err := loadOptions(from)
	if err != nil {
		return aws.Config{}, err
	}
	cfg, err := config.LoadDefaultConfig(ctx, append(more, options...)...)
	if err != nil {
		// Without the cause: a file's fault may quote the line with the secret.
		return aws.Config{}, world.E(world.CodeInvalid, op, "credentials: what is there cannot be read, or has no such profile; see "+orOwn(from))
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		if ctx.Err() != nil {
			return aws.Config{}, fault(op, ctx.Err())
		}
		return aws.Config{}, world.Because(world.CodeInvalid, op, "credentials: there are none; see "+orOwn(from), err)
	}
	return cfg, nil
}

func orOwn(from string) string {
	if from == "" {
		return "AWS's own order: the AWS_… variables, the shared files, the machine's role."
	}
	return from + "."
}
