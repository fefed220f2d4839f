package data

import (
	"context"
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

// strayChunk is how many examples Strays reads at a time.
const strayChunk = 1024

// Strays reads the fields that have bounds, in the files' order and without batches, and
// tells of the values that are out of range: one of each example of a field. It looks at
// most elements of a field. An error of tell ends it.
func (s *Source) Strays(ctx context.Context, most int64, tell func(*table.Fault) error) error {
	var r reading
	for k, p := range s.parts {
		for at, bounds := range s.bounds {
			f := p.fields[at]
			elements := int64(f.decl.Type.Shape.Numel())
			if len(bounds) == 0 || elements == 0 || f.ids != nil { // of classes, Bound knows
				continue
			}
			values := make([]byte, strayChunk*f.decl.Type.Bytes())
			n := min(p.n, max(1, most/elements))
			for first := int64(0); first < n; first += strayChunk {
				if err := ctx.Err(); err != nil {
					return err
				}
				r.rows = r.rows[:0]
				for i := first; i < min(first+strayChunk, n); i++ {
					r.rows = append(r.rows, i)
				}
				read := values[:len(r.rows)*f.decl.Type.Bytes()]
				if err := s.readField(&r, p, f, read); err != nil {
					return err
				}
				if err := s.straysOf(k, first, at, read, tell); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// straysOf tells of values out of range among those of a field's examples from first on.
func (s *Source) straysOf(part int, first int64, at int, values []byte, tell func(*table.Fault) error) error {
	typ := s.parts[part].fields[at].decl.Type
	n := typ.Shape.Numel()
	all := ir.Tensor{Type: ir.Type{DType: typ.DType, Shape: ir.Shape{len(values) / typ.DType.Size()}}, Data: values}
	told := map[int]bool{} // by an earlier bound
	for i := range s.bounds[at] {
		b := &s.bounds[at][i]
		for from := 0; from*n < all.Type.Shape[0]; {
			stray := b.Stray(typ.DType, values[from*typ.Bytes():])
			if stray < 0 {
				break
			}
			stray += from * n
			from = stray/n + 1
			if told[stray/n] {
				continue
			}
			told[stray/n] = true
			if err := tell(s.strayFault(choice{part, first + int64(stray/n)}, at, stray%n, all.Int(stray), b)); err != nil {
				return err
			}
		}
	}
	return nil
}

// strayFault says where a value that is out of range comes from.
func (s *Source) strayFault(c choice, at, element int, value int64, b *ir.Bound) *table.Fault {
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
