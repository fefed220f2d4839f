package syntax

import (
	"cmp"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// Group is a group of parameters with arguments of its own.
type Group struct {
	At     diag.Range // of its pattern
	Match  string
	Frozen bool
	Call   *expr.Call // the optimizer with the arguments that the group gives
	Own    bool       // it names an optimizer of its own, whose arguments are all of Call's
}

// groups decodes param_groups.
func (d *decoder) groups(n *tree.Node, optimizer *expr.Call) []*Group {
	var groups []*Group
	for _, item := range d.rules(n, "param_groups", "groups", `start each group with "-": - {match: "*.bias", weight_decay: 0}`) {
		if g := d.group(item, optimizer); g != nil {
			groups = append(groups, g)
		}
	}
	return groups
}

// group decodes {match, frozen} with arguments of the optimizer.
func (d *decoder) group(n *tree.Node, optimizer *expr.Call) *Group {
	if !d.is(n, tree.Map, `write {match: "*.bias", weight_decay: 0}`, "a group of parameters must be a mapping") {
		return nil
	}
	match := n.Get("match")
	if match == nil && !n.Partial {
		d.report(diag.MissingKey, keyRange(n), "match: "+groupSection.Key("match").doc, "a group of parameters requires the key `match`")
	}
	g := &Group{At: n.Range}
	if match != nil {
		g.At = match.Range
	}
	var ok bool
	if g.Match, ok = d.text(match, "match"); !ok {
		return nil
	}
	g.Frozen, _ = d.boolean(n.Get("frozen"), "frozen")
	if own := n.Get("optimizer"); own != nil {
		d.groupOptimizer(g, n, own)
		return g
	}
	if optimizer == nil {
		return g
	}
	g.Call = &expr.Call{Position: expr.Position{Range: n.Range}, Name: optimizer.Name, NameAt: optimizer.NameAt}
	sig := SignatureOf(d.lib.Optimizers[optimizer.Name])
	for _, e := range n.Entries {
		key := e.Key.Text
		switch {
		case groupSection.Key(key) != nil:
		case !sig.has(key):
			help := cmp.Or(d.list.Suggestion(key, append(sig.Names(), "match", "frozen", "optimizer")),
				"its arguments are "+strings.Join(sig.Names(), ", "))
			d.report(diag.UnknownArgument, e.Key.Range, help, "%s has no argument `%s`", optimizer.Name, diag.Cut(key))
		case g.Frozen:
			d.report(diag.InvalidValue, e.Key.Range, "remove it, or remove frozen", "`%s` has no effect on frozen parameters", key)
		default:
			if x := d.argument(e.Value, sig.find(key), "the argument "+key); x != nil {
				g.Call.Named = append(g.Call.Named, expr.Named{Name: key, NameAt: e.Key.Range, Value: x})
			}
		}
	}
	return g
}

// groupOptimizer decodes a group that names an optimizer of its own.
func (d *decoder) groupOptimizer(g *Group, n, own *tree.Node) {
	g.Own = true
	if g.Frozen {
		d.report(diag.InvalidValue, own.Range, "remove it, or remove frozen", "`optimizer` has no effect on frozen parameters")
		return
	}
	g.Call = d.optimizerCall(own)
	for _, e := range n.Entries {
		if groupSection.Key(e.Key.Text) == nil && g.Call != nil {
			d.report(diag.UnknownArgument, e.Key.Range, "write it inside of the group's optimizer: {"+g.Call.Name+": {…}}",
				"the group names an optimizer of its own, so `%s` must be one of its arguments", diag.Cut(e.Key.Text))
		}
	}
}
