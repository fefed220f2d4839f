package ir

import "fmt"

// A scan repeats a graph of its own, its body, along a dimension: a loop over time. It
// is one node, with one value that holds all of its results, each at an offset of its
// own; ScanResultOp takes one out. So all that holds for nodes holds for a scan.

// Body is what a scan repeats. It isn't changed once a node has it: passes make new
// ones.
//
// Graph is the body's graph, whose states are in this order:
//
//   - carries (CarryState): what goes from one position to the next. Each has a Next and
//     begins with an operand of the scan. The first is the position itself, i64[]: from 0
//     to Length - 1, or back if Reverse.
//   - operands (OperandState): the scan's other operands, the same at each position. What
//     is scanned is such an operand, of which scan_slice reads a slice.
//   - stacks (StackState): what is kept of each position. Their Next is a scan_store of
//     the position's value.
//
// Results are the last carries and the stacks.
type Body struct {
	Graph   *Graph
	Length  int
	Reverse bool
}

// ResultAlignment is that of results in the value of a scan, in bytes: what the devices
// require of a buffer's part.
const ResultAlignment = 512

// Carries, Operands and Stacks are the states of a body by their kinds.
func (b *Body) Carries() []*State  { return b.ofKind(CarryState) }
func (b *Body) Operands() []*State { return b.ofKind(OperandState) }
func (b *Body) Stacks() []*State   { return b.ofKind(StackState) }

func (b *Body) ofKind(k StateKind) (found []*State) {
	for _, s := range b.Graph.States {
		if s.Kind == k {
			found = append(found, s)
		}
	}
	return found
}

// Given are the states that have an operand of the scan: carries, then operands.
func (b *Body) Given() []*State { return append(b.Carries(), b.Operands()...) }

// Results are the states that the scan's value holds: carries, then stacks.
func (b *Body) Results() []*State { return append(b.Carries(), b.Stacks()...) }

// Offsets gives each result's place in the scan's value, and the value's size in bytes.
// Results without elements have a place of their own, too, as that is what tells them apart.
func (b *Body) Offsets() (offsets map[*State]int, bytes int) {
	offsets = map[*State]int{}
	for _, s := range b.Results() {
		offsets[s] = bytes
		bytes = AddSize(bytes, max(1, s.Type.Bytes()))
		bytes = AddSize(bytes, (ResultAlignment-bytes%ResultAlignment)%ResultAlignment)
	}
	return offsets, bytes
}

// Position is the state that counts positions.
func (b *Body) Position() *State { return b.Graph.States[0] }

// String says how large a body is, and how often it is repeated.
func (b *Body) String() string {
	way := ""
	if b.Reverse {
		way = ", backward"
	}
	return fmt.Sprintf("{%d nodes, %d times%s}", len(b.Graph.Nodes), b.Length, way)
}

// ScanBody is the body of a scan.
func (n *Node) ScanBody() *Body { return n.Attrs[0].(*Body) }

// SetScanBody gives a scan another body, whose operands are n.Inputs, and the type that
// follows from it.
func (n *Node) SetScanBody(b *Body) {
	_, bytes := b.Offsets()
	n.Attrs[0], n.Type = b, Type{U8, Shape{bytes}}
}

var (
	// ScanOp repeats a body.
	ScanOp = Register(&Op{
		Name: "scan",
		Doc:  "All results of a graph that is repeated along a dimension.",
		Params: []Param{
			{Name: "operands", Kind: KTensors, Doc: "what the carries begin with, then the body's operands"},
			{Name: "body", Kind: KBody, Doc: "the graph that is repeated"},
		},
		Compute:   ComputeWide, // its body has a precision of its own
		Infer:     inferScan,
		Reference: referenceScan,
	})

	// ScanResultOp is a result of a scan.
	ScanResultOp = Register(&Op{
		Name: "scan_result",
		Doc:  "A result of a scan.",
		Params: []Param{
			{Name: "scan", Kind: KTensor, Doc: "the scan"},
			{Name: "offset", Kind: KInt, Doc: "the place of the result in the scan's value, in bytes"},
			{Name: "dtype", Kind: KDType, Doc: "the dtype of the result"},
			{Name: "shape", Kind: KInts, Doc: "the shape of the result"},
		},
		Infer: func(n *Node) (Type, error) {
			t := Type{n.Attr("dtype").(DType), Shape(n.Ints("shape"))}
			if from := n.Inputs[0].Type; from.DType != U8 || len(from.Shape) != 1 || AddSize(n.Int("offset"), t.Bytes()) > from.Shape[0] {
				return t, Argf("scan", "%s has no %s at byte %d", from, t, n.Int("offset"))
			}
			return t, nil
		},
		Reference: func(n *Node, in []*Array) *Array { return in[0].Parts[n.Int("offset")] },
	})
)

