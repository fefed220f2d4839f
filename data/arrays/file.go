package arrays

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/flowrun/flowrun/data/table"
)

// Bytes are the bytes of an open file, which can't change unnoticed.
type Bytes interface {
	io.ReaderAt
	io.Closer
	Size() int64
	SHA256() string // of the content
}

// File is an open file.
type File struct {
	Bytes
	Path string
}

// openFile opens a file, and reads all of it once.
func openFile(ctx context.Context, in *table.Input, path string) (*File, error) {
	f, err := in.Files.Open(path)
	if err != nil {
		return nil, err
	}
	b, err := newPages(ctx, f, path)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &File{b, path}, nil
}

// read fills dst from a position in an array's data.
func (f *File) read(data io.ReaderAt, dst []byte, at int64) error {
	n, err := data.ReadAt(dst, at)
	if n == len(dst) {
		return nil
	}
	return f.failed(err)
}

// failed says of an error that it was in this file, unless it does so itself. An end that
// comes too early is one that wasn't there when the file was opened.
func (f *File) failed(err error) error {
	switch {
	case err == nil || strings.HasPrefix(err.Error(), f.Path+": "):
		return err
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("it ends early")
	}
	return fmt.Errorf("%s: %w", f.Path, err)
}
