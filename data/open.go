package data

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/data/learned"
	"github.com/flowrun/flowrun/data/order"
	"github.com/flowrun/flowrun/data/prepared"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
)

// Options say how a data source is opened.
type Options struct {
	Files table.Files
	Cache *prepared.Cache // nil: the user's
	Seed  int64           // of the order of examples; a split has its own

	// Part is the part of a split that is provided; "" is all of it.
	Part string
	// Facts are what was learned from the training data; nil: it is learned now, from the
	// part LearnFrom, or Part if that is "".
	Facts     learned.Facts
	LearnFrom string
	// InOrder provides the examples once, in the files' order, and with a smaller last
	// batch, whatever the declaration says: for evaluations.
	InOrder bool

	// Fault is told of each fault in a file's rows; nil: the first is the error.
	Fault func(*table.Fault) error
	// Note is told what a user should know although nothing is wrong.
	Note func(string)
}

// Open opens a data source that reads files, or joins or mixes others, which are declared
// in all. Its files are compared with the declaration; what is learned from them is
// learned; and what the values can be wrong in is found now and not when a batch needs it.
func Open(ctx context.Context, d *table.Decl, all []*table.Decl, o Options) (*Source, error) {
	if o.Cache == nil {
		o.Cache = prepared.Default()
	}
	d = copied(d)
	s := &Source{decl: d, seed: o.Seed, inOrder: o.InOrder, part: o.Part}
	if err := s.open(ctx, opener{all, o}); err != nil {
		return nil, errors.Join(err, s.closeTables())
	}
	return s, nil
}

// copied is a copy that nobody else changes.
func copied(d *table.Decl) *table.Decl {
	c := *d
	c.Fields = slices.Clone(d.Fields)
	return &c
}

// opener opens parts of data sources.
type opener struct {
	all []*table.Decl
	Options
}

func (s *Source) open(ctx context.Context, o opener) error {
	var learnFrom []*part
	if len(s.decl.Mix) > 0 {
		if s.decl.Split != nil || s.decl.Limit > 0 || o.Part != "" {
			return errors.New("a mix has no limit and no parts; give them to the data sources that are mixed")
		}
		for _, share := range s.decl.Mix {
			p, err := o.component(ctx, share.Source)
			if err != nil {
				return err
			}
			s.parts = append(s.parts, p)
		}
		if err := s.sameFields(); err != nil {
			return err
		}
		learnFrom = s.parts
	} else {
		p, err := o.openWhole(ctx, s.decl)
		if err != nil {
			return err
		}
		s.parts = []*part{p}
		from := o.LearnFrom
		if from == "" {
			from = o.Part
		}
		learn, err := p.take(s.decl, o.Part, o.Note)
		if err != nil {
			return err
		}
		s.parts[0] = learn
		if from != o.Part {
			if learn, err = p.take(s.decl, from, nil); err != nil {
				return err
			}
		}
		learnFrom = []*part{learn}
	}
	if err := s.layOut(); err != nil {
		return err
	}
	if err := s.know(ctx, o.Options, learnFrom); err != nil {
		return err
	}
	s.fingerprint = s.identify()
	s.prepareSlots()
	return nil
}

// openWhole opens all examples of a declaration, up to its limit.
func (o opener) openWhole(ctx context.Context, d *table.Decl) (*part, error) {
	p := &part{decl: copied(d)}
	if len(d.Zip) > 0 {
		if err := o.zip(ctx, p); err != nil {
			return nil, errors.Join(err, p.close())
		}
	} else if err := o.files(ctx, p); err != nil {
		return nil, errors.Join(err, p.close())
	}
	if d.Limit > 0 && d.Limit < p.n {
		p = p.of(order.Range(0, d.Limit))
		p.taken = append(p.taken, fmt.Sprint(d.Limit))
	}
	return p, nil
}

// files opens the files of a declaration.
func (o opener) files(ctx context.Context, p *part) error {
	d := p.decl
	kind := KindOf(d.Kind)
	if kind == nil {
		return fmt.Errorf("there is no kind of file %s", diag.Quote(d.Kind))
	}
	in := &table.Input{Decl: d, Files: o.Files, Prepare: o.Cache.Prepare(o.Note), Fault: o.Fault, Note: o.Note}
	t, err := kind.Open(ctx, in)
	if err != nil {
		return err
	}
	p.leaves = []*leaf{{table: t, numbers: kind.PerField}}
	p.n, p.whole = t.Len(), kind.Batches
	if p.n == 0 {
		return fmt.Errorf("%s: no examples", named(d.Files))
	}
	p.leaves[0].rows = chain{order.Range(0, p.n)}
	for i := range d.Fields {
		f := &d.Fields[i]
		stored := t.Column(i)
		if stored.Texts != nil && f.Classes == nil {
			return fmt.Errorf("the values of the field %s are texts; declare its classes", f.Name)
		}
		if stored.Texts == nil && !stored.Type.Equal(f.Type) || stored.Texts != nil && !stored.Type.Shape.Equal(f.Type.Shape) {
			return fmt.Errorf("the field %s is declared as %s, and its values are %s", f.Name, f.Type, stored.Type)
		}
		p.fields = append(p.fields, &field{decl: f, leaf: 0, column: i, stored: stored})
	}
	return nil
}

