package prepared

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/flowrun/flowrun/internal/cache"
	"github.com/flowrun/flowrun/internal/files"
)

// backing is where a table is while it is made and read.
type backing interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
}

// store writes a table one after the other into the first place that takes it: a file in
// the cache's folder, a temporary file without a name, or memory.
type store struct {
	folder cache.Folder
	limit  int64 // bytes that memory may take
	fault  files.Fault
	tell   func(string)

	at      backing
	kept    string // the file's path while it is in the cache's folder; "" elsewhere
	failed  []error
	written int64
}

func newStore(c *Cache, tell func(string)) (*store, error) {
	s := &store{folder: c.folder, limit: c.memory, fault: c.fault, tell: tell}
	f, err := s.create("cache", c.folder.Create)
	if err != nil {
		return s, s.elsewhere(err)
	}
	s.at, s.kept = disk{f, c.fault, ""}, f.Name()
	return s, nil
}

// told says why a table isn't kept.
func (s *store) told(because error) {
	if s.tell != nil {
		s.tell(fmt.Sprintf("the prepared data can't be kept on disk and is prepared again at each start: %v", because))
	}
}

// create creates a file unless a test makes it fail.
func (s *store) create(what string, create func() (*os.File, error)) (*os.File, error) {
	if s.fault != nil {
		if err := s.fault(files.OpCreate, what); err != nil {
			return nil, err
		}
	}
	return create()
}

// Write implements io.Writer. Where the disk is full, everything moves elsewhere.
func (s *store) Write(p []byte) (int, error) {
	for {
		_, err := s.at.WriteAt(p, s.written)
		if err == nil {
			s.written += int64(len(p))
			return len(p), nil
		}
		if err := s.elsewhere(err); err != nil {
			return 0, err
		}
	}
}

// elsewhere moves what has been written to the next place, because the current one failed.
func (s *store) elsewhere(because error) error {
	s.failed = append(s.failed, because)
	if len(s.failed) == 1 {
		s.told(because)
		f, err := s.create("temporary", func() (*os.File, error) { return os.CreateTemp("", "flowrun-data-") })
		if err == nil {
			next := disk{f, s.fault, ""}
			if os.Remove(f.Name()) != nil { // Windows doesn't remove open files
				next.path = f.Name()
			}
			if err = s.move(next); err == nil {
				return nil
			}
		}
		s.failed = append(s.failed, err)
	}
	if len(s.failed) == 2 {
		err := s.move(&memory{limit: s.limit})
		if err == nil {
			return nil
		}
		s.failed = append(s.failed, err)
	}
	return fmt.Errorf("there is no room for the prepared data: %w; free some of the disk, or set FLOWRUN_CACHE to a folder on another one", errors.Join(s.failed...))
}

// move copies what has been written.
func (s *store) move(to backing) error {
	if s.at != nil {
		if _, err := io.Copy(io.NewOffsetWriter(to, 0), io.NewSectionReader(s.at, 0, s.written)); err != nil {
			return errors.Join(err, to.Close())
		}
		s.discard()
	}
	s.at = to
	return nil
}

// discard closes and removes what has been written.
func (s *store) discard() {
	_ = s.at.Close() // nobody reads it again
	if s.kept != "" {
		_ = os.Remove(s.kept) // on failure it is removed as abandoned
		s.kept = ""
	}
}

// disk is a file; closing it removes it if it has a path.
type disk struct {
	*os.File
	fault files.Fault
	path  string
}

func (d disk) WriteAt(p []byte, at int64) (int, error) {
	if d.fault != nil {
		if err := d.fault(files.OpWrite, d.Name()); err != nil {
			return 0, err
		}
	}
	return d.File.WriteAt(p, at)
}

func (d disk) Close() error {
	err := d.File.Close()
	if d.path != "" {
		err = errors.Join(err, os.Remove(d.path))
	}
	return err
}

// memory is a file in memory.
type memory struct {
	limit  int64
	blocks [][]byte
}

const blockSize = 1 << 20

func (m *memory) WriteAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > m.limit {
		return 0, fmt.Errorf("more than %d MiB would be kept in memory", m.limit>>20)
	}
	done := 0
	for done < len(p) {
		b := int(at / blockSize)
		for b >= len(m.blocks) {
			m.blocks = append(m.blocks, make([]byte, blockSize))
		}
		n := copy(m.blocks[b][at%blockSize:], p[done:])
		done, at = done+n, at+int64(n)
	}
	return done, nil
}

func (m *memory) ReadAt(p []byte, at int64) (int, error) {
	done := 0
	for done < len(p) {
		b := int(at / blockSize)
		if b >= len(m.blocks) {
			return done, io.EOF
		}
		n := copy(p[done:], m.blocks[b][at%blockSize:])
		done, at = done+n, at+int64(n)
	}
	return done, nil
}

func (m *memory) Close() error { return nil }
