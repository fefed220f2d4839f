package arrays

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/flowrun/flowrun/data/prepared"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

// Format is a kind of file that contains arrays.
type Format struct {
	Kind string // its name
	Noun string // what an array is called: array, tensor

	// What rows are: an example, examples and examples, or a step, steps and batches.
	Row, Rows, Values string
	// Exact says that an array must have the field's dtype.
	Exact bool
	// NotEmpty says that there must be a row.
	NotEmpty bool

	// Parse reads what a file contains, from its header.
	Parse func(context.Context, *File) (Content, error)
}

// Content finds arrays in a file.
type Content interface {
	// Array finds the array of a field. Its Data is checked to be as long as its shape
	// needs.
	Array(*table.Field) (*Array, error)
	// Verify reads what the file's own checksums cover, if it has any.
	Verify() error
}

// Open opens the files of a declaration, and compares their arrays with its fields.
func Open(ctx context.Context, in *table.Input, format Format) (table.Table, error) {
	o := &opening{
		ctx: ctx, in: in, format: format,
		library: prepared.NewLibrary(in.Files), contents: map[string]content{},
		table: &Table{buffers: sync.Pool{New: func() any { b := make([]byte, blockBytes); return &b }}},
	}
	err := o.open()
	if err != nil {
		return nil, errors.Join(err, o.table.Close())
	}
	return o.table, nil
}

// opening is a table that is being opened.
type opening struct {
	ctx      context.Context
	in       *table.Input
	format   Format
	library  *prepared.Library
	contents map[string]content // by path
	table    *Table
}

// content is a file with what it contains.
type content struct {
	file *File
	Content
}

func (o *opening) open() error {
	d, t := o.in.Decl, o.table
	if len(d.Fields) == 0 {
		return fmt.Errorf("a data source needs at least one field")
	}
	for i := range d.Fields {
		f, rows, err := o.field(&d.Fields[i])
		if err != nil {
			return err
		}
		t.fields = append(t.fields, *f)
		if i > 0 && rows != t.rows {
			return fmt.Errorf("%s: field %s has %d %s, and field %s has %d; all fields must have the same number",
				f.parts[0].file.Path, d.Fields[i].Name, rows, o.format.Rows, d.Fields[0].Name, t.rows)
		}
		t.rows = rows
	}
	t.sum = t.fingerprint(o.format.Kind)
	if err := o.check(); err != nil {
		return err
	}
	if err := o.prepare(); err != nil {
		return err
	}
	return o.in.Faultless()
}

// field finds the arrays of a field in the files that have some of its rows.
func (o *opening) field(decl *table.Field) (*field, int64, error) {
	paths, err := o.paths(decl.Name)
	if err != nil {
		return nil, 0, err
	}
	f := &field{typ: decl.Type, size: int64(decl.Type.Bytes())}
	if decl.Classes != nil {
		f.texts, f.classes = decl.Classes.Names, decl.Classes.Count
		f.typ = ir.Type{DType: ir.I32, Shape: decl.Type.Shape}
		f.size = int64(f.typ.Bytes())
	}
	var rows int64
	for _, path := range paths {
		c, err := o.file(path)
		if err != nil {
			return nil, 0, err
		}
		a, err := c.Array(decl)
		if err != nil {
			return nil, 0, fmt.Errorf("field %s: %w", decl.Name, err)
		}
		n, err := o.compare(path, a, decl)
		if err != nil {
			return nil, 0, err
		}
		if n > 0 || len(f.parts) == 0 {
			f.parts = append(f.parts, part{file: c.file, array: a, first: rows, rows: n})
		}
		if rows > math.MaxInt64-n {
			return nil, 0, fmt.Errorf("%s: field %s: its files have more than 2^63 %s", path, decl.Name, o.format.Rows)
		}
		rows += n
	}
	return f, rows, nil
}

// paths lists the files of a field: those that the declaration gives it, or else all.
func (o *opening) paths(name string) ([]string, error) {
	var paths []string
	for _, f := range o.in.Decl.Files {
		if f.Field != "" && f.Field != name {
			continue
		}
		list, err := o.in.Files.List(o.ctx, f.Path)
		if err != nil {
			return nil, err
		}
		for _, path := range list {
			if slices.Contains(paths, path) {
				return nil, fmt.Errorf("%s: the data source names this file twice", path)
			}
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("field %s has no file; add one to %s", name, o.format.Kind)
	}
	return paths, nil
}

// file opens a file, once.
func (o *opening) file(path string) (content, error) {
	if c, ok := o.contents[path]; ok {
		return c, nil
	}
	file, err := openFile(o.ctx, o.library, path)
	if err != nil {
		return content{}, err
	}
	o.table.files = append(o.table.files, file)
	parsed, err := o.format.Parse(o.ctx, file)
	if err != nil {
		return content{}, err
	}
	c := content{file, parsed}
	o.contents[path] = c
	o.table.contents = append(o.table.contents, parsed)
	return c, nil
}

// most is how many examples without elements may be; others have a byte each in the file.
const mostEmpty = math.MaxInt32

// compare compares an array with its field, and gives the number of rows.
func (o *opening) compare(path string, a *Array, decl *table.Field) (int64, error) {
	w := o.format
	wrong := func(why, help string) error {
		message := fmt.Sprintf("%s: field %s: %s is %s (%s); %s of %s need %s[%s%s", path, decl.Name,
			a.describe(w.Noun), a.typ(), why, w.Values, decl.Type, decl.Type.DType, w.Rows, tail(decl.Type.Shape))
		if help != "" {
			message += ": " + help
		}
		return errors.New(message)
	}
	if len(a.Shape) == 0 || w.NotEmpty && a.Shape[0] == 0 {
		return 0, wrong("no "+w.Rows, "")
	}
	rows := a.Shape[0]
	help, fits := a.Elem.Fits(decl.Type.DType)
	if decl.Classes != nil {
		help, fits = "store the ids of classes as integers", a.Elem.Class == Int || a.Elem.Class == Uint
	}
	if w.Exact {
		help, fits = "", a.Elem.same(Of(decl.Type.DType))
	}
	if !fits || !a.Shape[1:].Equal(decl.Type.Shape) {
		row := Array{Elem: a.Elem, Shape: a.Shape[1:]}
		many := w.Rows
		if rows == 1 {
			many = w.Row
		}
		return 0, wrong(fmt.Sprintf("%d %s of %s", rows, many, row.typ()), help)
	}
	if decl.Type.Bytes() == 0 && rows > mostEmpty {
		return 0, fmt.Errorf("%s: field %s: %s is %s; of %s without elements there may be %d at most", path, decl.Name, a.describe(w.Noun), a.typ(), w.Rows, mostEmpty)
	}
	return int64(rows), nil
}

// tail formats a shape that follows a first dimension: ", 1, 8]".
func tail(s ir.Shape) string {
	if len(s) == 0 {
		return "]"
	}
	return ", " + strings.TrimPrefix(s.String(), "[")
}
