package ir

import (
	"fmt"
	"slices"
)

// ScanBuilder is a scan that is being built: the nodes of one position are built like any
// others, on stand-ins for what differs from position to position, and moved into a body
// by [ScanBuilder.End].
type ScanBuilder struct {
	b       *Builder
	from    int // the first node that may belong to the body
	length  int
	reverse bool

	Position *Node // i64[], the stand-in for the number of the position
	carries  []*scanCarry
	slices   []*scanSlice
	stacks   []scanStack
}

type scanCarry struct {
	name            string
	read, init, end *Node
}

type scanSlice struct {
	read, of *Node
	dim      int
}

type scanStack struct {
	value *Node
	dim   int
}

// BeginScan begins a scan of so many positions, from the last to the first if reverse.
func (b *Builder) BeginScan(length int, reverse bool) *ScanBuilder {
	l := &ScanBuilder{b: b, from: len(b.Graph.Nodes), length: length, reverse: reverse}
	l.Position = l.standIn(Scalar(I64))
	return l
}

// Length is the number of positions.
func (l *ScanBuilder) Length() int { return l.length }

// standIn is a node with a type but no value, in no graph.
func (l *ScanBuilder) standIn(t Type) *Node {
	return &Node{Op: StateOp, Type: t, Space: -1, ID: -1, Site: l.b.Site}
}

// Slice is the slice of x at a position, along a dim.
func (l *ScanBuilder) Slice(x *Node, dim int) *Node {
	s := &scanSlice{l.standIn(Type{x.Type.DType, slices.Delete(slices.Clone(x.Type.Shape), dim, dim+1)}), x, dim}
	l.slices = append(l.slices, s)
	return s.read
}

// Carry is a value that goes from one position to the next and begins with init, and
// which is told by Next what it becomes; until then, it stays as it is. The number is that of Next and of End's results.
func (l *ScanBuilder) Carry(name string, init *Node) (read *Node, number int) {
	read = l.standIn(init.Type)
	l.carries = append(l.carries, &scanCarry{name: name, read: read, init: init, end: read})
	return read, len(l.carries) - 1
}

// Next says what a carry becomes, of the carry's type.
func (l *ScanBuilder) Next(number int, n *Node) { l.carries[number].end = n }

// Keep keeps a value of each position, along a new dim. The number is that of End's
// results.
func (l *ScanBuilder) Keep(n *Node, dim int) (number int) {
	l.stacks = append(l.stacks, scanStack{n, dim})
	return len(l.stacks) - 1
}

// Depends reports whether a value, built since the loop has begun, differs from position
// to position.
func (l *ScanBuilder) Depends(n *Node) bool { return l.dependent([]*Node{n})[n] }

// End makes the scan. It gives what the carries are at the end, and the values that are
// kept.
func (l *ScanBuilder) End() (carries, kept []*Node) {
	e := &scanEnd{ScanBuilder: l, body: NewBuilder(&Graph{}), copies: map[*Node]*Node{}}
	e.body.Budget, e.body.Work, e.body.Site = l.b.Budget, l.b.Work, l.b.Site
	e.build()
	first, step := 0, 1
	if l.reverse {
		first, step = l.length-1, -1
	}
	position := e.body.Graph.States[0]
	position.Next = e.body.Op("add", position.Read, step)
	if err := e.body.Err(); err != nil {
		l.b.fail(fmt.Errorf("building the body of a scan: %w", err))
		return nil, nil
	}
	if err := e.body.Graph.Sort(); err != nil {
		l.b.fail(err)
		return nil, nil
	}
	body := &Body{Graph: e.body.Graph, Length: l.length, Reverse: l.reverse}
	scan := l.b.Scan(body, append([]*Node{l.b.Scalar(I64, first)}, e.operands...))
	if l.b.Err() != nil {
		return nil, nil
	}
	for _, s := range body.Carries()[1:] {
		carries = append(carries, l.b.ScanResult(scan, s))
	}
	for _, s := range body.Stacks() {
		kept = append(kept, l.b.ScanResult(scan, s))
	}
	return carries, kept
}

