package prepared

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
)

// Snapshot is a file as it was when it was opened: reading it gives those bytes or an
// error. Its methods may be called from several goroutines.
type Snapshot struct {
	pages
	file io.Closer
	path string
	hash string
}

// Open opens a file that a spec may read, for kinds of files that read rows from it, as
// docs/add-a-data-source.md does. See NewSnapshot.
func Open(ctx context.Context, files table.Files, path string) (*Snapshot, error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	s, err := NewSnapshot(ctx, f, path)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

// NewSnapshot reads a file once, in constant memory, and owns it then. Messages call it
// path. A file that grows later keeps its size of now.
func NewSnapshot(ctx context.Context, f *os.File, path string) (*Snapshot, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return take(ctx, f, info.Size(), path)
}

// file is what a snapshot needs of a file.
type file interface {
	io.ReaderAt
	io.Closer
}

// take reads a file of a size once.
func take(ctx context.Context, f file, size int64, path string) (*Snapshot, error) {
	s := &Snapshot{file: f, path: path}
	s.pages = pages{file: f, size: size, differ: s.differs, sums: make(sums, (size+pageSize-1)/pageSize)}
	count := (size + pieceSize - 1) / pieceSize
	hashes := make([][sha256.Size]byte, count)
	var next atomic.Int64
	failed := make([]error, min(int64(cores()), max(count, 1)))
	work := func(worker int) {
		buffer := make([]byte, min(pieceSize, size))
		for failed[worker] == nil {
			i := next.Add(1) - 1
			if i >= count {
				return
			}
			if failed[worker] = s.takePiece(ctx, f, i*pieceSize, buffer, &hashes[i]); failed[worker] != nil {
				next.Store(count) // what the others are at is the last
			}
		}
	}
	var others sync.WaitGroup
	for worker := range len(failed) - 1 {
		others.Go(func() { work(worker + 1) })
	}
	work(0)
	others.Wait()
	for _, err := range failed {
		if err != nil {
			return nil, err
		}
	}
	all := newPieces(size)
	for i := range hashes {
		all.add(&hashes[i])
	}
	s.hash = all.text()
	return s, nil
}

// takePiece reads a piece once, and keeps its checksums and its hash.
func (s *Snapshot) takePiece(ctx context.Context, f io.ReaderAt, at int64, buffer []byte, hash *[sha256.Size]byte) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	piece := buffer[:min(int64(len(buffer)), s.size-at)]
	n, err := f.ReadAt(piece, at)
	if n < len(piece) {
		if err == nil || errors.Is(err, io.EOF) {
			err = errors.New("it has become shorter")
		}
		return s.differs(at+int64(n), err)
	}
	*hash = sha256.Sum256(piece)
	first := at / pageSize
	s.sums[first:first].add(piece) // in place: there is room for all
	return nil
}

// differs is the error for a page that isn't what it was.
func (s *Snapshot) differs(at int64, because error) error {
	return fmt.Errorf("%s: it was changed while it was being read, at byte %d: %w; run again with the file as it is now, and don't write to files in use",
		diag.CutPath(s.path), at, because)
}

// Path is what messages call the file.
func (s *Snapshot) Path() string { return s.path }

// Size is the file's size in bytes.
func (s *Snapshot) Size() int64 { return s.size }

// Hash is the content hash of the file, in hexadecimal digits. See [ContentHash].
func (s *Snapshot) Hash() string { return s.hash }

// Verify reads the whole file again and compares it.
func (s *Snapshot) Verify() error {
	return s.readAll(func([]byte) error { return nil })
}

// Close closes the file.
func (s *Snapshot) Close() error { return s.file.Close() }
