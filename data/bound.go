package data

import (
	"fmt"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// Bound says which values of fields are in range, as a graph uses them; bounds of other
// fields are left. It is called before the first batch, which must have the size that the
// bounds' elements are of. A batch with other values is then an error that says where they
// are. Classes whose ids are out of range are an error at once.
func (s *Source) Bound(bounds []ir.Bound) error {
	s.bounds = make([][]ir.Bound, len(s.parts[0].fields))
	for _, b := range bounds {
		at := s.parts[0].index(b.Field)
		if at < 0 || !s.parts[0].fields[at].decl.Type.DType.IsInt() {
			continue
		}
		if !s.parts[0].whole {
			if b.Used = ofExamples(b.Used, s.parts[0].fields[at].decl.Type.Shape.Numel()); b.Used != nil && len(b.Used) == 0 {
				continue
			}
		}
		for _, p := range s.parts {
			if err := p.fields[at].boundClasses(&b); err != nil {
				return err
			}
		}
		s.bounds[at] = append(s.bounds[at], b)
	}
	return nil
}

// ofExamples says which elements of an example count, given those of a batch: nil for all,
// none if that isn't alike for all examples.
func ofExamples(used []bool, elements int) []bool {
	if used == nil {
		return nil
	}
	if elements == 0 {
		return []bool{}
	}
	for i, u := range used {
		if u != used[i%elements] {
			return []bool{}
		}
	}
	return used[:min(elements, len(used))]
}

// boundClasses compares the ids of a field's texts with a bound.
func (f *field) boundClasses(b *ir.Bound) error {
	for code, id := range f.ids {
		if id >= 0 && !b.Has(id) {
			return fmt.Errorf("the field %s has the class %s, whose id is %d, but %s", f.decl.Name, diag.Quote(f.stored.Texts[code]), id, b.Use())
		}
	}
	return nil
}

// checkBounds looks for values out of range in the batch that was read last.
func (s *Source) checkBounds(r *reading, buffers [][]byte) error {
	for at, bounds := range s.bounds {
		typ := s.parts[0].fields[at].decl.Type
		for i := range bounds {
			b := &bounds[i]
			values := buffers[at][:len(r.chosen)*typ.Bytes()]
			if stray := b.Stray(typ.DType, values); stray >= 0 {
				v := ir.Tensor{Type: ir.Type{DType: typ.DType, Shape: ir.Shape{len(values) / typ.DType.Size()}}, Data: values}
				n := typ.Shape.Numel()
				return s.strayFault(r.chosen[stray/n], at, stray%n, v.Int(stray), b)
			}
		}
	}
	return nil
}

// strayFault says where a value that is out of range comes from.
func (s *Source) strayFault(c choice, at, element int, value int64, b *ir.Bound) error {
	p := s.parts[c.part]
	f := p.fields[at]
	l := p.leaves[f.leaf]
	row := l.rows.At(c.example)
	place, which := l.table.At(row, f.column), ""
	if f.decl.Type.Shape.Numel() > 1 {
		which = fmt.Sprintf(" in element %d", element)
		if t, ok := l.table.(table.Sequenced); ok {
			place, which = t.ElementAt(row, f.column, element), ""
		}
	}
	return &table.Fault{Place: place, Message: fmt.Sprintf("%s is %d%s, which is out of range: %s", f.decl.Name, value, which, b.Use())}
}
