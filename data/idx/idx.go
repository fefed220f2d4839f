// Package idx reads idx files, the format of MNIST and its kin, plain or compressed with
// gzip: four bytes (0, 0, the type of elements, the number of dimensions), the dimensions,
// and the elements, all big-endian.
package idx

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/flowrun/flowrun/data/arrays"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// Kind is an idx file for each field, or for the only one.
var Kind = table.Kind{
	Name:     "idx",
	Doc:      "idx files, as MNIST's, plain or compressed with gzip: row i is example i",
	PerField: true,
	Complete: arrays.Complete,
	Check:    func(d *table.Decl) []table.Problem { return append(arrays.OneArray(d), arrays.Check(d)...) },
	Open: func(ctx context.Context, in *table.Input) (table.Table, error) {
		return arrays.Open(ctx, in, arrays.Format{
			Kind: "idx", Noun: "array", Row: "example", Rows: "examples", Values: "examples", Parse: parse,
		})
	},
}

// elems are the types of elements by their code.
var elems = map[byte]arrays.Elem{
	0x08: {Class: arrays.Uint, Size: 1},
	0x09: {Class: arrays.Int, Size: 1},
	0x0B: {Class: arrays.Int, Size: 2, Big: true},
	0x0C: {Class: arrays.Int, Size: 4, Big: true},
	0x0D: {Class: arrays.Float, Size: 4, Big: true},
	0x0E: {Class: arrays.Float, Size: 8, Big: true},
}

const (
	gzipMagic = "\x1f\x8b"
	// ratio is how many times longer than its compressed bytes a text can be that is
	// compressed with gzip.
	ratio = 1032
)

// content is the array of a file.
type content arrays.Array

// Array gives it, whatever the field.
func (c *content) Array(*table.Field) (*arrays.Array, error) { return (*arrays.Array)(c), nil }

// Verify does nothing: gzip's checksum was compared when the file was decompressed.
func (c *content) Verify() error { return nil }

func parse(_ context.Context, f *arrays.File) (arrays.Content, error) {
	var start [64]byte
	n, err := f.ReadAt(start[:], 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	head := string(start[:n])
	find := plain
	switch {
	case strings.HasPrefix(head, gzipMagic):
		find = compressed
	case n >= 4 && !strings.HasPrefix(head, "\x00\x00"):
		return nil, fmt.Errorf("%s: %w", f.Path, notIDX(head))
	}
	a, err := find(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	return (*content)(a), nil
}

// notIDX says what a file is that isn't an idx file.
func notIDX(head string) error {
	if what := arrays.Recognize(head); what != "" {
		return fmt.Errorf("not an idx file: it is %s", what)
	}
	return fmt.Errorf("not an idx file: it begins with %s instead of two zeros", diag.Quote(head[:4]))
}

// plain finds the array of a file that isn't compressed.
func plain(f *arrays.File) (*arrays.Array, error) {
	a, header, err := readHeader(io.NewSectionReader(f, 0, f.Size()))
	if err != nil {
		return nil, err
	}
	have, need := f.Size()-header, size(a)
	what := fmt.Sprintf("%s%s has %d bytes of elements, but %d follow the header", a.Elem, a.Shape, need, have)
	switch {
	case have < need:
		return nil, fmt.Errorf("truncated: %s", what)
	case have > need:
		return nil, fmt.Errorf("%s; %d are too many", what, have-need)
	}
	a.Data = io.NewSectionReader(f, header, need)
	return a, nil
}

// compressed finds the array of a file that is compressed.
func compressed(f *arrays.File) (*arrays.Array, error) {
	open := func() (*stream, error) {
		r, err := gzip.NewReader(bufio.NewReader(io.NewSectionReader(f, 0, f.Size())))
		if err != nil {
			return nil, damaged(err)
		}
		return &stream{r}, nil
	}
	r, err := open()
	if err != nil {
		return nil, err
	}
	a, header, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	if need := size(a); need/ratio > f.Size() {
		return nil, fmt.Errorf("%s%s has %d bytes of elements, which the file's %d compressed ones can't become", a.Elem, a.Shape, need, f.Size())
	}
	a.Stream = func() (io.ReadCloser, error) {
		r, err := open()
		if err == nil {
			_, err = io.CopyN(io.Discard, r, header)
		}
		if err != nil {
			return nil, err
		}
		return r, nil
	}
	return a, nil
}

// stream explains the errors of a gzip.Reader.
type stream struct{ *gzip.Reader }

func (s *stream) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if err != nil && err != io.EOF {
		err = damaged(err)
	}
	return n, err
}

// damaged explains the errors of compress/gzip and compress/flate.
func damaged(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, gzip.ErrChecksum):
		return errors.New("gzip's checksum or length isn't that of the decompressed bytes: the file is damaged")
	case errors.Is(err, gzip.ErrHeader):
		return errors.New("the file is damaged, or something that isn't gzip's follows the compressed bytes")
	case errors.As(err, &corrupt):
		return fmt.Errorf("the compressed bytes are damaged, at byte %d", int64(corrupt))
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("truncated: the compressed bytes end early, or something follows them")
	}
	return err
}

// size is how many bytes an array has; it saturates.
func size(a *arrays.Array) int64 { return int64(ir.MulSize(a.Shape.Numel(), a.Elem.Size)) }

// readHeader reads a header, and gives its length.
func readHeader(r io.Reader) (*arrays.Array, int64, error) {
	var head [4]byte
	n, err := io.ReadFull(r, head[:])
	switch {
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil, 0, err
	case n < 4:
		return nil, 0, fmt.Errorf("not an idx file: it has %d bytes, fewer than the 4 of its magic", n)
	case head[0] != 0 || head[1] != 0:
		return nil, 0, notIDX(string(head[:n]))
	}
	e, ok := elems[head[2]]
	if !ok {
		return nil, 0, fmt.Errorf("the type of its elements is 0x%02X; it must be 0x08 (u8), 0x09 (i8), 0x0B (i16), 0x0C (i32), 0x0D (f32) or 0x0E (f64)", head[2])
	}
	shape := make(ir.Shape, head[3])
	dims := make([]byte, 4*len(shape))
	if n, err := io.ReadFull(r, dims); err != nil {
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, 0, err
		}
		return nil, 0, fmt.Errorf("truncated: %d dimensions have %d bytes, but only %d follow", len(shape), len(dims), n)
	}
	bytes := e.Size
	for i := range shape {
		shape[i] = int(binary.BigEndian.Uint32(dims[4*i:]))
		bytes = ir.MulSize(bytes, shape[i])
	}
	a := &arrays.Array{Elem: e, Shape: shape}
	if int64(bytes) == int64(^uint(0)>>1) && shape.Numel() > 0 {
		return nil, 0, fmt.Errorf("the shape %s is too large: such an array has more than 2^63 bytes", diag.Cut(shape.String()))
	}
	return a, int64(4 + len(dims)), nil
}