// dependent finds the nodes among those that the roots need which differ from position to
// position.
func (l *ScanBuilder) dependent(roots []*Node) map[*Node]bool {
	depends := map[*Node]bool{l.Position: true}
	for _, c := range l.carries {
		depends[c.read] = true
	}
	for _, s := range l.slices {
		depends[s.read] = true
	}
	candidate := func(n *Node) bool {
		_, known := depends[n]
		return !known && n.ID >= l.from
	}
	type frame struct {
		node *Node
		next int
	}
	for _, root := range roots {
		if !candidate(root) {
			continue
		}
		stack := []frame{{root, 0}}
		for len(stack) > 0 {
			f := &stack[len(stack)-1]
			if f.next == len(f.node.Inputs) {
				depends[f.node] = slices.ContainsFunc(f.node.Inputs, func(in *Node) bool { return depends[in] })
				stack = stack[:len(stack)-1]
				continue
			}
			in := f.node.Inputs[f.next]
			f.next++
			if candidate(in) {
				stack = append(stack, frame{in, 0})
			}
		}
	}
	return depends
}

// scanEnd moves the nodes of a scan into a body.
type scanEnd struct {
	*ScanBuilder
	body     *Builder
	copies   map[*Node]*Node // outside -> in the body
	operands []*Node         // of the scan, but for the position
}

// build makes the body's states and nodes.
func (e *scanEnd) build() {
	position := e.body.NewState("position", CarryState, Scalar(I64))
	e.copies[e.Position] = position.Read
	var carried []*State
	for i, c := range e.carries {
		s := e.body.NewState(fmt.Sprintf("%s %d", c.name, i+1), CarryState, c.init.Type)
		e.copies[c.read] = s.Read
		e.operands = append(e.operands, c.init)
		carried = append(carried, s)
	}
	for _, s := range e.slices {
		e.copies[s.read] = e.body.Op("scan_slice", e.operand(s.of), position.Read, s.dim)
	}
	var roots []*Node
	for _, c := range e.carries {
		roots = append(roots, c.end)
	}
	for _, s := range e.stacks {
		roots = append(roots, s.value)
	}
	depends := e.dependent(roots)
	for i, c := range e.carries {
		carried[i].Next = e.copy(c.end, depends)
	}
	values := make([]*Node, len(e.stacks))
	for i, s := range e.stacks {
		values[i] = e.copy(s.value, depends)
	}
	for i, s := range e.stacks {
		shape := slices.Insert(slices.Clone(s.value.Type.Shape), s.dim, e.length)
		stack := e.body.NewState(fmt.Sprintf("stack %d", i), StackState, Type{s.value.Type.DType, shape})
		stack.Next = e.body.Op("scan_store", stack.Read, position.Read, values[i], s.dim)
	}
}

// operand is a value from outside in the body.
func (e *scanEnd) operand(n *Node) *Node {
	if c := e.copies[n]; c != nil {
		return c
	}
	if n.Op == ConstOp {
		e.copies[n] = e.body.Const(n.Attrs[0].(*Tensor))
		return e.copies[n]
	}
	s := e.body.NewState(fmt.Sprintf("operand %d", len(e.operands)), OperandState, n.Type)
	e.operands = append(e.operands, n)
	e.copies[n] = s.Read
	return s.Read
}

// copy moves a value, and all that it needs and that differs from position to position.
func (e *scanEnd) copy(root *Node, depends map[*Node]bool) *Node {
	stack := []*Node{root}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		if e.copies[n] != nil {
			stack = stack[:len(stack)-1]
			continue
		}
		if !depends[n] {
			e.operand(n)
			continue
		}
		ready := true
		for _, in := range n.Inputs {
			if e.copies[in] == nil {
				stack = append(stack, in)
				ready = false
			}
		}
		if ready {
			c := *n
			c.Attrs = slices.Clone(n.Attrs)
			c.Inputs = make([]*Node, len(n.Inputs))
			for i, in := range n.Inputs {
				c.Inputs[i] = e.copies[in]
			}
			c.ID = len(e.body.Graph.Nodes)
			e.body.Graph.Nodes = append(e.body.Graph.Nodes, &c)
			e.copies[n] = &c
		}
	}
	return e.copies[root]
}
