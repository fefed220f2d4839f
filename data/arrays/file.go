package arrays

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/flowrun/flowrun/data/prepared"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
)

// File is an open file, whose bytes can't change unnoticed.
type File struct {
	*prepared.Snapshot
	Path string // for messages
}

// openFile opens a file, and reads all of it once.
func openFile(ctx context.Context, library *prepared.Library, path string) (*File, error) {
	s, err := library.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	return &File{s, diag.CutPath(path)}, nil
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

// Until is a writer that takes everything until the context ends.
func Until(ctx context.Context) io.Writer { return until{ctx} }

type until struct{ ctx context.Context }

func (u until) Write(b []byte) (int, error) { return len(b), u.ctx.Err() }

// Recognize says what another file is by its beginning, and what to do; "" if that isn't
// known.
func Recognize(head string) string {
	content, ok := foreign.Recognize([]byte(head))
	switch {
	case !ok:
		return ""
	case content.Help == "" || strings.Contains(content.Help, "safetensors"): // of files of weights
		return content.What
	}
	return content.What + "; " + content.Help
}
