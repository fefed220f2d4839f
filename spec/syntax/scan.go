package syntax

import (
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// Scan says along which dim a module is applied, position by position.
type Scan struct {
	At      diag.Range
	Dim     expr.Expr // nil if it was reported
	Reverse expr.Expr // nil: from the first position to the last
	// Over are the inputs that are taken apart; nil: the first.
	Over []ScanName
	// Last are the outputs whose last value is the result, instead of all; LastAll says all.
	Last    []ScanName
	LastAll bool
	// Generation says whether carries go on from one step of a generation to the next; nil: no.
	Generation expr.Expr
}

// ScanName is an input or output that a scan names.
type ScanName struct {
	Name string
	At   diag.Range
}

// scan decodes the key scan: a dim, or a mapping.
func (d *decoder) scan(n *tree.Node) *Scan {
	s := &Scan{At: n.Range}
	if n.Kind != tree.Map {
		s.Dim = d.expression(n, "scan")
		return s
	}
	fields, ok := d.fields(n, scanSection)
	if !ok || fields["dim"] == nil {
		return s
	}
	if over := fields["over"]; over != nil {
		if s.Over, ok = d.scanNames(over, "over"); !ok {
			return s
		}
	}
	switch last := fields["last"]; {
	case last == nil:
	case last.Kind == tree.Bool:
		s.LastAll, _ = d.boolean(last, "last")
	default:
		if s.Last, ok = d.scanNames(last, "last"); !ok {
			return s
		}
	}
	if s.Reverse = d.expression(fields["reverse"], "reverse"); s.Reverse == nil && fields["reverse"] != nil {
		return s
	}
	if s.Generation = d.expression(fields["generation"], "generation"); s.Generation == nil && fields["generation"] != nil {
		return s
	}
	s.Dim = d.expression(fields["dim"], "dim")
	return s
}

// scanNames decodes a name, or a list of them.
func (d *decoder) scanNames(n *tree.Node, key string) (names []ScanName, ok bool) {
	items := []*tree.Node{n}
	if n.Kind == tree.List {
		items = n.Items
	}
	ok = true
	for _, item := range items {
		text, good := d.text(item, key)
		if good && !expr.IsName(text) {
			d.report(diag.InvalidName, item.Range, "write a name, or a list of names", "`%s` is not a valid name", diag.Cut(text))
			good = false
		}
		if !good {
			ok = false
			continue
		}
		names = append(names, ScanName{text, item.Range})
	}
	if ok && len(names) == 0 {
		d.report(diag.WrongType, n.Range, "omit it, or name something", "%s names nothing", key)
		ok = false
	}
	return names, ok
}

// carry decodes what goes from one position of a scan to the next: its initial value, or a
// mapping.
func (d *decoder) carry(e tree.Entry) *State {
	st := &State{Name: e.Key.Text, At: e.Key.Range, Carry: true}
	if e.Value.Kind != tree.Map {
		st.Init = d.expression(e.Value, "the carry "+st.Name)
		return st
	}
	fields, ok := d.fields(e.Value, carrySection)
	if !ok {
		return st
	}
	st.Init = d.expression(fields["init"], "init")
	if st.When = d.expression(fields["when"], "when"); st.When == nil && fields["when"] != nil {
		st.Init = nil
	}
	return st
}

// carries decodes a module's carries, which its update must write.
func (d *decoder) carries(m *Module, fields map[string]*tree.Node, writable map[string]bool) {
	for _, e := range d.entries(fields["carry"], "carry") {
		m.States = append(m.States, d.carry(e))
		writable[e.Key.Text] = true
		m.Carries = true
		if m.Accumulate {
			d.report(diag.InvalidOperation, e.Key.Range, "use state", "an accumulating module gathers from batch to batch, so it can't have the carry %s", e.Key.Text)
		}
		if update := fields["update"]; update == nil || update.Get(e.Key.Text) == nil && !incomplete(update) {
			d.report(diag.MissingKey, e.Key.Range, "add "+e.Key.Text+": … under update", "%s doesn't say what the carry `%s` becomes", m.Name, e.Key.Text)
		}
	}
}
