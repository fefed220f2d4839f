package build

import (
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax"
)

// assign makes an update that gives states new values. All of them are computed before the
// first is written.
func (t *training) assign(u *syntax.Update) {
	from := len(t.Graph.Nodes)
	turn, view := t.turnOf(u), t.viewOf(u)
	t.own(from, join("updates", u.Name), "")
	var states []*ir.State
	var values []*ir.Node
	for _, a := range u.Assign {
		s := t.assigned(a.Path, a.At)
		if s == nil {
			continue
		}
		if slices.Contains(states, s) {
			t.fail(t.root, diag.DuplicateName, a.At, "", "%s is assigned twice", s.Name)
			continue
		}
		path := t.join(join("updates", u.Name), s.Name)
		v := t.ofStep(func() any { return t.single(path, a.Def, ir.BufferState) })
		ex := &expander{graph: t.graph, f: t.root, to: t.Builder, path: path}
		n := ex.fit(v, s.Type, "the new value of "+s.Name, a.Def.At)
		if n == nil {
			continue
		}
		states, values = append(states, s), append(values, view.of(n))
	}
	for i, s := range states {
		from := len(t.Graph.Nodes)
		t.Origin = u.At
		t.write(s, values[i], turn.now)
		t.updating(from, s, join("updates", u.Name))
	}
}

// assigned finds the parameter or the state of a module that an update writes; nil was
// reported.
func (t *training) assigned(path string, at diag.Range) *ir.State {
	if s := t.states[ir.PlainPath(path)]; s != nil && isWritable(s) {
		return s
	}
	if t.list.HasErrors() {
		return nil // it may be in what was reported
	}
	names := t.writable()
	help := t.list.Suggestion(path, names)
	if help == "" {
		help = syntax.ThereIs(names)
	}
	t.fail(t.root, diag.UnknownName, at, help, "the model has no parameter or state `%s`", diag.Cut(path))
	return nil
}

// isWritable reports whether an update may write a state: it is a parameter or a module's.
func isWritable(s *ir.State) bool { return s.Kind == ir.ParamState || s.Kind == ir.BufferState }

func (t *training) writable() []string {
	var names []string
	for _, s := range t.Graph.States {
		if isWritable(s) {
			names = append(names, s.Name)
		}
	}
	return names
}

// copy makes an update that copies states, or moves them towards others. All values are
// computed before the first is written.
func (t *training) copy(u *syntax.Update) {
	from := len(t.Graph.Nodes)
	turn := t.turnOf(u)
	rate, ok := t.rate(u)
	t.own(from, join("updates", u.Name), "")
	if !ok {
		return
	}
	taken := map[*ir.State]diag.Range{}
	var values []*ir.Node
	var to []*ir.State
	for _, c := range u.Copies {
		for _, p := range t.copies[c] {
			if at, twice := taken[p.to]; twice {
				t.report(t.root, diag.Diagnostic{Rule: diag.DuplicateName, Range: c.ToAt, Message: p.to.Name + " is copied to twice",
					Notes: []diag.Note{{Message: "first here", Range: at}}})
				return
			}
			taken[p.to] = c.ToAt
			v := t.copied(u, c, p, rate)
			if v == nil {
				return
			}
			to, values = append(to, p.to), append(values, v)
		}
	}
	for i, s := range to {
		from := len(t.Graph.Nodes)
		t.Origin = u.At
		t.write(s, values[i], turn.now)
		t.updating(from, s, join("updates", u.Name))
	}
}

// rate evaluates how far copies go: nil, nothing else than all the way.
func (t *training) rate(u *syntax.Update) (rate any, ok bool) {
	if u.Rate == nil {
		return nil, true
	}
	f := newFrame(nil, "")
	f.stateless = "a rate"
	t.vars(f)
	f.values["step"] = t.taken()
	t.epochs(f.values, t.step)
	ex := &expander{graph: t.graph, f: f, to: t.Builder, path: join("updates", u.Name)}
	v := ex.expand(u.Rate)
	at := u.Rate.At()
	number, known := asFloat(v)
	switch {
	case syntax.IsBad(v):
		return nil, false
	case !isScalar(v):
		t.fail(t.root, diag.InvalidArgument, at, "", "rate must be a scalar, got %s", ir.Describe(v))
		return nil, false
	case known && !(number > 0 && number <= 1):
		t.fail(t.root, diag.InvalidArgument, at, "1 copies, and 0.005 makes a moving average", "rate must be above 0 and at most 1, got %v", v)
		return nil, false
	case known && number == 1:
		return nil, true
	}
	return v, true
}

func asFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// pair is a state and the one that it is copied to.
type pair struct{ from, to *ir.State }

// pairs finds what an entry of copy stands for. What is wrong with it is reported.
func (t *training) pairs(c *syntax.Copying) []pair {
	from, to := ir.PlainPath(c.From), ir.PlainPath(c.To)
	pattern := ir.NewPattern(from)
	t.list.Budget.At(c.FromAt)
	var pairs []pair
	for _, s := range t.Graph.States {
		t.list.Budget.Spend(diag.Matching, pattern.Cost(s.Name))
		if !isWritable(s) || !pattern.Match(s.Name) {
			continue
		}
		name := ir.Filled(to, pattern.Captured(s.Name))
		d := t.assigned(name, c.ToAt)
		switch {
		case d == nil:
			return nil
		case d == s:
			t.fail(t.root, diag.InvalidValue, c.ToAt, "", "%s is copied to itself", s.Name)
			return nil
		case !d.Type.Equal(s.Type):
			t.report(t.root, diag.Diagnostic{Rule: diag.ShapeMismatch, Range: c.ToAt,
				Message: "can't copy " + s.Name + ", " + s.Type.String() + ", to " + d.Name + ", " + d.Type.String(),
				Notes:   []diag.Note{{Message: s.Name + " is declared here", Range: s.Origin}, {Message: d.Name + " is declared here", Range: d.Origin}}})
			return nil
		}
		pairs = append(pairs, pair{s, d})
	}
	return pairs
}

// copied is the new value of a state that another one is copied to; nil was reported.
func (t *training) copied(u *syntax.Update, c *syntax.Copying, p pair, rate any) *ir.Node {
	from := len(t.Graph.Nodes)
	t.Origin = c.FromAt
	v, d := p.from.Read, p.to.Type.DType
	if u.SeesEarlier {
		v = now(p.from)
	}
	if rate != nil && d.IsFloat() { // integers can't go a part of the way
		wide := d.Wide()
		old := t.Cast(now(p.to), wide)
		if n, ok := rate.(*ir.Node); ok {
			rate = t.Cast(n, wide)
		}
		v = t.Cast(t.Apply(ir.LookupOp("add"), old, t.Apply(ir.LookupOp("mul"), t.Apply(ir.LookupOp("sub"), t.Cast(v, wide), old), rate)), d)
	}
	t.updating(from, p.to, join("updates", u.Name))
	return v
}
