package spec

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/tree"
)

// calls writes the default arguments of calls.
type calls struct {
	*renderer
	file     string
	mappings map[diag.Range]*tree.Node // mapping nodes, by their places
	scalars  []*tree.Node              // by their offsets
	inserts  map[*tree.Node][]edit     // into expressions
	done     map[diag.Range]bool       // calls
}

// arguments writes the default arguments of the calls of modules and optimizers.
func (r *renderer) arguments(def *specDef) {
	c := &calls{r, def.file, map[diag.Range]*tree.Node{}, nil, map[*tree.Node][]edit{}, map[diag.Range]bool{}}
	c.index(def.root, map[*tree.Node]bool{})
	slices.SortFunc(c.scalars, func(a, b *tree.Node) int { return a.Offset - b.Offset })
	def.eachCall(func(call *expr.Call) {
		if call.Range.File == c.file && !c.done[call.Range] {
			c.done[call.Range] = true
			c.call(call)
		}
	})
	for n, edits := range c.inserts {
		c.rewrite(n, edits)
	}
}

// index finds all mappings and scalars.
func (c *calls) index(n *tree.Node, seen map[*tree.Node]bool) {
	if seen[n] {
		return
	}
	seen[n] = true
	switch n.Kind {
	case tree.Map:
		c.mappings[n.Range] = n
		for _, e := range n.Entries {
			c.index(e.Value, seen)
		}
	case tree.List:
		for _, item := range n.Items {
			c.index(item, seen)
		}
	default:
		c.scalars = append(c.scalars, n)
	}
}

// call writes the default arguments of a call.
func (c *calls) call(call *expr.Call) {
	t, _ := call.Target.(*target)
	if t == nil || t.module == nil {
		return
	}
	mapping := c.mappings[call.Range]
	var into *tree.Node
	if mapping != nil && t.module.optimizer {
		mapping = mapping.Get(call.Name)
	} else if mapping == nil {
		into = c.scalarAt(c.offset(call.Range.End) - 1)
	}
	first := len(call.Args)+len(call.Named) == 0
	for i, a := range t.module.args {
		if t.args[len(t.module.inputs)+i] != nil || a.fallback == nil {
			continue
		}
		switch {
		case mapping != nil && mapping.Kind == tree.Map:
			if text, ok := asYAML(a.fallback); ok {
				c.insert(mapping, lastEntry(mapping), a.name, text, byDefault)
			}
		case into != nil:
			at := c.offset(call.Range.End) - 1
			text, ok := asExpression(a.fallback, quoteIn(c.src, into))
			if !ok || c.src[at] != ')' {
				continue
			}
			text = a.name + "=" + text
			if !first {
				text = ", " + text
			}
			first = false
			c.inserts[into] = append(c.inserts[into], edit{at, at, text})
			c.note(at, byDefault, a.name)
		}
	}
}

// scalarAt finds the scalar that an offset lies in.
func (c *calls) scalarAt(at int) *tree.Node {
	i, found := slices.BinarySearchFunc(c.scalars, at, func(n *tree.Node, at int) int { return n.Offset - at })
	if !found {
		i--
	}
	if i < 0 || c.scalars[i].End <= at {
		return nil
	}
	return c.scalars[i]
}

// rewrite puts arguments into an expression, and the expression in quotes where
// its commas would otherwise cut it up.
func (c *calls) rewrite(n *tree.Node, edits []edit) {
	special := slices.ContainsFunc(edits, func(e edit) bool { return strings.Contains(e.text, ": ") || strings.Contains(e.text, " #") })
	if !n.Plain || !n.Flow && !special {
		c.edits = append(c.edits, edits...)
		return
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return a.from - b.from })
	var b strings.Builder
	at := n.Offset
	for _, e := range edits {
		b.WriteString(c.src[at:e.from] + e.text)
		at = e.to
	}
	b.WriteString(c.src[at:n.End])
	c.edit(n.Offset, n.End, quoteYAML(strings.Join(strings.Fields(b.String()), " ")))
}

// quoteIn is the quote that a string has in an expression in a scalar.
func quoteIn(src string, n *tree.Node) string {
	if !n.Plain && src[n.Offset] == '\'' {
		return `"`
	}
	return "'"
}

// asYAML writes a default as the value of a key.
func asYAML(e expr.Expr) (string, bool) {
	switch e := e.(type) {
	case *expr.Literal:
		if s, ok := e.Value.(string); ok {
			return quoteYAML(s), true
		}
	case *expr.List:
		items := make([]string, len(e.Items))
		for i, item := range e.Items {
			text, ok := asExpression(item, "'")
			if !ok {
				return "", false
			}
			if items[i] = text; strings.ContainsAny(text, "'[") {
				items[i] = quoteYAML(text)
			}
		}
		return "[" + strings.Join(items, ", ") + "]", true
	}
	return asExpression(e, "'")
}

// asExpression writes a default that depends on nothing: a number, a bool, a
// string or a list of them.
func asExpression(e expr.Expr, quote string) (string, bool) {
	switch e := e.(type) {
	case *expr.Literal:
		switch v := e.Value.(type) {
		case int:
			return strconv.Itoa(v), true
		case bool:
			return strconv.FormatBool(v), true
		case float64:
			return decimal(v), !math.IsInf(v, 0) && !math.IsNaN(v)
		case string:
			return quote + v + quote, !strings.ContainsAny(v, "'\"\\\n")
		}
	case *expr.Unary:
		text, ok := asExpression(e.X, quote)
		return e.Op + text, ok && (e.Op == "-" || e.Op == "+")
	case *expr.List:
		items := make([]string, len(e.Items))
		for i, item := range e.Items {
			text, ok := asExpression(item, quote)
			if !ok {
				return "", false
			}
			items[i] = text
		}
		return "[" + strings.Join(items, ", ") + "]", true
	}
	return "", false
}

// decimal writes a float that reads back as a float.
func decimal(v float64) string {
	s := strconv.FormatFloat(v, 'g', -1, 64)
	s = strings.Replace(s, "e-0", "e-", 1)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}
