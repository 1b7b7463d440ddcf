//go:build !linux

package front

// fileSender is nothing where the kernel does not send files for us.
type fileSender struct{}

// writeFile sends an answer whose content is in a file.
func (c *conn1) writeFile(head []byte, a *Answer) (int64, error) {
	return c.writeJoined(head, a, a.Length)
}