// Scan applies a body to what its carries begin with and its operands.
func (b *Builder) Scan(body *Body, operands []*Node) *Node {
	list := make([]any, len(operands))
	for i, n := range operands {
		list[i] = n
	}
	return b.Apply(ScanOp, list, body)
}

// ScanResult is the last value of a carry, or a stack.
func (b *Builder) ScanResult(scan *Node, s *State) *Node {
	offsets, _ := scan.ScanBody().Offsets()
	return b.Apply(ScanResultOp, scan, offsets[s], s.Type.DType, []int(s.Type.Shape))
}

func inferScan(n *Node) (Type, error) {
	body := n.ScanBody()
	given := body.Given()
	if len(given) != len(n.Inputs) {
		return Type{}, fmt.Errorf("a scan has %d operands, its body %d", len(n.Inputs), len(given))
	}
	for i, s := range given {
		if in := n.Inputs[i]; !in.Type.Equal(s.Type) {
			return Type{}, fmt.Errorf("the scan's operand %d is %s, but %s in its body is %s", i, in.Type, s.Name, s.Type)
		}
	}
	if err := verifyBody(body); err != nil {
		return Type{}, err
	}
	_, bytes := body.Offsets()
	return Type{U8, Shape{bytes}}, nil
}

// verifyBody checks what holds of bodies besides what holds of all graphs.
func verifyBody(b *Body) error {
	order := CarryState
	for i, s := range b.Graph.States {
		switch {
		case s.Kind < order || s.Kind > StackState:
			return fmt.Errorf("state %s, a %s, is out of order in the body of a scan", s.Name, s.Kind)
		case i == 0 && (s.Kind != CarryState || !s.Type.Equal(Scalar(I64))):
			return fmt.Errorf("the first state of a scan's body, %s, doesn't count positions", s.Name)
		case (s.Next == nil) != (s.Kind == OperandState):
			return fmt.Errorf("state %s, a %s, has a next value, or none", s.Name, s.Kind)
		case s.Kind == StackState && (s.Next.Op.Name != "scan_store" || s.Next.Inputs[0] != s.Read || s.Next.Inputs[1] != b.Position().Read):
			return fmt.Errorf("the stack %s isn't written at its position", s.Name)
		case s.Kind == StackState && s.Type.Shape[s.Next.Int("dim")] != b.Length:
			return fmt.Errorf("the stack %s is %s, but the body is repeated %d times", s.Name, s.Type, b.Length)
		}
		order = s.Kind
	}
	return nil
}

// referenceScan computes a body by its ops' references. Its value has the results as
// parts, by their offsets.
func referenceScan(n *Node, in []*Array) *Array {
	body := n.ScanBody()
	states := map[*State]*Array{}
	for i, s := range body.Given() {
		states[s] = in[i]
	}
	for _, s := range body.Stacks() {
		states[s] = NewArray(s.Type)
	}
	values := make([]*Array, len(body.Graph.Nodes))
	for range body.Length {
		for _, m := range body.Graph.Nodes {
			if m.State != nil {
				values[m.ID] = states[m.State]
				continue
			}
			operands := make([]*Array, len(m.Inputs))
			for i, x := range m.Inputs {
				operands[i] = values[x.ID]
			}
			values[m.ID] = m.Op.Reference(m, operands)
		}
		for _, s := range body.Results() {
			states[s] = values[s.Next.ID]
		}
	}
	offsets, _ := body.Offsets()
	out := &Array{Type: n.Type, I: []int64{}, Parts: map[int]*Array{}}
	for s, at := range offsets {
		out.Parts[at] = states[s]
	}
	return out
}
