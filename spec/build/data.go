package build

import (
	"fmt"
	"math"
	"slices"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax"
)

// Data sources of files: the types of their fields, which can use vars, and what can be
// said of a declaration once they are known. Package table says what a declaration has.

// declare completes the declarations of a spec's data sources, and lists them.
func (s *shared) declare() []*table.Decl {
	g := newGraph(s, false)
	f := newFrame(s.def.Model, "")
	g.vars(f)
	var decls []*table.Decl
	for _, src := range s.def.DataSources {
		if src.Decl == nil || src.Kind == nil {
			continue
		}
		for _, fd := range src.Fields {
			if t, ok := g.declared(f, &syntax.Input{Name: fd.Name, At: fd.At, Type: fd.Type}).(ir.Type); ok {
				fd.Decl.Type = t
			}
		}
		src.Decl.Fields = declared(src)
		if src.Kind.Complete != nil {
			src.Kind.Complete(src.Decl)
		}
		for i, fd := range src.Fields {
			fd.Decl = src.Decl.Fields[i]
			g.checkField(f, fd)
		}
	}
	for _, src := range s.def.DataSources {
		if src.Decl == nil {
			continue
		}
		src.Decl.Fields = declared(src)
		decls = append(decls, src.Decl)
		if src.Decl.Mix != nil {
			g.sameFields(f, src)
		}
		if src.Kind == nil || src.Kind.Check == nil || src.Open() {
			continue
		}
		for _, p := range src.Kind.Check(src.Decl) {
			at := p.At
			if !at.Known() {
				at = src.At
			}
			g.fail(f, diag.InvalidValue, at, p.Help, "%s", p.Message)
		}
	}
	return decls
}

// declared are a data source's fields as declarations have them.
func declared(src *syntax.DataSource) []table.Field {
	fields := make([]table.Field, len(src.Fields))
	for i, fd := range src.Fields {
		fields[i] = fd.Decl
	}
	return fields
}

// checkField checks what a field says of its values against its type.
func (g *graph) checkField(f *frame, fd *syntax.Field) {
	d := &fd.Decl
	t := d.Type
	if t.DType == ir.Invalid {
		return
	}
	if c := d.Classes; c != nil {
		most := c.Count - 1
		if c.Unknown >= 0 {
			most = max(most, int(c.Unknown))
		}
		switch {
		case !t.DType.IsInt():
			g.fail(f, diag.TypeMismatch, fd.Type.DTypeAt, "use i64", "a field with classes must have an integer dtype, for their ids, not %s", t.DType)
			d.Type = ir.Type{} // what uses it isn't reported too
		case !fitsInt(t.DType, most):
			g.fail(f, diag.InvalidValue, fd.Type.DTypeAt, "use i64", "%s can't hold the ids of %d classes", t.DType, most+1)
			d.Type = ir.Type{}
		}
	}
	if d.Normalize != table.NotNormalized && !t.DType.IsFloat() {
		g.fail(f, diag.TypeMismatch, fd.NormalizeAt(), "use a floating-point type, such as f32", "only floating-point fields can be normalized, not %s", t.DType)
		d.Type = ir.Type{}
	}
	switch by := d.Fill.By; {
	case (by == table.FillMean || by == table.FillMedian) && !t.DType.IsFloat():
		g.fail(f, diag.TypeMismatch, fd.FillAt(), "use a number, or a floating-point type", "a %s is no %s", by, t.DType)
	case by == table.FillValue && d.Classes == nil && !t.DType.IsFloat():
		if v := d.Fill.Value; v != math.Trunc(v) || math.Abs(v) >= 1<<53 || !fitsInt(t.DType, int(v)) {
			g.fail(f, diag.InvalidValue, fd.FillAt(), "", "%v is no %s", v, t.DType)
		}
	case by == table.FillText && d.Classes != nil && d.Classes.Names != nil && d.Classes.Unknown < 0 && !slices.Contains(d.Classes.Names, d.Fill.Text):
		g.fail(f, diag.InvalidValue, fd.FillAt(), g.list.Suggestion(d.Fill.Text, d.Classes.Names), "%s is none of the field's classes", diag.Quote(d.Fill.Text))
	}
}

// fitsInt reports whether an integer dtype has a value.
func fitsInt(d ir.DType, v int) bool {
	switch bits := 8 * d.Size(); {
	case d == ir.Bool:
		return v == 0 || v == 1
	case bits == 8:
		return v >= 0 && v <= math.MaxUint8
	case bits == 32:
		return int(int32(v)) == v
	}
	return true
}

