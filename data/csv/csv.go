package csv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/flowrun/flowrun/data/records"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// version changes whenever the same files and declaration give other values.
const version = "1"

// open is Kind.Open.
func open(ctx context.Context, in *table.Input) (table.Table, error) {
	paths, err := records.Paths(ctx, in)
	if err != nil {
		return nil, err
	}
	s := settingsOf(in.Decl)
	var header []string
	if s.header {
		// Columns that a range stands for are those of the first file.
		if header, err = firstHeader(in, paths[0], s); err != nil {
			return nil, err
		}
	}
	names := make([][]string, len(in.Decl.Fields))
	for i := range names {
		if names[i], err = expand(&in.Decl.Fields[i], header); err != nil {
			return nil, failed(in, paths[0], err)
		}
	}
	p := plan{settings: s, cells: cellsOf(in.Decl, names)}
	return records.Open(ctx, in, paths, records.Format{Version: version, Names: names, Read: p.read})
}

// failed reports what is wrong with a file's header.
func failed(in *table.Input, path string, err error) error {
	if p, ok := err.(*problem); ok {
		err = in.Report(&table.Fault{Place: table.Place{File: path, Row: p.line}, Message: p.message})
	} else {
		err = in.Report(&table.Fault{Place: table.Place{File: path, Row: 1}, Message: err.Error()})
	}
	if err == nil {
		err = in.Faultless()
	}
	return err
}

// firstHeader reads the header of the first file.
func firstHeader(in *table.Input, path string, s settings) ([]string, error) {
	f, err := in.Files.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := newReader(f, s.format)
	header, err := readHeader(r)
	if p := (*problem)(nil); errors.As(err, &p) {
		return nil, failed(in, path, p)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", diag.CutPath(path), err)
	}
	return header, nil
}

// readHeader reads the names of a file's columns.
func readHeader(r *reader) ([]string, error) {
	if err := r.begin(); err != nil {
		return nil, err
	}
	line, err := r.next()
	switch {
	case err == io.EOF:
		return nil, &problem{message: "the file is empty; its first row should name the columns", last: true}
	case err != nil:
		return nil, err
	case r.blank:
		return nil, &problem{line: line, message: "the line is blank; it should name the columns", last: true}
	}
	header := make([]string, len(r.fields))
	for i, name := range r.fields {
		header[i] = string(name)
	}
	return header, nil
}

// plan says what each row is read for.
type plan struct {
	settings
	cells []cell
}

// cell is an element of a field, in a row.
type cell struct {
	name           string // of its column
	field, element int
	dtype          ir.DType
	classes        bool
	empty          bool     // the empty text is one of its classes
	missing        []string // words that mean no value
}

func cellsOf(d *table.Decl, names [][]string) (cells []cell) {
	for i := range d.Fields {
		f := &d.Fields[i]
		for e, name := range names[i] {
			cells = append(cells, cell{
				name: name, field: i, element: e, dtype: f.Type.DType,
				classes: f.Classes != nil, empty: f.Classes != nil && slices.Contains(f.Classes.Names, ""),
				missing: missing(d, f),
			})
		}
	}
	return cells
}

// file is a file while it is read.
type file struct {
	plan
	*reader
	rows    *records.Rows
	width   int   // how many columns it has; 0: its first row will say
	columns []int // by cell
	blanks  int64 // blank lines at the beginning of a file without a header
}

// read reads a file's rows. It is records.Format.Read.
func (p plan) read(content io.Reader, rows *records.Rows) error {
	f := &file{plan: p, reader: newReader(content, p.format), rows: rows}
	err := f.begins()
	for err == nil {
		var line int64
		if line, err = f.next(); err == nil {
			err = f.row(line)
		} else if p, ok := err.(*problem); ok {
			rows.Begin(p.line)
			if err = f.rows.FaultAt(p.line, "", p.message); err == nil && p.last {
				return nil
			}
		}
	}
	if err == io.EOF {
		return nil
	}
	if p, ok := err.(*problem); ok { // of the header
		return f.rows.FaultAt(p.line, "", p.message)
	}
	return err
}

// begins reads the file's header, if it has one, and finds the columns.
func (f *file) begins() error {
	if !f.header {
		return f.reader.begin()
	}
	header, err := readHeader(f.reader)
	if err != nil {
		return err
	}
	f.width = len(header)
	f.columns = make([]int, len(f.cells))
	for i, c := range f.cells {
		if f.columns[i], err = find(header, c.name); err != nil {
			return &problem{line: 1, message: err.Error(), last: true}
		}
	}
	return nil
}

// row adds a row to the table.
func (f *file) row(line int64) error {
	switch {
	case f.width == 0 && f.blank:
		f.blanks++
		return nil
	case f.width == 0:
		if err := f.first(line); err != nil {
			return err
		}
	case f.blank && f.width > 1:
		return nil // no value is in it
	}
	f.rows.Begin(line)
	if len(f.fields) != f.width {
		if err := f.rows.FaultAt(line, "", f.ragged()); err != nil {
			return err
		}
		return f.rows.End()
	}
	for i := range f.cells {
		if err := f.set(&f.cells[i], f.fields[f.columns[i]]); err != nil {
			return err
		}
	}
	return f.rows.End()
}

// first finds the columns in the first row of a file without a header. Blank lines before
// it turn out to be rows if there is one column.
func (f *file) first(line int64) error {
	f.width = len(f.fields)
	f.columns = make([]int, len(f.cells))
	for i, c := range f.cells {
		n, err := strconv.Atoi(c.name)
		if err != nil || n > f.width {
			return &problem{line: line, message: fmt.Sprintf("no column %s; the row has %s", c.name, diag.Count(f.width, "value")), last: true}
		}
		f.columns[i] = n - 1
	}
	if f.width > 1 {
		return nil
	}
	value := f.fields[0]
	f.fields[0] = nil
	for n := range f.blanks {
		if err := f.row(n + 1); err != nil {
			return err
		}
	}
	f.fields[0] = value
	return nil
}

func (f *file) ragged() string {
	has := diag.Count(len(f.fields), "value")
	if f.header {
		return fmt.Sprintf("the row has %s, the header %d", has, f.width)
	}
	return fmt.Sprintf("the row has %s, the first row %d", has, f.width)
}
