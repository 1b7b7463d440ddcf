package pgcluster

import (
	"io"
	"os"
	"strings"
	"time"
)

const (
	logCheckEvery = 10 * time.Second
	maxQuotedLog  = 2 << 10 // bytes of a server's log that an error quotes
)

// logFile is the file that a server writes its standard error to, from before
// its first setting is read until after we are gone.
type logFile struct {
	f     *os.File
	limit int64
	from  int64 // where the present server's output began
}

func openLog(path string, limit int64) (*logFile, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	l := &logFile{f: f, limit: limit}
	if err := l.bound(); err != nil {
		f.Close()
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	l.from = info.Size()
	return l, nil
}

// bound moves the content to path.1 once it is over the limit. The server keeps
// its descriptor, so the content is copied and cut; what it writes in between is lost.
func (l *logFile) bound() error {
	info, err := l.f.Stat()
	if err != nil || info.Size() <= l.limit {
		return err
	}
	old, err := os.OpenFile(l.f.Name()+".1", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer old.Close()
	skip := max(0, info.Size()-l.limit) // a burst is cut from its beginning, so .1 is bounded too
	if _, err := io.Copy(old, io.NewSectionReader(l.f, skip, l.limit)); err != nil {
		return err
	}
	l.from = 0
	return l.f.Truncate(0)
}

// sinceStart is the end of what the present server has written, at most maxQuotedLog bytes.
func (l *logFile) sinceStart() string {
	info, err := l.f.Stat()
	if err != nil {
		return ""
	}
	begin := max(l.from, info.Size()-maxQuotedLog)
	text, err := io.ReadAll(io.NewSectionReader(l.f, begin, maxQuotedLog))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func lastBytes(text string, n int) string {
	text = strings.TrimSpace(text)
	return text[max(0, len(text)-n):]
}
