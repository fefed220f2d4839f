package data

import (
	"fmt"

	"github.com/flowrun/flowrun/data/learned"
	"github.com/flowrun/flowrun/data/table"
)

// What looks at a source without training on it: its examples in the files' order, as
// stored and as batches have them. Examples are numbered from 0 here, within the part.

// Column is a field of a source: as declared, as its files have it, and what was learned.
type Column struct {
	Field  table.Field
	Stored table.Column
	Fact   *learned.Fact // nil: nothing
	// Elements names the place in a row of each element of the field, where each has its
	// own, such as the columns of a CSV file; nil otherwise.
	Elements []string
	// IDs says that its files have the ids of classes, not their names.
	IDs bool
	// Overlap is how many of the examples before one may share values with it.
	Overlap int64
}

// Component is a data source that a mix draws from.
type Component struct {
	Name     string
	Weight   int64
	Examples int64
}

// Components are what a mix draws from; nil of other sources.
func (s *Source) Components() (all []Component) {
	for i, share := range s.decl.Mix {
		all = append(all, Component{share.Source, share.Weight, s.parts[i].n})
	}
	return all
}

// Columns describes the fields. Of a mix, what is stored is that of its first component.
func (s *Source) Columns() []Column {
	p := s.parts[0]
	all := make([]Column, len(p.fields))
	for i, f := range p.fields {
		all[i] = Column{Field: *f.decl, Stored: f.stored, Fact: s.facts[f.decl.Name], Elements: p.elements(f), IDs: f.decl.Classes != nil && p.leaves[f.leaf].numbers}
		if o, ok := p.leaves[f.leaf].table.(table.Overlapping); ok {
			all[i].Overlap = o.OverlapOf(f.column)
		}
	}
	return all
}

// namedElements is of how many elements the places are named.
const namedElements = 64

// elements names the elements of a field.
func (p *part) elements(f *field) (names []string) {
	l := p.leaves[f.leaf]
	t, ok := l.table.(table.Sequenced)
	n := f.decl.Type.Shape.Numel()
	if !ok || n < 2 || n > namedElements {
		return nil
	}
	for k := range n {
		name := t.ElementAt(l.rows.At(0), f.column, k).Column
		if name == "" {
			return nil
		}
		names = append(names, name)
	}
	return names
}

// errMixed says that a mix has no examples of its own.
func (s *Source) errMixed() error {
	return fmt.Errorf("%s is a mix, which has no examples of its own; look at those of %s", s.decl.Name, s.parts[0].name)
}

// examples finds a field, and says what is wrong with a range of examples.
func (s *Source) examples(field string, first, n int64) (*part, *field, error) {
	p := s.parts[0]
	at := p.index(field)
	switch {
	case len(s.decl.Mix) > 0:
		return nil, nil, s.errMixed()
	case at < 0:
		return nil, nil, fmt.Errorf("the data source %s has no field %q", s.decl.Name, field)
	case first < 0 || n < 0 || first > p.n-n:
		return nil, nil, fmt.Errorf("the data source %s has %d examples, not those from %d to %d", s.decl.Name, p.n, first+1, first+n)
	}
	return p, p.fields[at], nil
}

// Values writes a field's values of n examples, from first on, into dst, as batches have
// them: dense little-endian elements of the field's type.
func (s *Source) Values(field string, first, n int64, dst []byte) error {
	p, f, err := s.examples(field, first, n)
	if err != nil {
		return err
	}
	rows := p.tableRows(f, first, n)
	var scratch []byte
	if f.ids != nil {
		scratch = make([]byte, int(n)*f.stored.Type.Bytes())
	}
	return f.read(p.leaves[f.leaf].table, rows, dst, scratch)
}

// StoredValues is Values for what the table stores, of its column's type: neither filled
// nor normalized, and with the texts' places in the column's Texts instead of ids.
func (s *Source) StoredValues(field string, first, n int64, dst []byte) error {
	p, f, err := s.examples(field, first, n)
	if err != nil {
		return err
	}
	return p.leaves[f.leaf].table.Read(f.column, p.tableRows(f, first, n), dst)
}

// tableRows are a table's rows of examples.
func (p *part) tableRows(f *field, first, n int64) []int64 {
	rows := make([]int64, n)
	for i := range rows {
		rows[i] = p.leaves[f.leaf].rows.At(first + int64(i))
	}
	return rows
}

// Place says where an example is: that of its first field.
func (s *Source) Place(example int64) (table.Place, error) {
	p := s.parts[0]
	if len(s.decl.Mix) > 0 {
		return table.Place{}, s.errMixed()
	}
	if example < 0 || example >= p.n {
		return table.Place{}, fmt.Errorf("the data source %s has %d examples, not a number %d", s.decl.Name, p.n, example+1)
	}
	return p.place(example), nil
}

func (p *part) place(example int64) table.Place {
	f := p.fields[0]
	l := p.leaves[f.leaf]
	place := l.table.At(l.rows.At(example), f.column)
	place.Column = ""
	return place
}

// Member is an example of a batch.
type Member struct {
	Component int   // of a mix; 0 of other sources
	Example   int64 // of the component, or of the source
	Place     table.Place
}

// Order makes a reader of the order of batches, for one goroutine: for a step, counted from
// 0, it gives the batch's examples in their order. What it gives is valid until its next
// call. Values aren't read.
func (s *Source) Order() func(step int64) ([]Member, error) {
	from := s.newChooser()
	var chosen []choice
	var members []Member
	return func(step int64) ([]Member, error) {
		if err := s.inRange(step); err != nil {
			return nil, err
		}
		chosen = s.choose(from, step, chosen[:0])
		members = members[:0]
		for _, c := range chosen {
			members = append(members, Member{c.part, c.example, s.parts[c.part].place(c.example)})
		}
		return members, nil
	}
}
