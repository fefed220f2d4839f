package build

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax"
)

// parameters lists what the update trains: the parameters that its loss depends on and that
// its patterns match, but for frozen ones. Patterns that match nothing are reported.
func (o *optimizing) parameters() []*trained {
	needed := ancestors(o.plain[o.u], nil)
	chosen, groups := newChoice(o.u), newGroups(o.u)
	var params []*trained
	for _, s := range o.Graph.States {
		if s.Kind != ir.ParamState || !chosen.has(o.list, s, needed[s.Read]) {
			continue
		}
		p := &trained{state: s, group: groups.find(o.list, s)}
		switch {
		case o.frozen[s]:
		case p.group != nil && p.group.Frozen:
			o.heldBack[s] = true
		case needed[s.Read]:
			params = append(params, p)
		}
	}
	chosen.report(o.training)
	groups.report(o.training)
	o.listed++
	return params
}

// choice is what the key `parameters` of an update says.
type choice struct {
	update   *syntax.Update
	patterns []ir.Pattern
	matched  []int // by pattern: how many parameters
	needed   []int // and how many of these the loss depends on
}

func newChoice(u *syntax.Update) *choice {
	c := &choice{update: u, matched: make([]int, len(u.Parameters)), needed: make([]int, len(u.Parameters))}
	for _, p := range u.Parameters {
		c.patterns = append(c.patterns, ir.NewPattern(ir.PlainPath(p.Name)))
	}
	return c
}

// has reports whether a parameter is one of those that the update may train. All are, if it
// doesn't say which.
func (c *choice) has(list *diag.List, s *ir.State, needed bool) bool {
	has := c.update.Parameters == nil
	for i, p := range c.patterns {
		list.Budget.At(c.update.Parameters[i].At)
		list.Budget.Spend(diag.Matching, p.Cost(s.Name))
		if p.Match(s.Name) {
			has = true
			if c.matched[i]++; needed {
				c.needed[i]++
			}
		}
	}
	return has
}

func (c *choice) report(t *training) {
	for i, p := range c.update.Parameters {
		switch {
		case c.matched[i] == 0:
			t.report(t.root, diag.Diagnostic{Rule: diag.InvalidValue, Range: p.At,
				Message: fmt.Sprintf("`%s` matches no parameters", diag.Cut(p.Name)), Help: t.someParameters()})
		case c.needed[i] == 0:
			t.list.Add(diag.Diagnostic{Rule: diag.NoGradient, Range: p.At,
				Message: fmt.Sprintf("the loss depends on none of the parameters that `%s` matches, so they aren't trained", diag.Cut(p.Name))})
		}
	}
}

// someParameters names a few of the spec's parameters.
func (t *training) someParameters() string {
	var names []string
	for _, s := range t.Graph.States {
		if s.Kind == ir.ParamState {
			names = append(names, s.Name)
		}
	}
	if len(names) == 0 {
		return "the model has no parameters"
	}
	more := ""
	if n := len(names) - 3; n > 0 {
		names, more = names[:3], fmt.Sprintf(" and %s", diag.Count(n, "other"))
	}
	return "there is " + strings.Join(names, ", ") + more + "; * matches any text"
}

// matching finds the group of each parameter.
type matching struct {
	groups   []*syntax.Group
	patterns []ir.Pattern
	matched  map[*syntax.Group]bool
}

func newGroups(u *syntax.Update) *matching {
	m := &matching{groups: u.Groups, matched: map[*syntax.Group]bool{}}
	for _, g := range u.Groups {
		m.patterns = append(m.patterns, ir.NewPattern(ir.PlainPath(g.Match)))
	}
	return m
}

// find is the first group that matches a parameter; nil if none does.
func (m *matching) find(list *diag.List, s *ir.State) *syntax.Group {
	for i, g := range m.groups {
		list.Budget.At(g.At)
		list.Budget.Spend(diag.Matching, m.patterns[i].Cost(s.Name))
		if m.patterns[i].Match(s.Name) {
			m.matched[g] = true
			return g
		}
	}
	return nil
}

func (m *matching) report(t *training) {
	for _, g := range m.groups {
		if !m.matched[g] {
			t.list.Add(diag.Diagnostic{Rule: diag.UnmatchedRule, Range: g.At,
				Message: "the group matches no parameters, or only those of earlier groups",
				Help:    "example names: h1.weight, h.0.weight; * matches any text"})
		}
	}
}

// untrained warns of parameters that no update writes.
func (t *training) untrained() {
	losses := t.def.Losses()
	if t.listed < len(losses) || t.def.Named() && t.list.HasErrors() {
		return // what they would train isn't known
	}
	needed := map[*ir.Node]bool{}
	for _, u := range losses {
		maps.Copy(needed, ancestors(t.plain[u], nil))
	}
	var unused, left []*ir.State
	trained := 0
	for _, s := range t.Graph.States {
		switch {
		case s.Kind != ir.ParamState || t.frozen[s] || t.heldBack[s]:
		case slices.Contains(t.written, s) || !t.def.Named() && needed[s.Read]:
			trained++
		case needed[s.Read]:
			left = append(left, s)
		default:
			unused = append(unused, s)
		}
	}
	if len(left) > 0 {
		what := "the parameter " + left[0].Name
		if n := len(left); n > 1 {
			what += " and " + diag.Count(n-1, "other")
		}
		t.report(t.root, diag.Diagnostic{Rule: diag.NoGradient, Range: left[0].Origin, Message: "no update trains " + what,
			Help: "add it to the `parameters` of an update, or write `trainable: false` on its node"})
	}
	if len(losses) > 0 {
		t.warnUntrained(unused, trained, needed)
	}
}
