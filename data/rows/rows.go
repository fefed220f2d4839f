// Package rows reads examples from the rows of safetensors tensors.
package rows

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/flowrun/flowrun/data/arrays"
	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// Kind is a safetensors file whose tensors have an example in each row.
var Kind = table.Kind{
	Name:        "safetensors",
	Doc:         "safetensors files: row i of each tensor is example i",
	PerField:    true,
	Safetensors: true,
	FieldKeys: []table.Key{{
		Name: "tensor", Form: table.FormText, Doc: "the tensor's name in the file; by default the field's",
	}},
	Complete: arrays.Complete,
	Check:    arrays.Check,
	Open: func(ctx context.Context, in *table.Input) (table.Table, error) {
		return arrays.Open(ctx, in, arrays.Format{
			Kind: "safetensors", Noun: "tensor", Row: "example", Rows: "examples", Values: "examples",
			Parse: Parse,
		})
	},
}

// Parse reads the header of a safetensors file.
func Parse(_ context.Context, f *arrays.File) (arrays.Content, error) {
	file, err := safetensors.NewReader(f, f.Size(), f.Path)
	if err != nil {
		return nil, err
	}
	return content{file, f}, nil
}

// content are the tensors of a file.
type content struct {
	*safetensors.File
	bytes *arrays.File
}

// dtypes are the dtypes whose elements are numbers or truth values of whole bytes that
// flowrun has, or converts to what it has.
var dtypes = map[string]arrays.Elem{
	"BOOL": {Class: arrays.Bool, Size: 1},
	"I8":   {Class: arrays.Int, Size: 1}, "I16": {Class: arrays.Int, Size: 2},
	"I32": {Class: arrays.Int, Size: 4}, "I64": {Class: arrays.Int, Size: 8},
	"U8": {Class: arrays.Uint, Size: 1}, "U16": {Class: arrays.Uint, Size: 2},
	"U32": {Class: arrays.Uint, Size: 4}, "U64": {Class: arrays.Uint, Size: 8},
	"F16": {Class: arrays.Float, Size: 2}, "BF16": {Class: arrays.Brain, Size: 2},
	"F32": {Class: arrays.Float, Size: 4}, "F64": {Class: arrays.Float, Size: 8},
}

const supported = "BOOL, U8 to U64, I8 to I64, F16, BF16, F32, F64"

// Array finds the tensor of a field.
func (c content) Array(f *table.Field) (*arrays.Array, error) {
	name := f.Options.Text("tensor")
	if name == "" {
		name = f.Name
	}
	t, err := c.Raw(name)
	if err != nil {
		return nil, err
	}
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%s: tensor %s: %w", c.bytes.Path, diag.Quote(name), fmt.Errorf(format, args...))
	}
	elem, ok := dtypes[t.DType]
	if !ok {
		return nil, wrong("its dtype %s is not supported; supported are %s", diag.Cut(t.DType), supported)
	}
	if need := int64(ir.MulSize(t.Shape.Numel(), elem.Size)); need != t.Size {
		return nil, wrong("%s of shape %s needs %d bytes; the file has %d for it", t.DType, diag.Cut(t.Shape.String()), need, t.Size)
	}
	return &arrays.Array{
		Name: name, Elem: elem, Shape: slices.Clone(t.Shape),
		Data: io.NewSectionReader(c.bytes, t.Offset, t.Size),
	}, nil
}
