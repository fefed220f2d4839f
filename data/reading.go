package data

import (
	"fmt"
	"sync"

	"github.com/flowrun/flowrun/data/order"
	"github.com/flowrun/flowrun/data/table"
)

// chooser finds the examples of batches.
type chooser struct {
	mu     sync.Mutex
	mix    *order.Mix // nil: there is one part
	orders []orders   // of the parts
}

// reading is what one goroutine needs to read batches; its memory is used again for each.
type reading struct {
	chosen  []choice // the examples of a batch
	rows    []int64  // examples of a part, then rows of a table
	places  []int64  // in a batch, of the examples of a part of a mix
	local   []int64
	scratch []byte
	picked  []byte // values of a part of a mix

	fields  []int    // of a table
	columns []int    // theirs
	stored  [][]byte // their values as they are stored
	raw     [][]byte // memory for those, by field
}

// choice is an example of a part.
type choice struct {
	part    int
	example int64
}

// orders keeps the permutations of two epochs, because batches that follow each other are
// in two at most.
type orders struct {
	epochs [2]int64 // the epoch, counted from 1; 0: none
	orders [2]order.Permutation
}

// newChooser is for any number of goroutines: a permutation may take many bytes.
func (s *Source) newChooser() *chooser {
	c := &chooser{orders: make([]orders, len(s.parts))}
	if len(s.decl.Mix) > 0 {
		c.mix = s.newMix()
	}
	return c
}

// order gives the permutation of a part's epoch.
func (s *Source) order(c *chooser, k int, epoch int64) *order.Permutation {
	o, i := &c.orders[k], epoch%2
	if o.epochs[i] != epoch+1 {
		of := s.name()
		if c.mix != nil {
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

// choose appends the examples of the batch of a step.
func (s *Source) choose(from *chooser, step int64, chosen []choice) []choice {
	from.mu.Lock()
	defer from.mu.Unlock()
	epoch, first, count := s.batches.At(step)
	for i := range count {
		c, epoch, shuffle := choice{0, first + i}, epoch, s.decl.Shuffle
		if from.mix != nil {
			part, number := from.mix.At(epoch*s.batches.N + first + i)
			n := s.parts[part].n
			c, epoch, shuffle = choice{part, number % n}, number/n, s.parts[part].decl.Shuffle
		}
		if shuffle && !s.inOrder {
			c.example = s.order(from, c.part, epoch).At(c.example)
		}
		chosen = append(chosen, c)
	}
	return chosen
}

// read reads the batch of a step, all fields, each into its buffer.
func (s *Source) read(r *reading, step int64, buffers [][]byte) error {
	r.chosen = s.choose(s.chooser, step, r.chosen[:0])
	for k, p := range s.parts {
		r.rows, r.places = r.rows[:0], r.places[:0]
		for i, c := range r.chosen {
			if c.part == k {
				r.rows, r.places = append(r.rows, c.example), append(r.places, int64(i))
			}
		}
		if len(s.decl.Mix) == 0 {
			return s.readWhole(r, p, buffers)
		}
		for j, f := range p.fields {
			if err := s.readPart(r, p, f, buffers[j]); err != nil {
				return err
			}
		}
	}
	return nil
}

// readWhole reads all fields of a batch of one part, those of a table together.
func (s *Source) readWhole(r *reading, p *part, buffers [][]byte) error {
	for len(r.raw) < len(p.fields) {
		r.raw = append(r.raw, nil)
	}
	n := len(r.rows)
	for i, l := range p.leaves {
		r.local, r.columns, r.stored, r.fields = r.local[:0], r.columns[:0], r.stored[:0], r.fields[:0]
		for _, row := range r.rows {
			r.local = append(r.local, l.rows.At(row))
		}
		for j, f := range p.fields {
			if f.leaf != i {
				continue
			}
			if need := n * f.stored.Type.Bytes(); f.ids != nil && len(r.raw[j]) < need {
				r.raw[j] = make([]byte, need)
			}
			dst := buffers[j][:n*f.decl.Type.Bytes()]
			r.fields, r.columns, r.stored = append(r.fields, j), append(r.columns, f.column), append(r.stored, f.rawOf(n, dst, r.raw[j]))
		}
		if err := table.ReadFields(l.table, r.columns, r.local, r.stored); err != nil {
			return err
		}
		for k, j := range r.fields {
			f := p.fields[j]
			if err := f.finish(l.table, r.local, buffers[j][:n*f.decl.Type.Bytes()], r.stored[k]); err != nil {
				return err
			}
		}
	}
	return nil
}

// readPart reads a field of the examples that are of one part of a mix, and puts them where
// they belong in the batch.
func (s *Source) readPart(r *reading, p *part, f *field, batch []byte) error {
	size := int64(f.decl.Type.Bytes())
	need := int64(len(r.rows)) * size
	if int64(len(r.picked)) < need {
		r.picked = make([]byte, need)
	}
	if err := s.readField(r, p, f, r.picked[:need]); err != nil {
		return fmt.Errorf("data source %s: %w", p.name, err)
	}
	for i, place := range r.places {
		copy(batch[place*size:(place+1)*size], r.picked[int64(i)*size:])
	}
	return nil
}

// readField reads a field's values of examples of a part.
func (s *Source) readField(r *reading, p *part, f *field, dst []byte) error {
	l := p.leaves[f.leaf]
	r.local = r.local[:0]
	for _, i := range r.rows {
		r.local = append(r.local, l.rows.At(i))
	}
	if need := len(r.rows) * f.stored.Type.Bytes(); f.ids != nil && len(r.scratch) < need {
		r.scratch = make([]byte, need)
	}
	return f.read(l.table, r.local, dst, r.scratch)
}

// Places says where a field's values of the batch of a step come from, example by example.
func (s *Source) Places(step int64, field string) ([]table.Place, error) {
	at := s.parts[0].index(field)
	if at < 0 {
		return nil, fmt.Errorf("the data source %s has no field %q", s.decl.Name, field)
	}
	if err := s.inRange(step); err != nil {
		return nil, err
	}
	var places []table.Place
	for _, c := range s.choose(s.newChooser(), step, nil) {
		p := s.parts[c.part]
		f := p.fields[at]
		l := p.leaves[f.leaf]
		places = append(places, l.table.At(l.rows.At(c.example), f.column))
	}
	return places, nil
}
