//go:build !linux

package segment

// mapped is nothing where the system cannot be lent pages.
func (*segment) mapped() []byte { return nil }

func (*segment) unmap() {}
