package ir

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
)

// Bound says which values of a field or an input are in range, because a graph uses them as
// indices: those from 0 to Size-1, and Except, which it replaces before.
type Bound struct {
	Source string // the data source that has the field, as SourceOp names it; "" of an input
	Field  string // the field, or the input
	Size   int64
	Except []int64
	// Used says which elements of the value are indices; nil: all.
	Used []bool

	Op     string     // that uses them: "embedding"
	Origin diag.Range // where the spec uses them
}

// Has reports whether a value is in range.
func (b *Bound) Has(v int64) bool {
	return v >= 0 && v < b.Size || slices.Contains(b.Except, v)
}

// Stray is the number of the first element that is out of range, of dense integers of a
// dtype; -1 if there is none. Used is repeated if there are more elements.
func (b *Bound) Stray(d DType, data []byte) int {
	bytes := d.Size()
	for at := 0; ; at++ {
		next := FirstOutside(d, data[at*bytes:], b.Size)
		if next < 0 {
			return -1
		}
		at += next
		if (b.Used == nil || b.Used[at%len(b.Used)]) && !slices.Contains(b.Except, intOf(d, data[at*bytes:])) {
			return at
		}
	}
}

// intOf is the first of dense integers.
func intOf(d DType, data []byte) int64 {
	return (&Tensor{Type: Scalar(d), Data: data[:d.Size()]}).Int(0)
}

// Range says what is in range: "0 to 9, or -100".
func (b *Bound) Range() string {
	var parts []string
	if b.Size > 0 {
		parts = append(parts, fmt.Sprintf("0 to %d", b.Size-1))
	}
	for _, v := range b.Except {
		if v < 0 || v >= b.Size {
			parts = append(parts, fmt.Sprint(v))
		}
	}
	if parts == nil {
		return "nothing"
	}
	return strings.Join(parts, ", or ")
}

// Use says who takes which values: "embedding (gpt.yaml:12:9) takes 0 to 64".
func (b *Bound) Use() string {
	at := ""
	if b.Origin.Known() {
		at = " (" + b.Origin.String() + ")"
	}
	return fmt.Sprintf("%s%s takes %s", b.Op, at, b.Range())
}

// Describe says what is out of range in a tensor, given the first such element: "3 of 128
// values, the first is 70 at [2, 5]; embedding (gpt.yaml:12:9) takes 0 to 64".
func (b *Bound) Describe(t *Tensor, first int) string {
	count := 0
	for at := first; at < t.Type.Shape.Numel(); at++ {
		if (b.Used == nil || b.Used[at%len(b.Used)]) && !b.Has(t.Int(at)) {
			count++
		}
	}
	place := ""
	if len(t.Type.Shape) > 0 {
		place = " at " + Shape(placeOf(first, t.Type.Shape)).String()
	}
	return fmt.Sprintf("%d of %s, the first is %d%s; %s", count, diag.Count(t.Type.Shape.Numel(), "value"), t.Int(first), place, b.Use())
}

// Bounds finds the fields and inputs that a graph uses as indices. They reach an op's
// indices through ops that only move values or change their integer dtype, and through
// where(x == c, k, x), with constants c and k, of which k is in range. What is computed
// otherwise has no bound here, nor what a graph masks by other conditions.
//
// In the body of a scan they are those of each position, which come from operands of the
// scan, whole or slice by slice.
func Bounds(g *Graph) []Bound {
	f := bounder{outside: map[*State]hop{}}
	for _, writes := range []bool{false, true} { // gradients add at the indices that what they are of has picked
		f.graph(g, writes)
	}
	return f.found
}

// graph finds the bounds of a graph and of the bodies in it.
func (f *bounder) graph(g *Graph, writes bool) {
	for _, n := range g.Nodes {
		if n.Op == ScanOp && n.ScanBody().Length > 0 {
			body := n.ScanBody()
			for i, s := range body.Given() {
				if s.Kind == OperandState {
					f.outside[s] = hop{n, i}
				}
			}
			f.graph(body.Graph, writes)
		}
		if n.Op.Indices == nil || writes != n.Op.Indices.Writes || n.Op.Name == "scan_slice" {
			continue
		}
		from, _ := n.Operand(n.Op.Indices.Param)
		f.steps = 0
		f.follow(n.Inputs[from], Bound{Size: int64(n.Op.Indices.Size(n)), Op: n.Op.Name, Origin: n.Origin}, nil)
	}
}

// bounder follows indices back to where they come from.
type bounder struct {
	found    []Bound
	outside  map[*State]hop // the scan of a body's operand, and which of its operands that is
	steps    int            // along the paths of one op
	elements int            // moved along all paths
}

// What a graph may cost: it may have more paths than anybody can follow, and large values.
const (
	mostSteps    = 1000
	mostElements = 1 << 24
)

// hop is a node on a path, and the operand that the path comes from.
type hop struct {
	node    *Node
	operand int
}

