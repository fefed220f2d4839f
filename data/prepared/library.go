package prepared

import (
	"context"
	"errors"
	"os"
	"sync"

	"github.com/flowrun/flowrun/data/table"
)

// Library opens any number of files as snapshots, more than a process may have open: those
// that haven't been opened for longest are closed, and opened again when they are read. A
// file that has been replaced meanwhile is an error, as one that was overwritten is.
type Library struct {
	files table.Files
	most  int

	mutex sync.Mutex // taken before a book's
	open  []*book    // in the order of opening
}

// mostOpen is how many files a library has open. Some systems let a process have 256.
const mostOpen = 64

// NewLibrary is a library of files that a spec may read.
func NewLibrary(files table.Files) *Library { return &Library{files: files, most: mostOpen} }

// Open opens a file. See NewSnapshot.
func (l *Library) Open(ctx context.Context, path string) (*Snapshot, error) {
	b := &book{library: l, path: path}
	if err := l.reopen(b); err != nil {
		return nil, err
	}
	b.mutex.RLock()
	info, err := os.FileInfo(nil), os.ErrClosed
	if b.file != nil {
		info, err = b.file.Stat()
	}
	b.mutex.RUnlock()
	var s *Snapshot
	if err == nil {
		s, err = take(ctx, b, info.Size(), path)
	}
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return s, nil
}

// reopen opens a book's file, and closes another's if need be.
func (l *Library) reopen(b *book) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.file != nil {
		return nil
	}
	if b.closed {
		return os.ErrClosed
	}
	if len(l.open) == l.most {
		oldest := l.open[0]
		l.open = l.open[1:]
		oldest.mutex.Lock()
		err := oldest.file.Close()
		oldest.file = nil
		oldest.mutex.Unlock()
		if err != nil {
			return err
		}
	}
	f, err := l.files.Open(b.path)
	if err != nil {
		return err
	}
	b.file = f
	l.open = append(l.open, b)
	return nil
}

// book is a file of a library.
type book struct {
	library *Library
	path    string
	mutex   sync.RWMutex
	file    *os.File // nil while it is closed
	closed  bool     // for good
}

// ReadAt implements io.ReaderAt.
func (b *book) ReadAt(p []byte, at int64) (int, error) {
	for {
		if n, open, err := b.tryReadAt(p, at); open {
			return n, err
		}
		if err := b.library.reopen(b); err != nil {
			return 0, err
		}
	}
}

// tryReadAt is ReadAt if the file is open.
func (b *book) tryReadAt(p []byte, at int64) (n int, open bool, err error) {
	b.mutex.RLock()
	defer b.mutex.RUnlock()
	if b.file == nil {
		return 0, false, nil
	}
	n, err = b.file.ReadAt(p, at)
	return n, true, err
}

// Close closes the file for good.
func (b *book) Close() error {
	l := b.library
	l.mutex.Lock()
	defer l.mutex.Unlock()
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.closed = true
	if b.file == nil {
		return nil
	}
	for i, other := range l.open {
		if other == b {
			l.open = append(l.open[:i:i], l.open[i+1:]...)
			break
		}
	}
	f := b.file
	b.file = nil
	return f.Close()
}
