package flowrun

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/flowrun/flowrun/data"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// sourceFor finds the declaration that says how to read a file.
func (p *Program) sourceFor(f FileInference) (string, *table.Decl, error) {
	name := f.Data
	if name == "" {
		name = p.spec.TrainData
	}
	if name == "" && len(p.spec.DataSources) == 1 {
		name = p.spec.DataSources[0].Name
	}
	decl, _ := p.spec.Source(name)
	var names []string
	for _, d := range p.spec.DataSources {
		names = append(names, d.Name)
	}
	switch {
	case len(names) == 0:
		return "", nil, fmt.Errorf("%s has no data source that reads files, so nothing says how to read %s: give the model's inputs in a safetensors file", p.spec.File, f.In)
	case name == "":
		return "", nil, fmt.Errorf("which data source says how to read %s? There are %s", f.In, diag.Few(names))
	case decl == nil:
		return "", nil, fmt.Errorf("%s has no data source %s that reads files; it has %s", p.spec.File, diag.Quote(name), diag.Few(names))
	}
	if kind := data.KindOf(decl.Kind); kind != nil && kind.Batches {
		return "", nil, fmt.Errorf("the data source %s is a recording of batches, not of examples: give the model's inputs in a safetensors file", name)
	}
	for _, d := range p.spec.DataSources {
		if slices.Contains(components(d), decl.Name) && p.spec.Transforms(d.Name) {
			return "", nil, fmt.Errorf("the model doesn't see %s as it is but as the transform of %s gives it: name %s instead", decl.Name, d.Name, d.Name)
		}
	}
	return name, decl, nil
}

// components are the data sources that one joins or mixes.
func components(d *table.Decl) []string {
	names := slices.Clone(d.Zip)
	for _, s := range d.Mix {
		names = append(names, s.Source)
	}
	return names
}

// reads is the declaration that says how to read the fields that a graph has as inputs:
// the given one, or one of those that it joins or mixes.
func (p *Program) reads(d *table.Decl, g *ir.Graph) (*table.Decl, error) {
	if d.Kind != "" {
		return d, nil
	}
	var found []*table.Decl
	var fields []string
	for _, name := range components(d) {
		c, _ := p.spec.Source(name)
		if c == nil {
			return nil, fmt.Errorf("there is no data source %s", name)
		}
		used := inputsOf(c, g)
		for _, f := range used {
			fields = append(fields, f.Name+" of "+name)
		}
		if len(used) > 0 {
			found = append(found, c)
		}
	}
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("the outputs need no field of the data source %s", d.Name)
	case len(d.Zip) > 0 && len(found) > 1:
		return nil, fmt.Errorf("the data source %s joins others, and the outputs need %s; only one file can be given", d.Name, diag.Few(fields))
	}
	for _, c := range found[1:] {
		if !readAlike(found[0], c) {
			return nil, fmt.Errorf("the data source %s mixes %s and %s, whose files are read in different ways, so it doesn't say how to read another file",
				d.Name, found[0].Name, c.Name)
		}
	}
	return found[0], nil
}

// readAlike reports whether two declarations read any file in the same way.
func readAlike(a, b *table.Decl) bool {
	if a.Kind != b.Kind || !sameOptions(a.Options, b.Options) || len(a.Fields) != len(b.Fields) {
		return false
	}
	for i := range a.Fields {
		f := b.Field(a.Fields[i].Name)
		if f == nil || !sameOptions(a.Fields[i].Options, f.Options) {
			return false
		}
	}
	return true
}

// sameOptions compares options without where a spec gives them.
func sameOptions(a, b table.Options) bool {
	return maps.EqualFunc(a, b, func(x, y table.Option) bool { return reflect.DeepEqual(x.Value, y.Value) })
}

// inputsOf are the fields of a declaration that a graph has as inputs.
func inputsOf(d *table.Decl, g *ir.Graph) (fields []table.Field) {
	for _, f := range d.Fields {
		if st := g.State(f.Name); st != nil && st.Kind == ir.InputState {
			fields = append(fields, f)
		}
	}
	return fields
}

// replaced is a declaration with another file, all examples of which are provided once,
// and the fields that a graph has as inputs.
func replaced(d *table.Decl, path string, g *ir.Graph) (*table.Decl, error) {
	n := *d
	n.Split, n.Limit, n.Shuffle, n.DropLast, n.Repeat, n.Fields = nil, 0, false, false, 1, inputsOf(d, g)
	for i := range n.Fields {
		if fill := &n.Fields[i].Fill; fill.By == table.FillDrop { // whoever reads the outputs counts on the rows' order
			fill.By = table.FillKeep
		}
	}
	field := ""
	if len(d.Files) > 0 && d.Files[0].Field != "" { // a file for each field
		if len(n.Fields) != 1 {
			return nil, fmt.Errorf("the data source %s has a file for each field, and the outputs need %d of them; only one can be given", d.Name, len(n.Fields))
		}
		field = n.Fields[0].Name
	}
	if len(n.Fields) == 0 {
		return nil, fmt.Errorf("the outputs need no field of the data source %s", d.Name)
	}
	n.Files = []table.File{{Field: field, Name: path, Path: path, At: d.At}}
	return &n, nil
}
