package arrays

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"sync"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// Array is an array in a file.
type Array struct {
	Name  string // in the file; "" if the file contains nothing else
	Elem  Elem
	Shape ir.Shape

	// Data are the elements, the last dimension's neighbours next to each other. It may be
	// nil if Stream is not.
	Data io.ReaderAt
	// Stream reads them from the beginning, where they are compressed. What is wrong with
	// them is an error before or instead of io.EOF.
	Stream func() (io.ReadCloser, error)
	// Columns says that it is the first dimension's neighbours that are next to each other.
	Columns bool
}

// Table gives rows of arrays as examples. See [table.Table].
type Table struct {
	fields   []field
	rows     int64
	files    []*File
	made     []table.Prepared
	sum      string
	contents []Content
	buffers  sync.Pool
}

// field is a field: parts of its rows in one or several files.
type field struct {
	typ   ir.Type
	texts []string
	// classes is the number of ids, from 0, that values may be; 0: they aren't ids.
	classes int
	size    int64 // bytes of an example
	parts   []part
}

// part are the rows of one array: in a file as they are, or prepared.
type part struct {
	file  *File
	array *Array
	first int64 // the number of its first row in the table
	rows  int64
	made  table.Prepared
}

// blockBytes is the most that is read at a time where elements are converted.
const blockBytes = 256 << 10

// Len is the number of examples.
func (t *Table) Len() int64 { return t.rows }

// Column describes a field.
func (t *Table) Column(i int) table.Column {
	return table.Column{Type: t.fields[i].typ, Texts: t.fields[i].texts}
}

// Fingerprint identifies the files' content, and what the fields take from it.
func (t *Table) Fingerprint() string { return t.sum }

// At says in which file an example is, and which one there, from 1.
func (t *Table) At(row int64, i int) table.Place {
	p := t.fields[i].part(row)
	return p.place(row - p.first)
}

func (p *part) place(row int64) table.Place {
	return table.Place{File: p.file.Path, Row: row + 1, Column: p.array.Name}
}

// part finds the part that a row is in.
func (f *field) part(row int64) *part {
	return &f.parts[sort.Search(len(f.parts)-1, func(i int) bool { return row < f.parts[i+1].first })]
}

// Read writes a field's values of some examples into dst.
func (t *Table) Read(i int, rows []int64, dst []byte) error {
	f := &t.fields[i]
	if need := f.size * int64(len(rows)); int64(len(dst)) != need {
		return fmt.Errorf("%d examples have %d bytes, the buffer has %d", len(rows), need, len(dst))
	}
	for len(rows) > 0 {
		if rows[0] < 0 || rows[0] >= t.rows {
			return fmt.Errorf("example %d is out of range: there are %d", rows[0]+1, t.rows)
		}
		p := f.part(rows[0])
		n := run(rows, p.first+p.rows)
		if err := t.read(f, p, rows[:n], dst[:int64(n)*f.size]); err != nil {
			return err
		}
		rows, dst = rows[n:], dst[int64(n)*f.size:]
	}
	return nil
}

// run counts the rows that follow each other, up to end.
func run(rows []int64, end int64) int {
	n := 1
	for n < len(rows) && rows[n] == rows[n-1]+1 && rows[n] < end {
		n++
	}
	return n
}

// read reads rows that follow each other in one part.
func (t *Table) read(f *field, p *part, rows []int64, dst []byte) error {
	if f.size == 0 {
		return nil
	}
	if p.made != nil {
		local := slices.Clone(rows)
		for i := range local {
			local[i] -= p.first
		}
		return p.made.Read(0, local, dst)
	}
	bad, err := t.convert(f, p, rows[0]-p.first, dst)
	if bad != nil {
		err = p.fault(f.typ.Shape, rows[0]-p.first, bad)
	}
	return err
}

// convert reads rows of a part from its file, as many as dst has room for.
func (t *Table) convert(f *field, p *part, row int64, dst []byte) (*misfit, error) {
	from, numel := p.array.Elem, int64(f.typ.Shape.Numel())
	at, size := row*numel*int64(from.Size), int64(f.typ.DType.Size())
	if from.Size == int(size) { // in place
		if err := p.file.read(p.array.Data, dst, at); err != nil {
			return nil, err
		}
		return f.convert(dst, dst, from), nil
	}
	buffer := t.buffers.Get().(*[]byte)
	defer t.buffers.Put(buffer)
	most := int64(blockBytes / from.Size)
	for done := int64(0); len(dst) > 0; {
		n := min(most, int64(len(dst))/size)
		src := (*buffer)[:n*int64(from.Size)]
		if err := p.file.read(p.array.Data, src, at); err != nil {
			return nil, err
		}
		if bad := f.convert(dst[:n*size], src, from); bad != nil {
			bad.element += int(done)
			return bad, nil
		}
		at, dst, done = at+int64(len(src)), dst[n*size:], done+n
	}
	return nil, nil
}

// convert writes elements to dst as the field has them.
func (f *field) convert(dst, src []byte, from Elem) *misfit {
	bad := convert(dst, src, from, f.typ.DType)
	if bad != nil || f.classes == 0 {
		return bad
	}
	for i := range len(dst) / 4 {
		if id := int32(binary.LittleEndian.Uint32(dst[4*i:])); id < 0 || int(id) >= f.classes {
			return &misfit{i, fmt.Sprintf("is %d; the ids of %d classes are 0 to %d", id, f.classes, f.classes-1)}
		}
	}
	return nil
}

// fault is an element of a part that the field can't hold; it is counted from the
// beginning of a row.
func (p *part) fault(shape ir.Shape, row int64, bad *misfit) *table.Fault {
	numel := shape.Numel()
	row += int64(bad.element / numel)
	if len(shape) == 0 {
		return &table.Fault{Place: p.place(row), Message: "the value " + bad.message}
	}
	index, rest := make(ir.Shape, len(shape)), bad.element%numel
	for i, stride := range shape.Strides() {
		index[i], rest = rest/stride, rest%stride
	}
	return &table.Fault{Place: p.place(row), Message: fmt.Sprintf("element %s %s", index, bad.message)}
}

// Verify checks what opening didn't.
func (t *Table) Verify() error {
	for _, m := range t.made {
		if err := m.Verify(); err != nil {
			return err
		}
	}
	for _, c := range t.contents {
		if err := c.Verify(); err != nil {
			return err
		}
	}
	return nil
}

// Close closes the files.
func (t *Table) Close() error {
	var errs []error
	for _, m := range t.made {
		errs = append(errs, m.Close())
	}
	for _, f := range t.files {
		errs = append(errs, f.Close())
	}
	t.made, t.files = nil, nil
	return errors.Join(errs...)
}

// fingerprint names all that the values depend on.
func (t *Table) fingerprint(kind string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s 1\n", kind)
	for _, f := range t.fields {
		fmt.Fprintf(h, "%s %q\n", f.typ, f.texts)
		for _, p := range f.parts {
			fmt.Fprintf(h, "%s %q\n", p.file.Hash(), p.array.Name)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// describe names an array in a message: the array, the tensor "x".
func (a *Array) describe(noun string) string {
	if a.Name == "" {
		return "the " + noun
	}
	return "the " + noun + " " + diag.Quote(a.Name)
}

// typ formats the type of an array.
func (a *Array) typ() string { return a.Elem.String() + diag.Cut(a.Shape.String()) }
