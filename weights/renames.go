package weights

import (
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// renames are the renames of a rule. Names without stars are looked up, so that a rule
// with a line for each tensor is no more work than its file.
type renames struct {
	all   []renaming
	names map[string]int // the first one of a name
	stars []int          // those with stars
	last  *renaming      // that was used
}

// renaming is a rename and what became of it.
type renaming struct {
	Rename
	*pattern
	used bool     // it was the first that fits a tensor
	to   []target // by To
}

// target is a name that a rename gives, and what became of it.
type target struct {
	name  string // the last one that was given
	leads bool   // one of them is a parameter
}

func newRenames(list []Rename) *renames {
	r := &renames{names: map[string]int{}}
	for i, rename := range list {
		p := newPattern(rename.From)
		r.all = append(r.all, renaming{Rename: rename, pattern: p, to: make([]target, len(rename.To))})
		if !p.literal() {
			r.stars = append(r.stars, i)
			continue
		}
		for _, name := range []string{ir.PlainPath(p.text), p.text} {
			if _, taken := r.names[name]; !taken {
				r.names[name] = i
			}
		}
	}
	return r
}

// find is the first rename that fits a tensor; -1 if none does.
func (r *renames) find(tensor string) int {
	first, ok := r.names[tensor]
	if !ok {
		first = -1
	} else {
		r.all[first].fits = true
	}
	for _, i := range r.stars {
		if r.all[i].match(tensor) {
			r.all[i].fits = true
			if first < 0 || i < first {
				first = i
			}
		}
	}
	return first
}

// of gives the names of parameters that a tensor is renamed to.
func (r *renames) of(tensor string) (names []string, renamed bool) {
	i := r.find(tensor)
	if i < 0 {
		return nil, false
	}
	p := &r.all[i]
	texts := p.captured(tensor)
	for i, to := range p.To {
		if strings.Contains(to, "*") {
			to = ir.Filled(to, texts)
		}
		p.to[i].name = ir.PlainPath(to)
		names = append(names, p.to[i].name)
	}
	p.used, r.last = true, p
	return names, true
}

// lead remembers that a name of the tensor that was renamed last is a parameter.
func (r *renames) lead(i int) { r.last.to[i].leads = true }

// faults says what is wrong with renames that took nothing, or give a name that nothing
// has: with partial, nobody would notice that a parameter of a list is misspelled.
func (r *renames) faults(ignore []*pattern, params, tensors []string) (faults []string) {
	for i := range r.all {
		switch p := &r.all[i]; {
		case !p.fits && p.literal() && matchAny(ignore, p.text):
			faults = append(faults, fmt.Sprintf("rename: the tensor %s is also in ignore", diag.Quote(p.text)))
		case !p.fits:
			faults = append(faults, p.lacking("rename", tensors))
		case !p.used:
			faults = append(faults, fmt.Sprintf("rename: all tensors that %s fits are renamed by lines above it", diag.Quote(p.text)))
		default:
			faults = append(faults, p.leadingNowhere(params)...)
		}
	}
	return faults
}

// leadingNowhere says which of the names that a rename gives are no parameters.
func (r *renaming) leadingNowhere(params []string) (faults []string) {
	for i, to := range r.to {
		switch {
		case to.leads:
		case strings.Contains(r.To[i], "*"):
			faults = append(faults, fmt.Sprintf("rename: %s fits tensors, but the model has none of the parameters that %s gives, such as %s",
				diag.Quote(r.text), diag.Quote(r.To[i]), diag.Quote(to.name)))
		default:
			faults = append(faults, fmt.Sprintf("rename: the model has no parameter %s%s", diag.Quote(to.name), meant(to.name, params)))
		}
	}
	return faults
}
