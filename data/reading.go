package data

import (
	"fmt"

	"github.com/flowrun/flowrun/data/order"
)

// reading is what one goroutine needs to read batches; its memory is used again for each.
type reading struct {
	orders  []orders // of the parts
	rows    []int64  // examples of a part, then rows of a table
	places  []int64  // in a batch, of the examples of a part of a mix
	local   []int64
	scratch []byte
	picked  []byte // values of a part of a mix
	drawn   []drawn
}

// drawn is an example of a mix: of which part, and how many of it were drawn before.
type drawn struct {
	part   int
	number int64
}

// orders keeps the permutations of two epochs, because batches that follow each other are
// in two at most.
type orders struct {
	epochs [2]int64 // the epoch, counted from 1; 0: none
	orders [2]order.Permutation
}

// order gives the permutation of a part's epoch.
func (s *Source) order(k int, epoch int64) *order.Permutation {
	o, i := &s.reading.orders[k], epoch%2
	if o.epochs[i] != epoch+1 {
		of := s.name()
		if s.mix != nil {
			of += "\n" + s.parts[k].name
		}
		o.orders[i].Set(s.parts[k].n, s.key("shuffle", of, epoch))
		o.epochs[i] = epoch + 1
	}
	return &o.orders[i]
}

// key is for draws of this source with its seed.
func (s *Source) key(what, of string, numbers ...int64) order.Key {
	return order.KeyOf(what, of, append([]int64{s.seed}, numbers...)...)
}

// read reads the batch of a step, all fields, each into its buffer.
func (s *Source) read(step int64, buffers [][]byte) error {
	epoch, first, count := s.batches.At(step)
	r := &s.reading
	if s.mix != nil {
		return s.readMix(epoch*s.batches.N+first, count, buffers)
	}
	p := s.parts[0]
	r.rows = r.rows[:0]
	if s.decl.Shuffle && !s.inOrder {
		o := s.order(0, epoch)
		for i := range count {
			r.rows = append(r.rows, o.At(first+i))
		}
	} else {
		for i := range count {
			r.rows = append(r.rows, first+i)
		}
	}
	for i, f := range p.fields {
		size := int64(f.decl.Type.Bytes())
		if err := s.readField(p, f, r.rows, buffers[i][:count*size]); err != nil {
			return err
		}
	}
	return nil
}

// readField reads a field's values of examples of a part.
func (s *Source) readField(p *part, f *field, examples []int64, dst []byte) error {
	r, l := &s.reading, p.leaves[f.leaf]
	r.local = r.local[:0]
	for _, i := range examples {
		r.local = append(r.local, l.rows.At(i))
	}
	if need := len(examples) * f.stored.Type.Bytes(); f.ids != nil && len(r.scratch) < need {
		r.scratch = make([]byte, need)
	}
	return f.read(l.table, r.local, dst, r.scratch)
}

// readMix reads examples of a mix, of each part at once those that are drawn from it.
func (s *Source) readMix(draw, count int64, buffers [][]byte) error {
	r := &s.reading
	r.drawn = r.drawn[:0]
	for i := range count {
		source, number := s.mix.At(draw + i)
		r.drawn = append(r.drawn, drawn{source, number})
	}
	for k, p := range s.parts {
		r.rows, r.places = r.rows[:0], r.places[:0]
		for i, d := range r.drawn {
			if d.part != k {
				continue
			}
			number := d.number
			epoch, example := number/p.n, number%p.n
			if p.decl.Shuffle && !s.inOrder {
				example = s.order(k, epoch).At(example)
			}
			r.rows, r.places = append(r.rows, example), append(r.places, int64(i))
		}
		for j, f := range p.fields {
			size := f.decl.Type.Bytes()
			if need := len(r.rows) * size; len(r.picked) < need {
				r.picked = make([]byte, need)
			}
			picked := r.picked[:len(r.rows)*size]
			if err := s.readField(p, f, r.rows, picked); err != nil {
				return fmt.Errorf("data source %s: %w", p.name, err)
			}
			for i, place := range r.places {
				copy(buffers[j][place*int64(size):(place+1)*int64(size)], picked[i*size:])
			}
		}
	}
	return nil
}
