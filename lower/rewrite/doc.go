// Package rewrite owns the rewrites of lowering: patterns that replace nodes by
// cheaper, equal ones, as lines of text.
//
//	subtract-negative: a + b * -1 => a - b
//
// A rewrite file (*.rewrites here, embedded) begins with its grammar; see
// algebra.rewrites and docs/rewrites.md. [Parse] checks every line against the op
// registry: an unknown op, a wrong number of operands, an argument of the wrong kind
// or an unbound name is an error with file, line and rewrite. So a [Rewrite] can be
// applied to any graph with a single further check: that the replacement has the
// type of the node it replaces, which depends on shapes.
//
// The package's tests compare both sides of every rewrite, bit by bit, over random
// shapes and dtypes, on the CPU's kernels. NaNs count as equal whatever their sign
// and payload. Rewrites tagged [rounding n] may
// differ by n units in the last place, or in the sign of a zero; those tagged [order] by
// as much as adding up the terms of a sum in another order changes.
//
// The package knows neither placement nor plans: the pass simplify decides where a
// match may be used.
package rewrite

import (
	"embed"
	"errors"
	"fmt"
	"sync"

	"github.com/flowrun/flowrun/ir"
)

// Rewrite is one rewrite.
type Rewrite struct {
	Name string
	File string
	Line int
	Text string // as it is written, without its name and tag
	// Rounding is set for rewrites that may change bits; ULPs is by how many units in
	// the last place at most. 0 means that only the sign of a zero may change.
	Rounding bool
	ULPs     float64
	// Order is set, with Rounding, for rewrites that may change the order in which the
	// terms of a sum are added up.
	Order bool

	root      *ir.Op
	patterns  []*pattern // one for each order of commutative operands
	condition value      // nil: always
	result    template
	slots     []slot
}

// Set is a set of rewrites, indexed by the op of the node that they replace. It is
// safe for concurrent use.
type Set struct {
	Rewrites []*Rewrite // in the order of the files
	byRoot   map[*ir.Op][]*Rewrite
}

// NewSet makes a set. If several rewrites match, the first one is applied.
func NewSet(rewrites []*Rewrite) *Set {
	s := &Set{Rewrites: rewrites, byRoot: map[*ir.Op][]*Rewrite{}}
	for _, r := range rewrites {
		s.byRoot[r.root] = append(s.byRoot[r.root], r)
	}
	return s
}

// For lists the rewrites that may replace a node of an op.
func (s *Set) For(op *ir.Op) []*Rewrite { return s.byRoot[op] }

//go:embed *.rewrites
var files embed.FS

// Default is the set of all rewrites in this folder. It is parsed once.
var Default = sync.OnceValues(func() (*Set, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	var all []*Rewrite
	var errs []error
	seen := map[string]string{}
	for _, e := range entries {
		text, err := files.ReadFile(e.Name())
		if err != nil {
			return nil, err
		}
		parsed, err := Parse(e.Name(), string(text))
		errs = append(errs, err)
		for _, r := range parsed {
			if file := seen[r.Name]; file != "" && file != r.File {
				errs = append(errs, fmt.Errorf("%s:%d: rewrite %s is in %s too", r.File, r.Line, r.Name, file))
			}
			seen[r.Name] = r.File
		}
		all = append(all, parsed...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return NewSet(all), nil
})