// follow goes from a value that is used as an index towards the leaves. path has what is
// between it and the op, the nearest to the leaf last.
func (f *bounder) follow(n *Node, b Bound, path []hop) {
	if f.steps++; f.steps > mostSteps {
		return
	}
	through := func(operand int, b Bound) {
		f.follow(n.Inputs[operand], b, append(slices.Clip(path), hop{n, operand}))
	}
	switch {
	case n.Op == SourceOp:
		b.Source, b.Field = n.Str("source"), n.Str("field")
		f.leaf(n, b, path)
	case n.State != nil:
		if n.State.Kind == InputState {
			b.Field = n.State.Name
			f.leaf(n, b, path)
		}
		if scan, is := f.outside[n.State]; is {
			f.follow(scan.node.Inputs[scan.operand], b, append(slices.Clip(path), scan))
		}
	case n.Op.Name == "scan_slice":
		through(0, b)
	case n.Op == CastOp || n.Op == CopyOp || n.Op.Name == "detach":
		if n.Inputs[0].Type.DType.IsInt() {
			through(0, b)
		}
	case n.Op.Class == Move:
		for i := range n.Inputs {
			through(i, b)
		}
	case n.Op.Name == "where":
		if operand, c, ok := replaces(n); ok {
			k, known := constantOf(n.Inputs[3-operand])
			if known && b.Has(k) {
				b.Except = append(slices.Clip(b.Except), c)
				through(operand, b)
			}
		}
	}
}

// replaces reports whether n is where(x == c, k, x) or where(x != c, x, k): which of its
// operands x is, and c.
func replaces(n *Node) (operand int, c int64, ok bool) {
	condition := n.Inputs[0]
	switch condition.Op.Name {
	case "eq":
		operand = 2
	case "ne":
		operand = 1
	default:
		return 0, 0, false
	}
	for i, x := range condition.Inputs {
		c, known := constantOf(condition.Inputs[1-i])
		if known && x.Type.DType.IsInt() && uncast(x) == uncast(n.Inputs[operand]) {
			return operand, c, true
		}
	}
	return 0, 0, false
}

// uncast is what integers were before they got another integer dtype.
func uncast(n *Node) *Node {
	for n.Op == CastOp && n.Inputs[0].Type.DType.IsInt() {
		n = n.Inputs[0]
	}
	return n
}

// constantOf is the integer that all elements of a node are, if that is known.
func constantOf(n *Node) (int64, bool) {
	for n.Op == CastOp || n.Op.Name == "broadcast_to" || n.Op.Name == "reshape" {
		if !n.Inputs[0].Type.DType.IsInt() {
			return 0, false
		}
		n = n.Inputs[0]
	}
	switch {
	case n.Op == ConstOp && n.Type.DType.IsInt():
		t := n.Attr("value").(*Tensor)
		if t.Type.Shape.Numel() == 1 {
			return t.Int(0), true
		}
	case n.Op.Name == "full" || n.Op.Name == "full_like":
		if v, ok := n.LookupAttr("value"); ok {
			i, isInt := v.(int)
			return int64(i), isInt
		}
	}
	return 0, false
}

// leaf notes a bound of a field or an input.
func (f *bounder) leaf(n *Node, b Bound, path []hop) {
	if !n.Type.DType.IsInt() {
		return
	}
	if slices.ContainsFunc(path, func(h hop) bool { return h.node.Op.Name == "slice" }) {
		if slices.ContainsFunc(path, func(h hop) bool { return h.node.Op == ScanOp }) {
			return // which elements arrive isn't followed through scans
		}
		f.elements += n.Type.Shape.Numel()
		for _, h := range path {
			f.elements = AddSize(f.elements, h.node.Type.Shape.Numel())
		}
		if f.elements > mostElements {
			return
		}
		if b.Used = arriving(n, path); !slices.Contains(b.Used, true) {
			return
		}
		if !slices.Contains(b.Used, false) {
			b.Used = nil
		}
	}
	same := func(o Bound) bool {
		return o.Source == b.Source && o.Field == b.Field && o.Size == b.Size && slices.Equal(o.Except, b.Except) && slices.Equal(o.Used, b.Used)
	}
	if !slices.ContainsFunc(f.found, same) {
		f.found = append(f.found, b)
	}
}

// arriving says which elements of a leaf arrive at the end of a path. The ops' references
// move the elements' numbers, which count from a number that no border has.
func arriving(leaf *Node, path []hop) []bool {
	const base = 1 << 50
	at := NewArray(Type{DType: I64, Shape: leaf.Type.Shape})
	for i := range at.I {
		at.I[i] = base + int64(i)
	}
	for _, h := range slices.Backward(path) {
		n := *h.node
		n.Type.DType = I64
		in := make([]*Array, len(n.Inputs))
		for i, other := range n.Inputs {
			in[i] = NewArray(Type{DType: I64, Shape: other.Type.Shape})
		}
		in[h.operand] = at
		switch {
		case n.Op.Name == "where":
			in[0].Type.DType = Bool
			for j := range in[0].I {
				in[0].I[j] = int64(2 - h.operand) // takes the path's operand
			}
		case n.Op.Class != Move:
			continue // casts and the like keep the elements where they are
		}
		at = n.Op.Reference(&n, in)
	}
	used := make([]bool, leaf.Type.Shape.Numel())
	for _, i := range at.I {
		if i -= base; i >= 0 && int(i) < len(used) {
			used[i] = true
		}
	}
	return used
}
