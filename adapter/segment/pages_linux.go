package segment

import "golang.org/x/sys/unix"

// mapped is the whole file as pages that the system can be lent (mmap(2)); nil
// where it has none. The file may still grow into them.
func (s *segment) mapped() []byte {
	s.mapping.Do(func() {
		pages, err := unix.Mmap(int(s.file.Fd()), 0, int(s.room), unix.PROT_READ, unix.MAP_SHARED)
		if err == nil {
			s.pages = pages
		}
	})
	return s.pages
}

func (s *segment) unmap() {
	if s.pages != nil {
		_ = unix.Munmap(s.pages) // it was mapped whole
	}
}
