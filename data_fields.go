package flowrun

import (
	"context"

	"github.com/flowrun/flowrun/data"
	"github.com/flowrun/flowrun/data/learned"
	"github.com/flowrun/flowrun/ir"
)

// DataField is a field of a data source.
type DataField struct {
	Name string
	Type Type // of one example, in a batch
	// Stored is the type of one example as its files have it. Where they have texts
	// instead of the ids of classes, it is i32, and a value is its text's place in Texts.
	Stored Type
	Texts  []string

	Normalize string  // "element", "field" or ""
	Fill      string  // what missing values become: "mean", "median", "value", "text", "drop" or ""
	FillValue float64 // with "value"
	FillText  string  // with "text"

	// Classes are the names of ids, those that training has learned or the spec lists; nil
	// if the field has none.
	Classes    []DataClass
	Vocabulary bool   // they are pieces of a text
	Unknown    *int64 // the id of texts that are none of them; nil: they are an error

	// What was learned: for each element, or one number for all of them.
	Mean, Std []float64
	Fills     []float64

	StoredIDs bool // the files have ids, not names

	// Elements names the place of each element in a row, such as a CSV's columns; nil if
	// they have none of their own.
	Elements []string
	// Overlap is how many of the examples before one may share values with it.
	Overlap int64
}

// DataClass is a class, and its id.
type DataClass struct {
	ID   int64
	Name string
}

// ClassName is the name of an id. It reports false for those without.
func (f *DataField) ClassName(id int64) (string, bool) {
	i := id
	if i >= int64(len(f.Classes)) { // ids ascend, and at most one is left out
		i = int64(len(f.Classes)) - 1
	}
	for ; i >= 0 && f.Classes[i].ID >= id; i-- {
		if f.Classes[i].ID == id {
			return f.Classes[i].Name, true
		}
	}
	return "", false
}

// Fields describes the fields that the data source reads, in the spec's order.
func (s *DataSource) Fields() []DataField {
	var all []DataField
	for _, c := range s.data.Columns() {
		all = append(all, fieldOf(&c))
	}
	return all
}

func fieldOf(c *data.Column) DataField {
	d := &c.Field
	f := DataField{Name: d.Name, Type: d.Type, Stored: c.Stored.Type, Texts: c.Stored.Texts,
		Normalize: string(d.Normalize), Fill: string(d.Fill.By), FillValue: d.Fill.Value, FillText: d.Fill.Text,
		Elements: c.Elements, Overlap: c.Overlap}
	fact := c.Fact
	if fact == nil {
		fact = &learned.Fact{}
	}
	if d.Classes != nil {
		f.Classes, f.Vocabulary, f.StoredIDs = []DataClass{}, d.Classes.Vocabulary, c.IDs
		for i, name := range fact.Classes {
			f.Classes = append(f.Classes, DataClass{fact.ID(i), string(name)})
		}
		if d.Classes.Unknown >= 0 {
			f.Unknown = &d.Classes.Unknown
		}
	}
	f.Mean, f.Std, f.Fills = fact.Mean, fact.Std, fact.Fill
	return f
}

// DataBatchField is a field of a batch, as the model sees it.
type DataBatchField struct {
	Name string
	Type Type
}

// BatchFields are the fields of a whole batch as the model sees them, with those that the
// data source's transform computes.
func (s *DataSource) BatchFields() ([]DataBatchField, error) {
	p := s.program
	p.building.Lock()
	defer p.building.Unlock()
	types, findings := p.spec.BatchTypes(s.data.decl.Name, max(1, s.data.decl.Batch))
	if findings.HasErrors() {
		return nil, &SpecError{File: p.spec.File, Diagnostics: findings}
	}
	var all []DataBatchField
	for _, t := range types {
		all = append(all, DataBatchField(t))
	}
	return all, nil
}

// Values gives a field's values of n examples, from first on, counted from 0, as batches
// have them: with ids of classes, missing values filled, normalized; a transform is part of
// the model's graph, and isn't applied. A mix has no examples of its own, which is an error.
func (s *DataSource) Values(field string, first, n int64) (*Tensor, error) {
	return s.values(field, first, n, s.data.Values, func(c *data.Column) ir.Type { return c.Field.Type })
}

// StoredValues is Values for what the files have, of the field's Stored type: neither
// filled (a missing value is NaN) nor normalized, and texts by their place in Texts.
func (s *DataSource) StoredValues(field string, first, n int64) (*Tensor, error) {
	return s.values(field, first, n, s.data.StoredValues, func(c *data.Column) ir.Type { return c.Stored.Type })
}

func (s *DataSource) values(field string, first, n int64, read func(string, int64, int64, []byte) error, typ func(*data.Column) ir.Type) (*Tensor, error) {
	for _, c := range s.data.Columns() {
		if c.Field.Name != field || n < 0 || n > s.Examples() {
			continue
		}
		t := typ(&c)
		v := ir.NewTensor(Type{DType: t.DType, Shape: append(ir.Shape{int(n)}, t.Shape...)})
		return v, read(field, first, n, v.Data)
	}
	return nil, read(field, first, n, nil) // which says what is wrong
}

// DataPlace is where an example is.
type DataPlace struct {
	File string
	Row  int64 // the line as editors count, or the example in the file, from 1
}

// Place says where an example is, counted from 0.
func (s *DataSource) Place(example int64) (DataPlace, error) {
	place, err := s.data.Place(example)
	return DataPlace{place.File, place.Row}, err
}

// DataMember is an example of a batch.
type DataMember struct {
	Source  string // of a mix: the one that the example is drawn from; "" of others
	Example int64  // counted from 0
	DataPlace
}

// Batches makes a reader of the order of batches, for one goroutine: for a step, counted
// from 0, it gives the examples in the order that the batch has them. What it gives is
// valid until its next call. No values are read.
func (s *DataSource) Batches() func(step int64) ([]DataMember, error) {
	order, mixed := s.data.Order(), s.data.Components()
	var members []DataMember
	return func(step int64) ([]DataMember, error) {
		chosen, err := order(step)
		members = members[:0]
		for _, c := range chosen {
			m := DataMember{Example: c.Example, DataPlace: DataPlace{c.Place.File, c.Place.Row}}
			if mixed != nil {
				m.Source = mixed[c.Component].Name
			}
			members = append(members, m)
		}
		return members, err
	}
}

// DataComponent is what a mix draws from.
type DataComponent struct {
	Name             string
	Weight, Examples int64
}

// Components are what a mix draws from; nil for other data sources.
func (s *DataSource) Components() (all []DataComponent) {
	for _, c := range s.data.Components() {
		all = append(all, DataComponent(c))
	}
	return all
}

// DataStatistics describe the values of a field or of an element as stored: before they
// are filled and normalized.
type DataStatistics = data.Statistics

// Statistics reads a field's values of all examples and describes them, all elements
// together, or each by itself. Of examples that overlap, only so many count that none do.
func (s *DataSource) Statistics(ctx context.Context, field string, each bool) ([]DataStatistics, error) {
	return s.data.Statistics(ctx, field, each)
}

// Counts counts how often each id of a field with classes occurs.
func (s *DataSource) Counts(ctx context.Context, field string) (map[int64]int64, error) {
	return s.data.Counts(ctx, field)
}
