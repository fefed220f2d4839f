package syntax

import (
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// shareHelp shows the forms of share.
const shareHelp = "name the node whose parameters it has, as in share: encoder; or single parameters, {weight: tok.weight}; or with repeat, true"

// share decodes the key share: a node, true, or parameters by name.
func (d *decoder) share(n *tree.Node) *Share {
	s := &Share{At: n.Range}
	switch n.Kind {
	case tree.Map:
		for _, e := range n.Entries {
			p := SharedParam{Path: e.Key.Text, At: e.Key.Range, From: d.pathExpression(e.Value, "the parameter "+e.Key.Text+" in share")}
			if !isPath(p.Path) {
				d.report(diag.InvalidName, e.Key.Range, "use names or numbers separated by dots: weight, fc1.weight", "`%s` is not a valid name of a parameter", diag.Cut(p.Path))
				p.From = nil
			}
			s.Params = append(s.Params, p)
		}
		if len(n.Entries) == 0 && !n.Broken && !n.Partial {
			d.report(diag.WrongType, n.Range, shareHelp, "share names no parameter")
		}
	case tree.Bool:
		on, ok := d.boolean(n, "share")
		if s.Repeats = on; ok && !on {
			d.report(diag.InvalidValue, n.Range, "remove it: without share, parameters are the node's own", "share can't be false")
		}
	default:
		s.With = d.pathExpression(n, "share")
	}
	return s
}

// pathExpression decodes the path of a node or a parameter.
func (d *decoder) pathExpression(n *tree.Node, what string) expr.Expr {
	e := d.expression(n, what)
	if e == nil {
		return nil
	}
	for in := e; ; {
		switch x := in.(type) {
		case *expr.Name:
			return e
		case *expr.Member:
			in = x.X
			continue
		case *expr.Index:
			in = x.X
			continue
		}
		d.report(diag.WrongType, n.Range, shareHelp, "%s must be the path of a node or parameter", what)
		return nil
	}
}

// checkShare reports keys of a mapping node that contradict its key share.
func (d *decoder) checkShare(def *Node, n *tree.Node) {
	s := def.Share
	if s == nil {
		return
	}
	if s.Repeats && !def.HasRepeat {
		d.report(diag.InvalidValue, s.At, "add repeat: N for a module that is stacked with one set of parameters; else name the node to share with, as in share: encoder",
			"share: true has no meaning without repeat")
		s.Repeats = false
	}
	if s.Repeats || s.Params != nil {
		return
	}
	for _, key := range []string{"dtype", "name", "trainable"} {
		if v := n.Get(key); v != nil && (key != "dtype" || v.Text != Inherit) {
			d.report(diag.InvalidOperation, v.Range, "remove it here; it is for the node that has the parameters to say",
				"a node that shares another one's parameters can't have `%s`", key)
		}
	}
}
