package data

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/flowrun/flowrun/data/learned"
	"github.com/flowrun/flowrun/data/order"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

// Source provides batches. Which examples are in the batch of a step is a function of the
// declaration, the files, the part and the seed. Its methods may be called from several
// goroutines.
type Source struct {
	decl    *table.Decl
	part    string
	seed    int64
	inOrder bool

	parts       []*part // one, or those of a mix
	batches     order.Batches
	repeat      int64 // epochs; 0: no end
	facts       learned.Facts
	fingerprint string
	bounds      [][]ir.Bound // by field; see Bound

	closing sync.Once
	chooser *chooser // of those that read ahead
	ahead   ahead
}

// layOut divides the examples into batches.
func (s *Source) layOut() error {
	n, size := s.parts[0].n, s.decl.Batch
	s.repeat = s.decl.Repeat
	if len(s.decl.Mix) > 0 {
		total := int64(0)
		for _, share := range s.decl.Mix {
			if total += share.Weight; share.Weight < 1 || total > order.MixLimit {
				return fmt.Errorf("the weights of a mix are from 1, and their sum up to %d", order.MixLimit)
			}
		}
		n = s.newMix().Len()
	}
	if s.parts[0].whole {
		size = 1
		s.repeat = max(1, s.repeat)
	}
	if size < 1 {
		return errors.New("it has no batch size")
	}
	s.batches = order.Batches{N: n, Size: size, DropLast: s.decl.DropLast && !s.inOrder}
	if s.batches.Steps() == 0 {
		return fmt.Errorf("its %d examples don't fill a batch of %d, and drop_last leaves smaller ones out", n, size)
	}
	return nil
}

// newMix makes the draws of a mix.
func (s *Source) newMix() *order.Mix {
	var weights, examples []int64
	for i, share := range s.decl.Mix {
		weights, examples = append(weights, share.Weight), append(examples, s.parts[i].n)
	}
	return order.NewMix(weights, examples, s.key("mix", s.name()))
}

// name is SOURCE or SOURCE.PART.
func (s *Source) name() string {
	if s.part == "" {
		return s.decl.Name
	}
	return s.decl.Name + "." + s.part
}

// know learns the facts, or takes those that were learned, and prepares the fields for them.
func (s *Source) know(ctx context.Context, o Options, learnFrom []*part) error {
	s.facts = o.Facts
	if s.facts == nil {
		var err error
		if s.facts, err = learn(ctx, o, learnFrom); err != nil {
			return err
		}
	} else {
		for _, p := range s.parts {
			s.facts = s.facts.Declared(p.values(false))
		}
	}
	for _, p := range s.parts {
		for i, v := range p.values(false) {
			if err := s.facts.Check(v.Field); err != nil {
				return err
			}
			ids, err := s.facts.IDs(ctx, v, o.Fault)
			if err != nil {
				return err
			}
			if err := p.fields[i].learnt(s.facts[v.Field.Name], ids); err != nil {
				return err
			}
		}
	}
	return nil
}

