package app

import (
	"context"
	"io"
	"os"
	"time"

	"meridian/adapter/yaml"
	"meridian/app/testpay"
	"meridian/platform/telemetry"
	"meridian/world"
)

// TestpayFile is what the payment provider for trying out is told: `meridian
// testpay --config`. It is no machine of the world.
type TestpayFile struct {
	Log Log `yaml:"log"`

	testpay.Config `yaml:",inline"`
}

// NewTestpayFile is a file with its defaults. It lacks addresses and accounts.
func NewTestpayFile() *TestpayFile {
	return &TestpayFile{Log: Log{Format: "text", Level: "info"}, Config: testpay.Default()}
}

// ReadTestpayFile reads a config file over f; unknown fields are refused by line.
func ReadTestpayFile(path string, f *TestpayFile) error {
	fd, err := os.Open(path)
	if err != nil {
		return world.Because(world.CodeInvalid, "config.read", "The config file cannot be read: "+path, err)
	}
	defer fd.Close()
	return yaml.Decode(path, fd, f)
}

// Testpay runs the provider until ctx ends. said is told, once, where it listens.
func Testpay(ctx context.Context, f *TestpayFile, logs io.Writer, said func(string)) error {
	level, err := f.Log.Slog()
	if err != nil {
		return err
	}
	log := telemetry.NewRoot(logs, f.Log.Format, level).Log.With("part", "testpay")
	return testpay.Run(ctx, f.Config, time.Now, log, said)
}
