package rewrite

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// pattern matches a node.
type pattern struct {
	slot   int    // what it is bound to, or -1
	op     *ir.Op // nil: any node, or number
	number any    // the constant that it must be: int, float64, bool; or nil
	inputs []*pattern
	attrs  []attrPattern // in the order of the node's
}

// attrPattern matches an argument.
type attrPattern struct {
	slot  int // what it is bound to, or -1
	fixed bool
	value any // what it must be, if fixed; not yet in the op's normal form
}

// Graph is what matching has to know about the graph around a node.
type Graph interface {
	// Together reports whether an inner node of a match may be removed by rewriting
	// its root: whether they run in the same space.
	Together(root, inner *ir.Node) bool
	// Uses counts how often a node is used.
	Uses(n *ir.Node) int
}

// Match is an occurrence of a rewrite's pattern. It may be reused.
type Match struct {
	rewrite *Rewrite
	graph   Graph
	nodes   []*ir.Node // by slot
	attrs   []any
}

// NewMatch makes a match for nodes of a graph.
func NewMatch(g Graph) *Match { return &Match{graph: g} }

// Find looks for the rewrite's pattern at n, and checks its condition.
func (m *Match) Find(r *Rewrite, n *ir.Node) bool {
	m.rewrite = r
	for _, p := range r.patterns {
		m.nodes = append(m.nodes[:0], make([]*ir.Node, len(r.slots))...)
		m.attrs = append(m.attrs[:0], make([]any, len(r.slots))...)
		m.nodes[outSlot] = n
		if m.node(p, n) && (r.condition == nil || r.condition(m).(bool)) {
			return true
		}
	}
	return false
}

func (m *Match) node(p *pattern, n *ir.Node) bool {
	if p.op != nil && (n.Op != p.op || len(n.Inputs) != len(p.inputs)) {
		return false
	}
	if p.number != nil && !isNumber(n, p.number) {
		return false
	}
	if p.slot >= 0 {
		if bound := m.nodes[p.slot]; bound != nil && bound != n {
			return false
		}
		m.nodes[p.slot] = n
	}
	if p.op == nil {
		return true
	}
	if root := m.nodes[outSlot]; n != root && !m.graph.Together(root, n) {
		return false
	}
	for i, in := range p.inputs {
		if !m.node(in, n.Inputs[i]) {
			return false
		}
	}
	return m.arguments(p, n)
}

// arguments matches attributes. Some are equal in normal form only: -1, the last dim.
func (m *Match) arguments(p *pattern, n *ir.Node) bool {
	same := true
	for i, a := range p.attrs {
		v := n.Attrs[i]
		switch {
		case a.fixed:
			same = same && equalValues(a.value, v)
		case a.slot >= 0:
			if v == nil {
				return false // an argument that wasn't given binds no name
			}
			if bound := m.attrs[a.slot]; bound != nil && !equalValues(bound, v) {
				return false
			}
			m.attrs[a.slot] = v
		}
	}
	return same || p.normal(n)
}

// normal compares the fixed arguments in the op's normal form.
func (p *pattern) normal(n *ir.Node) bool {
	c := *n
	c.Attrs = slices.Clone(n.Attrs)
	for i, a := range p.attrs {
		if !a.fixed {
			continue
		}
		if _, flag := a.value.(bool); flag && !equalValues(a.value, n.Attrs[i]) {
			return false // nothing to normalise
		}
		c.Attrs[i] = a.value
	}
	if _, err := n.Op.Infer(&c); err != nil {
		return false
	}
	for i := range p.attrs {
		if !equalValues(c.Attrs[i], n.Attrs[i]) {
			return false
		}
	}
	return true
}

// equalValues compares arguments.
func equalValues(a, b any) bool {
	switch a := a.(type) {
	case []int:
		b, ok := b.([]int)
		return ok && slices.Equal(a, b) && (a == nil) == (b == nil)
	case [][2]int:
		b, ok := b.([][2]int)
		return ok && slices.Equal(a, b)
	case []float64:
		b, ok := b.([]float64)
		return ok && slices.Equal(a, b)
	case *ir.Tensor:
		return false
	}
	switch b.(type) {
	case []int, [][2]int, []float64:
		return false
	}
	return a == b
}

// isNumber reports whether all elements of a node are known to be a number: it
// is a constant of one element, or full. An int stands for floats too, a float
// for floats only, with the sign of its zero.
func isNumber(n *ir.Node, number any) bool {
	switch n.Op {
	case ir.ConstOp:
		t := n.Attr("value").(*ir.Tensor)
		if t.Type.Shape.Numel() != 1 {
			return false
		}
		switch {
		case t.Type.DType == ir.Bool:
			return (t.Int(0) != 0) == number
		case t.Type.DType.IsInt():
			v, ok := number.(int)
			return ok && t.Int(0) == int64(v)
		}
		return sameFloat(t.Float(0), number)
	case fullOp:
		switch v := n.Attr("value").(type) {
		case float64:
			return sameFloat(v, number)
		default:
			return v == number
		}
	}
	return false
}

var fullOp = ir.LookupOp("full")

func sameFloat(v float64, number any) bool {
	switch x := number.(type) {
	case int:
		return v == float64(x) && !math.Signbit(v) == (x >= 0)
	case float64:
		return math.Float64bits(v) == math.Float64bits(x)
	}
	return false
}
