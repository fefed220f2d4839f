// Package npy reads NumPy's files: npy, an array in a file, and npz, a zip archive of such
// files. A header is parsed, never evaluated, and nothing is unpickled.
package npy

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/flowrun/flowrun/data/arrays"
	"github.com/flowrun/flowrun/data/table"
)

// Kind is an npy file for each field, or for the only one.
var Kind = table.Kind{
	Name:     "npy",
	Doc:      "NumPy's npy files: row i of the array is example i",
	PerField: true,
	Complete: arrays.Complete,
	Check:    func(d *table.Decl) []table.Problem { return append(arrays.OneArray(d), arrays.Check(d)...) },
	Open: func(ctx context.Context, in *table.Input) (table.Table, error) {
		return arrays.Open(ctx, in, format("npy", parse))
	},
}

func format(kind string, parse func(context.Context, *arrays.File) (arrays.Content, error)) arrays.Format {
	return arrays.Format{Kind: kind, Noun: "array", Row: "example", Rows: "examples", Values: "examples", Parse: parse}
}

// single is the array of an npy file.
type single arrays.Array

// Array gives it, whatever the field.
func (s *single) Array(*table.Field) (*arrays.Array, error) { return (*arrays.Array)(s), nil }

// Verify does nothing: an npy file has no checksum.
func (s *single) Verify() error { return nil }

func parse(_ context.Context, f *arrays.File) (arrays.Content, error) {
	var start [64]byte
	n, err := f.ReadAt(start[:], 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if n >= len(magic) && !strings.HasPrefix(string(start[:n]), magic) {
		return nil, fmt.Errorf("%s: %w", f.Path, notNPY(start[:n]))
	}
	h, err := readHeader(io.NewSectionReader(f, 0, f.Size()))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	if err := h.check(f.Size()); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	a := h.array("")
	a.Data = io.NewSectionReader(f, h.size, int64(h.bytes()))
	return (*single)(a), nil
}

// array describes an array without its elements.
func (h *header) array(name string) *arrays.Array {
	return &arrays.Array{Name: name, Elem: h.elem, Shape: h.shape, Columns: h.turn}
}

// check compares the header with the size of the file.
func (h *header) check(size int64) error {
	have, need := size-h.size, int64(h.bytes())
	what := fmt.Sprintf("%s%s has %d bytes of elements, but %d follow the header", h.elem, h.shape, need, have)
	switch {
	case have < need:
		return fmt.Errorf("truncated: %s", what)
	case have > need:
		return fmt.Errorf("%s; %d are too many", what, have-need)
	}
	return nil
}
