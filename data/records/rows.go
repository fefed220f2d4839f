package records

import (
	"fmt"
	"math"
	"strings"

	"github.com/flowrun/flowrun/data/learned"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// The different texts of a field with classes are kept in memory while a table is made: as
// many as it declares classes, or if these are fewer, maxTexts, and as much as that many
// of textLength bytes.
const (
	maxTexts   = 1 << 20
	textLength = 64
)

// Rows takes the rows of files one after the other: Begin, a value for every element of
// every field, End.
type Rows struct {
	in     *table.Input
	out    table.Writer
	names  [][]string // by field and element
	fields []field
	values []byte // of the row, dense

	file    int
	path    string
	line    int64
	faulty  bool
	without bool // the row is to be dropped

	rows, dropped int64
}

// field is a field while rows are read.
type field struct {
	*table.Field
	dtype  ir.DType
	size   int
	values []byte // its part of Rows.values
	fill   []byte // what a missing value becomes; nil: see Fill.By

	ids    map[string]int32
	texts  []string
	length int // of all texts

	missing []int64 // how many rows lack a value, by element, where they are dropped

	// listed are the classes that the spec lists, where all faults are asked for: what is
	// none of them is reported with the row's other faults. nil: it is found later, when the
	// classes are known.
	listed map[string]bool
	set    []classified // in the row, if there is listed
}

// classified is an element of a field with classes.
type classified struct {
	element int
	text    int32
}

func newRows(in *table.Input, out table.Writer, names [][]string) *Rows {
	r := &Rows{in: in, out: out, names: names, fields: make([]field, len(in.Decl.Fields))}
	total := 0
	for i := range r.fields {
		f := &r.fields[i]
		f.Field = &in.Decl.Fields[i]
		f.dtype = stored(f.Field).DType
		f.size = f.dtype.Size()
		f.missing = make([]int64, f.Type.Shape.Numel())
		total += f.size * len(f.missing)
	}
	r.values = make([]byte, total)
	at := 0
	for i := range r.fields {
		f := &r.fields[i]
		next := at + f.size*len(f.missing)
		f.values, at = r.values[at:next:next], next
		f.prepareFill()
		if c := f.Classes; in.Fault != nil && c != nil && c.Names != nil && c.Unknown < 0 {
			f.listed = map[string]bool{}
			for _, name := range c.Names {
				f.listed[name] = true
			}
		}
	}
	return r
}

// stored is the type of a field's examples as a table stores them.
func stored(f *table.Field) ir.Type {
	if f.Classes != nil {
		return ir.Type{DType: ir.I32, Shape: f.Type.Shape}
	}
	return f.Type
}

func (f *field) prepareFill() {
	switch f.Fill.By {
	case table.FillMean, table.FillMedian:
		f.fill = make([]byte, f.size)
		PutFloat(f.fill, f.dtype, math.NaN())
	case table.FillValue:
		f.fill = make([]byte, f.size)
		if f.dtype.IsFloat() {
			PutFloat(f.fill, f.dtype, f.Fill.Value)
		} else {
			PutInt(f.fill, f.dtype, int64(f.Fill.Value))
		}
	}
}

// Begin begins the row of a line.
func (r *Rows) Begin(line int64) {
	r.line, r.faulty, r.without = line, false, false
	for i := range r.fields {
		r.fields[i].set = r.fields[i].set[:0]
	}
}

// End adds the row to the table, unless it is to be dropped or something is wrong in it.
func (r *Rows) End() error {
	switch r.rows++; {
	case r.without && !r.faulty:
		r.dropped++
		return nil
	case r.without:
		return nil
	}
	if err := r.checkClasses(); err != nil || r.faulty {
		return err
	}
	return r.out.Append(r.values, r.file, r.line)
}

// checkClasses reports texts of the row that are none of the classes that the spec lists.
func (r *Rows) checkClasses() error {
	for i := range r.fields {
		f := &r.fields[i]
		for _, s := range f.set {
			if text := f.texts[s.text]; !f.listed[text] {
				if err := r.Fault(i, s.element, "%s", learned.Unknown(f.Field, text, f.Classes.Names)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Fault reports what is wrong in the row with one element, or with all of it if field is
// negative. The row is not added.
func (r *Rows) Fault(field, element int, format string, args ...any) error {
	column := ""
	if field >= 0 {
		column = r.names[field][element]
	}
	return r.FaultAt(r.line, column, fmt.Sprintf(format, args...))
}

// FaultAt is Fault for another line, or for the whole file if line is 0.
func (r *Rows) FaultAt(line int64, column, message string) error {
	r.faulty = true
	return r.in.Report(&table.Fault{Place: table.Place{File: r.path, Row: line, Column: column}, Message: message})
}

// Number sets an element of a field of numbers.
func (r *Rows) Number(field, element int, text []byte, mark byte) Verdict {
	f := &r.fields[field]
	return PutNumber(f.values[element*f.size:][:f.size], f.dtype, text, mark)
}

// Bool sets an element of a field of bools.
func (r *Rows) Bool(field, element int, v bool) {
	f := &r.fields[field]
	f.values[element] = 0
	if v {
		f.values[element] = 1
	}
}

// Text sets an element of a field with classes.
func (r *Rows) Text(field, element int, text []byte) error {
	f := &r.fields[field]
	id, known := f.ids[string(text)]
	if !known {
		if most := max(maxTexts, f.Classes.Count); len(f.texts) == most || f.length+len(text) > textLength*most {
			return r.Fault(field, element, "more than %d different texts, or more than %s of them; is this column one of classes?",
				most, diag.Bytes(int64(textLength*most)))
		}
		if f.ids == nil {
			f.ids = map[string]int32{}
		}
		id = int32(len(f.texts))
		f.texts = append(f.texts, string(text))
		f.ids[f.texts[id]] = id
		f.length += len(text)
	}
	if f.listed != nil {
		f.set = append(f.set, classified{element, id})
	}
	PutInt(f.values[element*f.size:][:f.size], f.dtype, int64(id))
	return nil
}

// Missing sets an element that has no value by the field's rule. Without a rule, it
// returns false and does nothing.
func (r *Rows) Missing(field, element int) (bool, error) {
	f := &r.fields[field]
	switch f.Fill.By {
	case table.FillNone:
		return false, nil
	case table.FillDrop:
		r.without = true
		f.missing[element]++
		return true, nil
	case table.FillKeep:
		return true, r.Fault(field, element, "%s", r.Kept(field))
	case table.FillText:
		return true, r.Text(field, element, []byte(f.Fill.Text))
	}
	copy(f.values[element*f.size:], f.fill)
	return true, nil
}

// Kept says that a value is missing in a row that may not be left out.
func (r *Rows) Kept(field int) string {
	return fmt.Sprintf("no value, and the field %s has fill: drop; this row would have no output: give it a value, remove it, or declare another fill", r.Name(field))
}

// finish hands over what is known only at the end.
func (r *Rows) finish() error {
	if err := r.in.Faultless(); err != nil {
		return err
	}
	for i := range r.fields {
		if f := &r.fields[i]; f.Classes != nil {
			r.out.Texts(i, f.texts)
		}
	}
	if r.dropped > 0 {
		r.out.Note(r.droppedNote())
	}
	return nil
}

// droppedNote counts the rows that were dropped, and the values that they lack.
func (r *Rows) droppedNote() string {
	var where []string
	for i := range r.fields {
		for e, n := range r.fields[i].missing {
			if n > 0 {
				where = append(where, fmt.Sprintf("%d in %s", n, diag.Quote(r.names[i][e])))
			}
		}
	}
	verb := "are"
	if r.dropped == 1 {
		verb = "is"
	}
	return fmt.Sprintf("%d of %s %s dropped (fill: drop); missing values: %s",
		r.dropped, diag.Count(int(r.rows), "row"), verb, strings.ReplaceAll(diag.Few(where), "; ", ", "))
}

// Name is a field's name as a message shows it.
func (r *Rows) Name(field int) string { return diag.Cut(r.fields[field].Field.Name) }
