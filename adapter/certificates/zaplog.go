package certificates

import (
	"context"
	"log/slog"

	"go.uber.org/zap/zapcore"
)

// bridge writes certmagic's log lines to ours.
type bridge struct{ to slog.Handler }

// Enabled reports whether a level is wanted.
func (b *bridge) Enabled(l zapcore.Level) bool {
	return b.to.Enabled(context.Background(), levelOf(l))
}

// With adds fields to every line that follows.
func (b *bridge) With(fields []zapcore.Field) zapcore.Core {
	return &bridge{b.to.WithAttrs(attrs(fields))}
}

// Check offers a line to be written.
func (b *bridge) Check(e zapcore.Entry, c *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if b.Enabled(e.Level) {
		return c.AddCore(e, b)
	}
	return c
}

// Write writes a line.
func (b *bridge) Write(e zapcore.Entry, fields []zapcore.Field) error {
	r := slog.NewRecord(e.Time, levelOf(e.Level), "acme: "+e.Message, 0)
	r.AddAttrs(attrs(fields)...)
	return b.to.Handle(context.Background(), r)
}

// Sync does nothing: no line is held back.
func (b *bridge) Sync() error { return nil }

// levelOf lets a library end the process by no level of its own.
func levelOf(l zapcore.Level) slog.Level {
	switch {
	case l >= zapcore.ErrorLevel:
		return slog.LevelError
	case l == zapcore.WarnLevel:
		return slog.LevelWarn
	case l == zapcore.InfoLevel:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

func attrs(fields []zapcore.Field) []slog.Attr {
	m := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		f.AddTo(m)
	}
	out := make([]slog.Attr, 0, len(fields))
	for _, f := range fields {
		if v, ok := m.Fields[f.Key]; ok {
			out = append(out, slog.Any(f.Key, v))
		}
	}
	return out
}
