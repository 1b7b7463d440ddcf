package postgres_test

import (
	"os"
	"testing"

	"meridian/test/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