// named names the files of a declaration: the first, and how many others there are.
func named(files []table.File) string {
	if len(files) == 0 {
		return "no file"
	}
	first := diag.CutPath(files[0].Path)
	if len(files) == 1 {
		return first
	}
	return fmt.Sprintf("%s and %s", first, diag.Count(len(files)-1, "other file"))
}

// zip opens data sources and joins their examples.
func (o opener) zip(ctx context.Context, p *part) error {
	for i, name := range p.decl.Zip {
		c, err := o.component(ctx, name)
		if err != nil {
			return err
		}
		first := len(p.leaves)
		p.leaves = append(p.leaves, c.leaves...)
		p.taken = append(append(p.taken, name), c.taken...)
		if i > 0 && c.n != p.n {
			return fmt.Errorf("%s has %d examples and %s has %d; only as many can be joined", p.decl.Zip[0], p.n, name, c.n)
		}
		if p.n = c.n; c.whole {
			return fmt.Errorf("%s contains batches, and batches can't be joined", name)
		}
		for _, f := range c.fields {
			if at := p.index(f.decl.Name); at >= 0 {
				return fmt.Errorf("the field %s is in two of the data sources that are joined; give one another name", f.decl.Name)
			}
			joined := *f
			joined.leaf += first
			p.fields = append(p.fields, &joined)
		}
	}
	return nil
}

// component opens SOURCE or SOURCE.PART.
func (o opener) component(ctx context.Context, name string) (*part, error) {
	fail := func(err error) error { return fmt.Errorf("data source %s: %w", name, err) }
	d, partName := find(o.all, name)
	switch {
	case d == nil:
		return nil, fail(errors.New("it isn't declared as one that reads files"))
	case len(d.Mix) > 0:
		return nil, fail(errors.New("a mix can't be joined or mixed itself"))
	}
	p, err := o.openWhole(ctx, d)
	if err != nil {
		return nil, fail(err)
	}
	taken, err := p.take(d, partName, o.Note)
	if err != nil {
		return nil, errors.Join(fail(err), p.close())
	}
	taken.name = name
	return taken, nil
}

// find finds a declaration by SOURCE or SOURCE.PART.
func find(all []*table.Decl, name string) (d *table.Decl, part string) {
	for _, d := range all {
		if d.Name == name {
			return d, ""
		}
		if d.Split != nil {
			for _, p := range d.Split.Parts {
				if d.Name+"."+p.Name == name {
					return d, p.Name
				}
			}
		}
	}
	return nil, ""
}

// sameFields compares the fields of data sources that are mixed.
func (s *Source) sameFields() error {
	first := s.parts[0]
	for _, p := range s.parts[1:] {
		for _, f := range p.fields {
			if first.index(f.decl.Name) < 0 {
				return fmt.Errorf("%s has a field %s, and %s has none; data sources that are mixed have the same fields", p.name, f.decl.Name, first.name)
			}
		}
		sorted := make([]*field, len(first.fields))
		for i, f := range first.fields {
			at := p.index(f.decl.Name)
			if at < 0 {
				return fmt.Errorf("%s has a field %s, and %s has none; data sources that are mixed have the same fields", first.name, f.decl.Name, p.name)
			}
			sorted[i] = p.fields[at]
			if a, b := f.decl, sorted[i].decl; !a.Type.Equal(b.Type) || a.Normalize != b.Normalize || a.Fill != b.Fill || !sameClasses(a.Classes, b.Classes) {
				return fmt.Errorf("the field %s isn't declared alike by %s and by %s, which are mixed", f.decl.Name, first.name, p.name)
			}
		}
		p.fields = sorted
		if p.whole != first.whole {
			return fmt.Errorf("one of %s and %s contains batches and the other examples", first.name, p.name)
		}
	}
	return nil
}

func sameClasses(a, b *table.Classes) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Count == b.Count && a.Unknown == b.Unknown && a.Vocabulary == b.Vocabulary && slices.Equal(a.Names, b.Names)
}
