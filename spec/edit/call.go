package edit

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/build"
	"github.com/flowrun/flowrun/spec/check"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// calls writes what calls and nodes omit.
type calls struct {
	*renderer
	def      *syntax.Spec
	taken    build.Defaults
	mappings map[diag.Range]*tree.Node // mapping nodes, by their positions
	scalars  []*tree.Node              // by their offsets
	inserts  map[*tree.Node][]edit     // into expressions
	done     map[diag.Range]bool       // calls
	owns     map[*syntax.Module]bool   // whether there are parameters in a module
	sharing  map[diag.Range]bool       // calls that take what they omit from another one
}

// sharesAll reports whether a node has the parameters of another one, and with them its
// arguments.
func sharesAll(n *syntax.Node) bool { return n.Share != nil && n.Share.With != nil }

// arguments writes the default arguments of all calls, and the keys that nodes
// with parameters don't have.
func (r *renderer) arguments(def *syntax.Spec, taken build.Defaults) {
	c := &calls{r, def, taken, map[diag.Range]*tree.Node{}, nil, map[*tree.Node][]edit{}, map[diag.Range]bool{}, map[*syntax.Module]bool{}, map[diag.Range]bool{}}
	c.index(def.Root, map[*tree.Node]bool{})
	slices.SortFunc(c.scalars, func(a, b *tree.Node) int { return a.Offset - b.Offset })
	nodesOf(def, func(n *syntax.Node, _ bool) {
		if call, is := n.Value.(*expr.Call); is && sharesAll(n) {
			c.sharing[call.Range] = true
		}
	})
	callsOf(def, func(call *expr.Call) {
		if call.Range.File == def.File && !c.done[call.Range] {
			c.done[call.Range] = true
			c.call(call)
		}
	})
	clear(c.done)
	nodesOf(def, c.node)
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

// node writes the keys that a mapping node's module inherits. In a module that is whatever
// the node around it has.
func (c *calls) node(n *syntax.Node, inModule bool) {
	call, _ := n.Value.(*expr.Call)
	if call == nil || c.done[call.Range] {
		return
	}
	mapping, m := c.mappings[call.Range], moduleOf(call)
	if mapping == nil || m == nil || !c.hasParameters(m) || sharesAll(n) {
		return
	}
	c.done[call.Range] = true
	dtype := ir.F32.String()
	if inModule {
		dtype = syntax.Inherit
	}
	for _, k := range []struct{ key, text string }{{"dtype", dtype}, {"trainable", syntax.NodeSection.Key("trainable").Default}} {
		if mapping.Get(k.key) == nil {
			c.insert(mapping, lastEntry(mapping), k.key, k.text, byDefault)
		}
	}
}

// hasParameters reports whether a module owns parameters, or one that it is made
// of does.
func (c *calls) hasParameters(m *syntax.Module) bool {
	has, known := c.owns[m]
	if !known {
		has = len(m.Params) > 0
		moduleCalls(m, func(call *expr.Call) {
			if inner := moduleOf(call); inner != nil && !has {
				has = c.hasParameters(inner)
			}
		})
		c.owns[m] = has
	}
	return has
}

// call writes the default arguments of a call.
func (c *calls) call(call *expr.Call) {
	t, _ := call.Target.(*check.Target)
	if t == nil {
		return
	}
	if mapping := c.mappings[call.Range]; mapping != nil {
		c.mapping(call, t, mapping)
		return
	}
	end := c.offset(call.Range.End) - 1
	n := c.scalarAt(end)
	if n == nil || c.src[end] != ')' {
		return
	}
	before := strings.TrimRight(c.src[:end], " \t\n")
	inMap := strings.HasSuffix(before, "}") // f(x, {dim: -1})
	equals := "="
	if inMap {
		equals, end = ": ", len(before)-1
		before = strings.TrimRight(before[:end], " \t\n")
	}
	first := strings.HasSuffix(before, "(") || strings.HasSuffix(before, "{")
	c.leftOut(call, t, end, func(name string, v any) bool {
		text, ok := asExpression(v, quoteIn(c.src, n))
		if !ok {
			return false
		}
		if text = name + equals + text; !first {
			text = ", " + text
		}
		first = false
		c.inserts[n] = append(c.inserts[n], edit{end, end, text})
		c.note(end, byDefault, name)
		return true
	})
}

// mapping writes the default arguments of a call that is a mapping.
func (c *calls) mapping(call *expr.Call, t *check.Target, mapping *tree.Node) {
	into := mapping
	if t.Module != nil && t.Module.Optimizer {
		into = mapping.Get(call.Name)
	}
	var absent []string
	c.leftOut(call, t, mapping.Offset, func(name string, v any) bool {
		text, ok := asYAML(v)
		if d, is := v.(ir.DType); is {
			text = d.String()
		}
		switch {
		case !ok:
			return false
		case into.Kind == tree.Map:
			c.insert(into, lastEntry(into), name, text, byDefault)
		default: // an optimizer without arguments
			absent = append(absent, name+": "+text)
			c.note(mapping.Offset, byDefault, name)
		}
		return true
	})
	if absent != nil {
		c.fill(entryOf(mapping, call.Name), "{"+strings.Join(absent, ", ")+"}")
	}
}

// leftOut calls write with the value of each argument that a call omits. A value that
// isn't the same for all uses of the call can't be written, and becomes a note.
func (c *calls) leftOut(call *expr.Call, t *check.Target, at int, write func(name string, v any) bool) {
	if t.Op != nil && t.Module == nil && t.Function == nil {
		for i, p := range t.Sig.Params {
			if v := t.Op.Params[t.Op.Param(p.Name)].Default; t.Args[i] == nil && v != nil {
				write(p.Name, v)
			}
		}
	}
	if t.Module == nil || c.sharing[call.Range] {
		return
	}
	for i, a := range t.Module.Args {
		if t.Args[len(t.Module.Inputs)+i] != nil || a.Default == nil {
			continue
		}
		v, ok := literal(a.Default)
		values := c.taken[build.Argument{Call: call.Range, Name: a.Name}]
		if !ok && len(values) == 1 {
			v, ok = values[0], true
		}
		if !ok || !write(a.Name, v) {
			c.note(at, "default, computed per call"+list(values), a.Name)
		}
	}
}

// list lists the values, if any are known.
func list(values []any) string {
	var words []string
	for i, v := range values {
		text, ok := asExpression(v, "'")
		if !ok {
			text = fmt.Sprint(v)
		}
		if i == build.MaxDefaults-1 {
			text = "…"
		}
		words = append(words, text)
	}
	if words == nil {
		return ""
	}
	return " (" + strings.Join(words, " or ") + ")"
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

// folded is a line break of a plain scalar, which means a space.
var folded = regexp.MustCompile(`[ \t]*\n\s*`)

// rewrite puts arguments into an expression, and the expression in quotes where
// its commas would otherwise split it.
func (c *calls) rewrite(n *tree.Node, edits []edit) {
	special := slices.ContainsFunc(edits, func(e edit) bool { return strings.Contains(e.text, ": ") || strings.Contains(e.text, " #") })
	if !n.Plain || !n.Flow && !special {
		c.edits = append(c.edits, edits...)
		return
	}
	c.edit(n.Offset, n.End, quoteYAML(folded.ReplaceAllString(c.edited(n.Offset, n.End, edits), " ")))
}

// quoteIn is the quote that a string has in an expression in a scalar.
func quoteIn(src string, n *tree.Node) string {
	if !n.Plain && src[n.Offset] == '\'' {
		return `"`
	}
	return "'"
}
