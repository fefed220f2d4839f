package data

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/data/order"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
)

// part are examples of one or, joined, of several tables.
type part struct {
	decl   *table.Decl
	name   string // in a mix
	leaves []*leaf
	fields []*field
	n      int64
	taken  []string // how they were chosen, of all examples of their tables
	whole  bool     // they are batches
}

// leaf is a table whose rows are in a part.
type leaf struct {
	table   table.Table
	rows    chain
	numbers bool // its files have numbers only: ids where a field has classes
}

// field is a field of a part.
type field struct {
	decl   *table.Field
	leaf   int // its table's place in leaves
	column int // in the table
	stored table.Column
	parted chain // all rows, where the field says which part an example is in
	convert
}

// chain are rows of rows: those of a part of joined parts.
type chain []order.Rows

// Len is how many there are.
func (c chain) Len() int64 { return c[0].Len() }

// At is the table's row of an example.
func (c chain) At(i int64) int64 {
	for k := range c {
		i = c[k].At(i)
	}
	return i
}

// index is the place of a field; -1 if there is none.
func (p *part) index(name string) int {
	for i, f := range p.fields {
		if f.decl.Name == name {
			return i
		}
	}
	return -1
}

// of are some of the examples.
func (p *part) of(rows order.Rows) *part {
	few := *p
	few.n, few.taken = rows.Len(), slices.Clone(p.taken)
	few.leaves = nil
	for _, l := range p.leaves {
		few.leaves = append(few.leaves, &leaf{l.table, append(chain{rows}, l.rows...), l.numbers})
	}
	few.fields = nil
	for _, f := range p.fields {
		g := *f
		few.fields = append(few.fields, &g)
	}
	return &few
}

// take gives a part of a split; "" is all. note may be nil.
func (p *part) take(d *table.Decl, name string, note func(string)) (*part, error) {
	if name == "" {
		return p, nil
	}
	if d.Split == nil {
		return nil, fmt.Errorf("it has no parts, so there is no part %s", diag.Quote(name))
	}
	x := order.Examples{N: p.n, Column: p.classColumn, Note: note}
	for _, l := range p.leaves {
		if o, ok := l.table.(table.Overlapping); ok {
			x.Overlap = max(x.Overlap, o.Overlap())
		}
	}
	rows, err := order.Split(d.Split, x, name)
	if err != nil {
		return nil, err
	}
	few := p.of(rows)
	few.taken = append(few.taken, splitText(d.Split, name))
	if at := p.index(d.Split.By); at >= 0 {
		few.fields[at].parted = p.leaves[p.fields[at].leaf].rows // no part has all of its classes
	}
	return few, nil
}

// splitText describes a part of a split.
func splitText(s *table.Split, name string) string {
	t := *s
	t.At = diag.Range{}
	text, err := json.Marshal([]any{t, name})
	if err != nil {
		return err.Error() // there is nothing in it that JSON can't say
	}
	return string(text)
}

// classColumn is a field of classes that a split depends on.
func (p *part) classColumn(name string) (order.Column, error) {
	at := p.index(name)
	if at < 0 {
		return order.Column{}, fmt.Errorf("a split can't depend on the field %s: there is none", diag.Quote(name))
	}
	f := p.fields[at]
	if f.stored.Texts == nil && f.decl.Classes != nil && f.stored.Type.Shape.Numel() == 1 {
		return p.numbered(f)
	}
	if f.stored.Texts == nil || f.stored.Type.Shape.Numel() != 1 {
		return order.Column{}, fmt.Errorf("a split can't depend on the field %s: it isn't one class for each example", name)
	}
	return order.Column{Texts: f.stored.Texts, Scan: func(each func([]int32) error) error {
		return p.scan(f, func(b []byte, n int) error {
			codes := make([]int32, n)
			for i := range codes {
				codes[i] = int32(binary.LittleEndian.Uint32(b[4*i:]))
			}
			return each(codes)
		})
	}}, nil
}

// numbered is a field whose classes are numbers in the files.
func (p *part) numbered(f *field) (order.Column, error) {
	texts := make([]string, f.decl.Classes.Count)
	for i := range texts {
		if texts[i] = fmt.Sprint(i); i < len(f.decl.Classes.Names) {
			texts[i] = f.decl.Classes.Names[i]
		}
	}
	size := f.stored.Type.DType.Size()
	return order.Column{Texts: texts, Scan: func(each func([]int32) error) error {
		return p.scan(f, func(b []byte, n int) error {
			codes := make([]int32, n)
			for i := range codes {
				id := getInt(f.stored.Type.DType, b[i*size:])
				if id < 0 || id >= int64(len(texts)) {
					return fmt.Errorf("the class %d of the field %s is out of range: there are %d", id, f.decl.Name, len(texts))
				}
				codes[i] = int32(id)
			}
			return each(codes)
		})
	}}, nil
}

// scan reads a field's stored values of all examples, in order.
func (p *part) scan(f *field, each func(values []byte, n int) error) error {
	size, l := int64(f.stored.Type.Bytes()), p.leaves[f.leaf]
	const few = 8192
	rows := make([]int64, 0, few)
	buffer := make([]byte, few*size)
	for i := int64(0); i < p.n; {
		rows = rows[:0]
		for ; i < p.n && len(rows) < few; i++ {
			rows = append(rows, l.rows.At(i))
		}
		values := buffer[:int64(len(rows))*size]
		if err := l.table.Read(f.column, rows, values); err != nil {
			return err
		}
		if err := each(values, len(rows)); err != nil {
			return err
		}
	}
	return nil
}

func (p *part) verify() error {
	for _, l := range p.leaves {
		if err := l.table.Verify(); err != nil {
			return err
		}
	}
	return nil
}

func (p *part) close() error {
	var errs []error
	for _, l := range p.leaves {
		errs = append(errs, l.table.Close())
	}
	return errors.Join(errs...)
}