// sameFields compares the types of the fields of all that a mix draws from.
func (g *graph) sameFields(f *frame, src *syntax.DataSource) {
	if src.Open() {
		return
	}
	for part, at := range src.Joined() {
		for _, fd := range part.Fields {
			first := src.FieldNamed(fd.Name)
			if first == nil || first.Decl.Type.DType == ir.Invalid || fd.Decl.Type.DType == ir.Invalid {
				continue
			}
			have, want := describeField(&fd.Decl), describeField(&first.Decl)
			if have == want {
				continue
			}
			g.report(f, diag.Diagnostic{Rule: diag.TypeMismatch, Range: at,
				Message: fmt.Sprintf("all data sources in mix must have the same fields: %s of %s is %s, not %s", fd.Name, part.Name, have, want),
				Notes:   []diag.Note{{Message: "declared here", Range: fd.At}, {Message: "and here", Range: first.At}}})
			return
		}
	}
}

// describeField says what the values of a field are.
func describeField(f *table.Field) string {
	text := f.Type.String()
	if c := f.Classes; c != nil {
		text += fmt.Sprintf(" of %d classes", c.Count)
		if c.Names != nil {
			text += " (" + brief(namesOf(c.Names)) + ")"
		}
	}
	if f.Normalize != table.NotNormalized {
		text += ", normalized by " + string(f.Normalize)
	}
	return text
}

func namesOf(names []string) []any {
	list := make([]any, len(names))
	for i, name := range names {
		list[i] = name
	}
	return list
}

// batchType is the type of a batch of a field; n is the number of examples in it.
func batchType(src *syntax.DataSource, t ir.Type, n int64) ir.Type {
	if src.Kind != nil && src.Kind.Batches {
		return t
	}
	return ir.Type{DType: t.DType, Shape: append(ir.Shape{int(n)}, t.Shape...)}
}

// partName is a data source as SourceOp names it: with the part of it.
func partName(src *syntax.DataSource, part string) string {
	if part == "" {
		return src.Name
	}
	return src.Name + "." + part
}

// file builds the fields of a data source that reads files.
func (t *training) file(src *syntax.DataSource) map[string]any {
	name := partName(src, t.def.Part)
	return t.fields(src, t.batch(src), func(f *frame, fd *syntax.Field, typ ir.Type) (*ir.Node, bool) {
		n, err := t.Call(ir.SourceOp, []any{t.step, name, fd.Name, typ.DType, []int(typ.Shape)})
		if err != nil {
			t.fail(f, diag.InvalidArgument, fd.At, "", "the field %s: %s", fd.Name, err)
		}
		return n, err == nil
	})
}

// batch is how many examples a batch of a data source has.
func (t *training) batch(src *syntax.DataSource) int64 {
	if t.size > 0 {
		return t.size
	}
	return src.Decl.Batch
}

// fields builds the fields of a data source of files, out of batches of n examples, and
// what its transform makes of them.
func (g *graph) fields(src *syntax.DataSource, n int64, read func(f *frame, fd *syntax.Field, t ir.Type) (*ir.Node, bool)) map[string]any {
	f := newFrame(g.def.Model, "")
	g.vars(f)
	fields := map[string]any{}
	for _, fd := range src.Fields {
		fields[fd.Name] = syntax.Bad{}
		if fd.Decl.Type.DType == ir.Invalid || n < 1 && !(src.Kind != nil && src.Kind.Batches) {
			continue // reported
		}
		typ := batchType(src, fd.Decl.Type, n)
		if err := ir.CheckShape(typ.DType, typ.Shape); err != nil {
			g.fail(f, diag.InvalidArgument, fd.At, "", "a batch of the field %s: %s", fd.Name, err)
			continue
		}
		from := len(g.Graph.Nodes)
		g.Origin = fd.At
		v, ok := read(f, fd, typ)
		if !ok {
			continue
		}
		g.own(from, fd.Name, "")
		g.nameNode(v, fd.Name, "")
		fields[fd.Name] = v
	}
	if src.Transform != nil {
		g.transform(src, n, fields)
	}
	return fields
}

// transform computes a data source's transform of the fields of a batch.
func (g *graph) transform(src *syntax.DataSource, n int64, fields map[string]any) {
	f := newFrame(src.Transform, "")
	f.stateless = "a transform"
	g.vars(f)
	if _, taken := f.consts[syntax.BatchSize]; !taken && n > 0 {
		f.consts[syntax.BatchSize] = int(n)
	}
	for name, v := range fields {
		f.values[name] = v
	}
	f.path = join(g.dataPath, transformPath)
	g.runBody(f)
	ex := &expander{graph: g, f: f, to: g.Builder}
	for _, it := range src.Transform.Items {
		fields[it.Name] = syntax.Bad{}
		if v := ex.tensor(f.values[it.Name], "the field "+it.Name, it.At); v != nil {
			fields[it.Name] = v
		}
	}
}

// transformPath is the path of a transform's nodes; a field that it replaces has the bare
// name.
const transformPath = "transform"
