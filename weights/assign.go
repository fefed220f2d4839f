package weights

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// Assign decides which tensors are taken as which parameters. Where the rule, the model
// and the file don't fit each other, the error is a *[Misfit].
func Assign(rule Rule, params []Param, tensors []Entry) (*Report, error) {
	if err := rule.Check(); err != nil {
		return nil, err
	}
	a := &assigning{rule: rule, match: newPatterns(rule.Match), ignore: newPatterns(rule.Ignore), renames: newRenames(rule.Rename),
		params: map[string]*Param{}, taken: map[string]*Entry{}, report: &Report{Of: len(params), Average: rule.Average}}
	for i := range params {
		a.params[params[i].Name] = &params[i]
		a.names = append(a.names, params[i].Name)
	}
	a.choose(params)
	tensors = a.averaged(tensors)
	for i := range tensors {
		a.place(&tensors[i])
	}
	a.judge(params)
	if len(a.rules)+len(a.misfit.problems()) > 0 {
		a.misfit.rules = a.rules
		return nil, &a.misfit
	}
	return a.report, nil
}

// assigning is an assignment at work.
type assigning struct {
	rule    Rule
	match   []*pattern
	ignore  []*pattern
	renames *renames

	params map[string]*Param
	names  []string        // of the parameters, in their order
	has    []string        // the names of the file's tensors, without those beside the weights
	wanted map[string]bool // those that match fits; nil: all
	taken  map[string]*Entry
	extra  []*Entry // tensors that are no parameter

	report *Report
	rules  []string // what is wrong with the rule
	misfit Misfit
}

// wants reports whether a parameter is to be taken.
func (a *assigning) wants(name string) bool { return a.wanted == nil || a.wanted[name] }

// choose finds the parameters that match asks for.
func (a *assigning) choose(params []Param) {
	if len(a.match) == 0 {
		return
	}
	a.wanted = map[string]bool{}
	for _, p := range params {
		if matchAny(a.match, p.Name) {
			a.wanted[p.Name] = true
		}
	}
	for _, p := range a.match {
		if !p.fits {
			a.rules = append(a.rules, fmt.Sprintf("match: the model has no parameter %s; it has %s", diag.Quote(p.text), diag.Names(a.names)))
		}
	}
}

// place decides about a tensor.
func (a *assigning) place(e *Entry) {
	if !e.Beside {
		a.has = append(a.has, e.name())
	}
	if matchAny(a.ignore, e.name()) {
		a.report.Ignored = append(a.report.Ignored, e.Name)
		return
	}
	names, renamed := a.renames.of(e.name())
	if !renamed {
		if e.Beside && a.params[e.name()] == nil {
			return
		}
		names = []string{e.name()}
	}
	leads := false
	for i, name := range names {
		if a.params[name] == nil {
			continue
		}
		if leads = true; renamed {
			a.renames.lead(i)
		}
		a.give(name, e)
	}
	if !leads {
		a.extra = append(a.extra, e)
	}
}

// give takes a tensor as a parameter, if nothing else is taken as that.
func (a *assigning) give(name string, e *Entry) {
	before := a.taken[name]
	if before != nil && a.wants(name) {
		a.misfit.Twice = append(a.misfit.Twice, fmt.Sprintf("two tensors are for %s: %s and %s", name, diag.Quote(before.Name), diag.Quote(e.Name)))
	}
	a.taken[name] = e
}

// judge compares types, and decides what may be missing and what may be left.
func (a *assigning) judge(params []Param) {
	a.checkRules()
	for i := range params {
		p := &params[i]
		e := a.taken[p.Name]
		switch {
		case !a.wants(p.Name):
			a.report.Kept = append(a.report.Kept, p.Name)
		case e == nil && (a.rule.Partial || p.Optional):
			a.report.Kept = append(a.report.Kept, p.Name)
		case e == nil:
			a.misfit.Missing = append(a.misfit.Missing, *p)
		default:
			a.take(p, e)
		}
	}
	a.leave()
	sortTaken(a.report.Taken)
	problems := len(a.rules) + len(a.misfit.problems())
	a.misfit.Nothing = problems == 0 && len(a.report.Taken) == 0 && (len(params) > 0 || a.rule.Partial)
	if problems > 0 || a.misfit.Nothing {
		a.hints()
	}
}

// leave finds the tensors that aren't taken.
func (a *assigning) leave() {
	strict := !a.rule.Partial && a.wanted == nil
	for _, e := range a.extra {
		if strict {
			a.misfit.Extra = append(a.misfit.Extra, Extra{Entry: *e})
		} else {
			a.report.Left = append(a.report.Left, e.Name)
		}
	}
	used := map[string]bool{}
	for _, t := range a.report.Taken {
		used[t.Tensor] = true
	}
	for name, e := range a.taken {
		if !a.wants(name) && !used[e.Name] {
			a.report.Left = append(a.report.Left, e.Name)
		}
	}
	a.report.Left = slices.Compact(slices.Sorted(slices.Values(a.report.Left)))
}

// take compares a tensor with the parameter that it is to be.
func (a *assigning) take(p *Param, e *Entry) {
	shape := e.Type.Shape.Equal(p.Type.Shape)
	if shape && (e.Type.DType == p.Type.DType || widens(e.Type.DType, p.Type.DType) || e.rounds(p.Type.DType)) {
		t := Taken{Param: p.Name, Tensor: e.Name}
		if e.Type.DType != p.Type.DType {
			t.From, t.To = e.Type.DType, p.Type.DType
		}
		a.report.Taken = append(a.report.Taken, t)
		return
	}
	a.misfit.Wrong = append(a.misfit.Wrong, wrong(p, e))
}

// checkRules reports patterns that fit nothing.
func (a *assigning) checkRules() {
	for _, p := range a.ignore {
		switch {
		case p.fits:
		case p.literal():
			a.rules = append(a.rules, p.lacking("ignore", a.has))
		default:
			a.report.Idle = append(a.report.Idle, p.text)
		}
	}
	a.rules = append(a.rules, a.renames.faults(a.ignore, a.names, a.has)...)
}

// wrong says how a tensor and the parameter that it has the name of differ.
func wrong(p *Param, e *Entry) string {
	name := diag.Cut(e.Name)
	if e.Name != p.Name {
		name += " (for " + p.Name + ")"
	}
	both := fmt.Sprintf("%s is %s in the file and %s in the model", name, e.typeOf(), p.Type)
	from, to := e.Type, p.Type
	switch {
	case from.DType == ir.Invalid:
		return fmt.Sprintf("%s: flowrun has no %s", both, diag.Cut(e.DType))
	case isTransposed(from.Shape, to.Shape):
		return both + ", which is its transpose"
	case !from.Shape.Equal(to.Shape):
		return both
	case from.DType.IsFloat() && to.DType.IsFloat():
		return both + ", which would round it: declare it " + from.DType.String() + ", or convert the file"
	}
	return both + ": numbers of one kind aren't taken as the other; convert the file"
}

// isTransposed reports whether two shapes differ in the order of their dimensions.
func isTransposed(a, b ir.Shape) bool {
	if len(a) < 2 || len(a) != len(b) || a.Equal(b) {
		return false
	}
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// sortTaken puts what was taken in the order of the parameters' names.
func sortTaken(taken []Taken) {
	slices.SortFunc(taken, func(a, b Taken) int { return cmp.Compare(a.Param, b.Param) })
}
