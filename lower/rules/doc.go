// Package rules owns the rewrite rules of lowering: what can be written more
// cheaply, as lines of text.
//
//	subtract-negative: a + b * -1 => a - b
//
// A rule file (*.rules here, embedded) begins with its grammar; see
// algebra.rules and docs/rewrites.md. [Parse] checks every line against the op
// registry: an op that doesn't exist, a wrong number of operands, an argument of
// the wrong kind, a name that nothing binds is an error with file, line and
// rule. So a [Rule] can be applied to any graph without a further check but one:
// that the replacement has the type of what it replaces, which depends on the
// shapes met.
//
// That both sides compute the same is proven by the package's tests, on every
// rule, bit by bit over random shapes and dtypes with the CPU's kernels. NaNs
// count as equal whatever their sign and payload. Rules tagged [rounding n] may
// differ by n units in the last place, or in the sign of a zero, and can be left
// out ([Set.Without]).
//
// The package knows no placement and no plan: where a match may be used is for
// the pass simplify to say.
package rules

import (
	"embed"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/flowrun/flowrun/ir"
)

// Rule is one rewrite.
type Rule struct {
	Name string
	File string
	Line int
	Text string // as it is written, without its name and tag
	// Rounding tells rules that change bits; ULPs is by how many units in the
	// last place at most. 0 means that only the sign of a zero may change.
	Rounding bool
	ULPs     float64

	root      *ir.Op
	patterns  []*pattern // one for each order of commutative operands
	condition value      // nil: always
	result    *template
	slots     []slot
}

// Root is the op of the node that the rule replaces.
func (r *Rule) Root() *ir.Op { return r.root }

// Set is a number of rules, found by the op of the node that they replace. It
// may be used by several goroutines.
type Set struct {
	Rules  []*Rule // in the order of the files
	byRoot map[*ir.Op][]*Rule
}

// NewSet makes a set. Where several rules match, the first one is applied.
func NewSet(rules []*Rule) *Set {
	s := &Set{Rules: rules, byRoot: map[*ir.Op][]*Rule{}}
	for _, r := range rules {
		s.byRoot[r.root] = append(s.byRoot[r.root], r)
	}
	return s
}

// For lists the rules that may replace a node of an op.
func (s *Set) For(op *ir.Op) []*Rule { return s.byRoot[op] }

// Without leaves out the rules of some names and, if rounding is false, those
// that change rounding. A name that no rule has is an error.
func (s *Set) Without(names []string, rounding bool) (*Set, error) {
	for _, name := range names {
		if !slices.ContainsFunc(s.Rules, func(r *Rule) bool { return r.Name == name }) {
			return nil, fmt.Errorf("there is no rewrite rule %s to leave out; docs/rewrites.md says where they are", name)
		}
	}
	var kept []*Rule
	for _, r := range s.Rules {
		if !slices.Contains(names, r.Name) && (rounding || !r.Rounding) {
			kept = append(kept, r)
		}
	}
	return NewSet(kept), nil
}

//go:embed *.rules
var files embed.FS

// Default is the set of all rules of this folder. It is read once.
var Default = sync.OnceValues(func() (*Set, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	var all []*Rule
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
				errs = append(errs, fmt.Errorf("%s:%d: rule %s is in %s too", r.File, r.Line, r.Name, file))
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