// learn learns from parts, or finds what was learned before from the same examples.
func learn(ctx context.Context, o Options, from []*part) (learned.Facts, error) {
	var all []learned.Values
	key := []any{"facts 1"}
	for _, p := range from {
		key = append(key, p.taken)
		for _, v := range p.values(true) {
			if learned.Needed(v.Field) {
				f := v.Field
				key = append(key, v.Table.Fingerprint(), v.Column, f.Name, f.Type.String(), f.Classes, f.Normalize, f.Fill)
				all = append(all, v)
			}
		}
	}
	if len(all) == 0 {
		return learned.Facts{}, nil
	}
	text, err := json.Marshal(key)
	if err != nil {
		return nil, err
	}
	t, err := o.Cache.Prepare(nil)(ctx, string(text), nil, func(w table.Writer) error {
		facts, err := learned.Learn(ctx, all)
		if err == nil {
			w.Note(facts.JSON())
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	facts, err := learned.Parse(t.Notes()[0])
	return facts, errors.Join(err, t.Close())
}

// values are the values of all fields, those in the batches or those to learn from.
func (p *part) values(learn bool) []learned.Values {
	var all []learned.Values
	for _, f := range p.fields {
		l := p.leaves[f.leaf]
		rows := l.rows
		if learn && f.parted != nil {
			rows = f.parted
		}
		all = append(all, learned.Values{Field: f.decl, Table: l.table, Column: f.column, Rows: rows})
	}
	return all
}

// identify describes everything that decides what is in the batches.
func (s *Source) identify() string {
	type fieldText struct{ Name, Type, Normalize string }
	type partText struct {
		Name    string
		Tables  []string
		Taken   []string
		Fields  []fieldText
		Shuffle bool
	}
	var parts []partText
	for _, p := range s.parts {
		t := partText{Name: p.name, Taken: p.taken, Shuffle: p.decl.Shuffle}
		for _, l := range p.leaves {
			t.Tables = append(t.Tables, l.table.Fingerprint())
		}
		for _, f := range p.fields {
			t.Fields = append(t.Fields, fieldText{f.decl.Name, f.decl.Type.String(), string(f.decl.Normalize)})
		}
		parts = append(parts, t)
	}
	text, err := json.Marshal([]any{"data 1", s.name(), s.seed, s.inOrder, s.decl.Shuffle, s.decl.Mix, s.decl.Zip, s.batches, parts, s.facts.JSON()})
	if err != nil {
		return "" // there is nothing in it that JSON can't say
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Examples is the number of examples of an epoch.
func (s *Source) Examples() int64 { return s.batches.N }

// EpochSteps is the number of batches of an epoch.
func (s *Source) EpochSteps() int64 { return s.batches.Steps() }

// Remainder is the number of examples in the smaller last batch of an epoch; 0 if there is
// none.
func (s *Source) Remainder() int64 { return s.batches.Remainder() }

// Steps is the number of batches that there are; 0: any number, or more than can be counted.
func (s *Source) Steps() int64 {
	if steps := s.batches.Steps(); s.repeat <= math.MaxInt64/steps {
		return s.repeat * steps
	}
	return 0
}

// Facts are what was learned from the training data.
func (s *Source) Facts() learned.Facts { return s.facts }

// Fingerprint identifies the batches: equal fingerprints mean equal batches at every step.
func (s *Source) Fingerprint() string { return s.fingerprint }

// Waited is how long calls of Batch have waited for files, altogether.
func (s *Source) Waited() time.Duration { return time.Duration(s.ahead.waited.Load()) }

// Fields are the fields that batches have, with the types of an example.
func (s *Source) Fields() []table.Field {
	var all []table.Field
	for _, f := range s.parts[0].fields {
		all = append(all, *f.decl)
	}
	return all
}

// BatchType is the type of a field's batch of a step.
func (s *Source) BatchType(step int64, field string) (ir.Type, bool) {
	at := s.parts[0].index(field)
	if at < 0 {
		return ir.Type{}, false
	}
	typ := s.parts[0].fields[at].decl.Type
	if s.parts[0].whole {
		return typ, true
	}
	_, _, count := s.batches.At(step)
	return ir.Type{DType: typ.DType, Shape: append(ir.Shape{int(count)}, typ.Shape...)}, true
}

// Verify reads everything that opening hasn't read, and reports what is wrong.
func (s *Source) Verify() error {
	for _, p := range s.parts {
		if err := p.verify(); err != nil {
			return err
		}
	}
	return nil
}

// Close ends reading ahead and closes the files. Calls of Batch that wait get an error.
func (s *Source) Close() error {
	s.ahead.stop()
	var err error
	s.closing.Do(func() { err = s.closeTables() })
	return err
}

func (s *Source) closeTables() error {
	var errs []error
	for _, p := range s.parts {
		errs = append(errs, p.close())
	}
	return errors.Join(errs...)
}
