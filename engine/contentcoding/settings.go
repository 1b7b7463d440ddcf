package contentcoding

import (
	"errors"
	"fmt"
	"time"
)

// Settings are what a tier that codes is told.
type Settings struct {
	Encodings   int           `yaml:"encodings" doc:"most encodings at work at once; a response beyond goes uncoded. One takes up to 2 MB; 0: nothing is coded"`
	BrotliLevel int           `yaml:"brotli_level" doc:"0 (fast) to 11 (small)"`
	ZstdLevel   int           `yaml:"zstd_level" doc:"1 (fast) to 4 (small)"`
	GzipLevel   int           `yaml:"gzip_level" doc:"1 (fast) to 9 (small)"`
	CodeFrom    int64         `yaml:"code_from" doc:"least content that is coded, in bytes, where its length is declared"`
	FlushAfter  time.Duration `yaml:"code_flush_after" doc:"how long coded text waits for more of it before it is sent on"`
}

// DefaultSettings code text once, at levels that cost a few milliseconds a page.
func DefaultSettings() Settings {
	return Settings{
		Encodings: 16, BrotliLevel: 5, ZstdLevel: 3, GzipLevel: 6, CodeFrom: DefaultMinBytes, FlushAfter: DefaultFlushAfter,
	}
}

// MaxEncodings bounds the memory that [Settings.Encodings] may ask for.
const MaxEncodings = 1024

// Validate says what is out of range.
func (s Settings) Validate() error {
	for _, level := range []struct {
		name           string
		is, from, upTo int
	}{
		{"encodings", s.Encodings, 0, MaxEncodings}, {"brotli_level", s.BrotliLevel, 0, 11},
		{"zstd_level", s.ZstdLevel, 1, 4}, {"gzip_level", s.GzipLevel, 1, 9},
	} {
		if level.is < level.from || level.is > level.upTo {
			return fmt.Errorf("%s must be between %d and %d", level.name, level.from, level.upTo)
		}
	}
	if s.CodeFrom < 1 || s.FlushAfter <= 0 {
		return errors.New("code_from and code_flush_after must be above 0")
	}
	return nil
}
