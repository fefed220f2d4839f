package syntax

import (
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
	if n.Broken {
		return nil
	}
	if n.Kind != tree.Map {
		d.report(diag.WrongType, n.Range, `write {match: "*.bias", weight_decay: 0}`, "a group of parameters must be a mapping, not %s", n.Kind)
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
	if f := n.Get("frozen"); f != nil {
		g.Frozen, _ = d.boolean(f, "frozen")
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
			help := d.list.Suggestion(key, append(sig.Names(), "match", "frozen"))
			if help == "" {
				help = "its arguments are " + strings.Join(sig.Names(), ", ")
			}
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
