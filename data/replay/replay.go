// Package replay reads batches recorded in a safetensors file.
package replay

import (
	"context"

	"github.com/flowrun/flowrun/data/arrays"
	"github.com/flowrun/flowrun/data/rows"
	"github.com/flowrun/flowrun/data/table"
)

// Kind is a safetensors file of recorded batches.
var Kind = table.Kind{
	Name:        "replay",
	Doc:         "a safetensors file: row i of each tensor is the batch of step i",
	Batches:     true,
	Safetensors: true,
	FieldKeys: []table.Key{{
		Name: "tensor", Form: table.FormText, Required: true, Doc: "the tensor's name in the file",
	}},
	Check: arrays.Check,
	Open: func(ctx context.Context, in *table.Input) (table.Table, error) {
		return arrays.Open(ctx, in, arrays.Format{
			Kind: "replay", Noun: "tensor", Row: "step", Rows: "steps", Values: "batches",
			Exact: true, NotEmpty: true, Parse: rows.Parse,
		})
	},
}
