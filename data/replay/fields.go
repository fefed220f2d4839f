package replay

import (
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

// Field is a field of a replay: one batch of it has this type.
type Field struct {
	Name   string
	Tensor string // its name in the file
	Type   ir.Type
}

// Fields are the fields of a declaration.
func Fields(d *table.Decl) []Field {
	var fields []Field
	for _, f := range d.Fields {
		fields = append(fields, Field{Name: f.Name, Tensor: f.Options.Text("tensor"), Type: f.Type})
	}
	return fields
}
