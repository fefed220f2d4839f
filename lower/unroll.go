package lower

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/flowrun/flowrun/ir"
)

// Scans. A scan is lowered as one node, whose body has a plan of its own, on the scan's
// device: see [Value.Body]. Before that,
//
//   - unroll drops results that nobody uses, and what only they need, and writes short
//     scans out as ordinary nodes;
//   - hoist simplifies bodies, and moves what is the same at each position out of them,
//     constants included. There it is a value like any other, which isn't computed again
//     unless something that it depends on has changed.

// short is the number of nodes up to which scans are written out.
const short = 256

// unroll prunes scans, and writes out those that are short.
func unroll(p *Plan) error {
	pruned := false
	for _, n := range p.Graph.Nodes {
		if n.Op == ir.ScanOp {
			prune(p.Graph, n)
			pruned = true
		}
	}
	if !pruned {
		return nil
	}
	if err := p.Graph.Sort(); err != nil {
		return err
	}
	for {
		u := &unroller{b: ir.NewBuilder(p.Graph), results: map[*ir.Node]map[int]*ir.Node{}, most: p.options.unrolled()}
		if err := replaceNodes(p.Graph, u.visit); err != nil {
			return err
		}
		if err := u.b.Err(); err != nil {
			return err
		}
		if len(u.results) == 0 { // a body that is written out may contain scans
			return nil
		}
		p.Applied["unroll"] += len(u.results)
	}
}

// unrolled is the number of nodes up to which scans are written out.
func (o Options) unrolled() int {
	if o.KeepScans {
		return -1
	}
	return cmp.Or(o.WriteOut, short)
}

// prune gives a scan a body of its own, whose nodes have neither names nor devices, and
// without results that aren't used, and what only they need.
func prune(g *ir.Graph, scan *ir.Node) {
	old := scan.ScanBody()
	offsets, _ := old.Offsets()
	used := map[int]bool{}
	var results []*ir.Node
	for _, n := range g.Nodes {
		if n.Op == ir.ScanResultOp && n.Inputs[0] == scan {
			results = append(results, n)
			used[n.Int("offset")] = true
		}
	}
	needed := neededStates(old, func(s *ir.State) bool { return used[offsets[s]] })
	body := ownBody(old)
	at := map[int]*ir.State{} // by the offset before
	var states []*ir.State
	var inputs []*ir.Node
	for i, s := range body.Graph.States {
		if !needed[old.Graph.States[i]] {
			continue
		}
		states = append(states, s)
		if i < len(scan.Inputs) {
			inputs = append(inputs, scan.Inputs[i])
		}
		if s.Kind != ir.OperandState {
			at[offsets[old.Graph.States[i]]] = s
		}
	}
	body.Graph.States, scan.Inputs = states, inputs
	_ = body.Graph.Sort()
	scan.SetScanBody(body)
	offsets, _ = body.Offsets()
	for _, n := range results {
		n.SetAttr("offset", offsets[at[n.Int("offset")]])
	}
}

// neededStates are the states that the results in use depend on.
func neededStates(b *ir.Body, inUse func(*ir.State) bool) map[*ir.State]bool {
	needed := map[*ir.State]bool{}
	seen := map[*ir.Node]bool{}
	var stack []*ir.Node
	need := func(s *ir.State) {
		if !needed[s] {
			needed[s] = true
			if s.Next != nil {
				stack = append(stack, s.Next)
			}
		}
	}
	need(b.Position())
	for _, s := range b.Results() {
		if inUse(s) {
			need(s)
		}
	}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[n] {
			continue
		}
		seen[n] = true
		if n.State != nil {
			need(n.State)
		}
		stack = append(stack, n.Inputs...)
	}
	return needed
}

// ownBody copies a body. Its nodes run where the scan does, and can't be asked for.
func ownBody(b *ir.Body) *ir.Body {
	c := &ir.Body{Graph: b.Graph.Clone(), Length: b.Length, Reverse: b.Reverse}
	for _, n := range c.Graph.Nodes {
		n.Name, n.Device, n.Prefer, n.Update = "", "", "", false
	}
	return c
}

// unroller writes short scans out.
type unroller struct {
	b       *ir.Builder
	results map[*ir.Node]map[int]*ir.Node // of scans that are written out, by their offsets
	most    int                           // nodes
}

func (u *unroller) visit(n *ir.Node) (*ir.Node, error) {
	switch {
	case n.Op == ir.ScanResultOp:
		if r := u.results[n.Inputs[0]]; r != nil {
			return r[n.Int("offset")], nil
		}
	case n.Op == ir.ScanOp:
		if b := n.ScanBody(); u.most >= 0 && (b.Length <= 1 || writtenOut(b) <= u.most) {
			u.results[n] = u.write(n)
		}
	}
	return n, nil
}

// writtenOut is the number of nodes of a scan that is written out, with those inside of it.
func writtenOut(b *ir.Body) int {
	nodes := len(b.Graph.Nodes)
	for _, n := range b.Graph.Nodes {
		if n.Op == ir.ScanOp {
			nodes = ir.AddSize(nodes, writtenOut(n.ScanBody()))
		}
	}
	return ir.MulSize(max(1, b.Length), nodes)
}

// write writes a scan out, and gives its results by their offsets.
func (u *unroller) write(scan *ir.Node) map[int]*ir.Node {
	body := scan.ScanBody()
	u.b.Site = scan.Site
	values := map[*ir.State]*ir.Node{}
	for i, s := range body.Given() {
		values[s] = scan.Inputs[i]
	}
	stacks := map[*ir.State][]any{}
	for _, s := range body.Stacks() {
		stacks[s] = make([]any, body.Length)
	}
	for i := range body.Length {
		at := i
		if body.Reverse {
			at = body.Length - 1 - i
		}
		u.b.Site.Turn = scan.Turn*body.Length + i
		if u.b.Site.Position = strconv.Itoa(at); scan.Position != "" {
			u.b.Site.Position = scan.Position + ", " + u.b.Site.Position
		}
		next := u.position(body, at, values)
		for _, s := range body.Stacks() {
			stacks[s][at] = next[s.Next.Inputs[2].ID]
		}
		for _, s := range body.Carries() {
			values[s] = next[s.Next.ID]
		}
	}
	u.b.Site = scan.Site
	offsets, _ := body.Offsets()
	results := map[int]*ir.Node{}
	for _, s := range body.Carries() {
		results[offsets[s]] = values[s]
	}
	for _, s := range body.Stacks() {
		if body.Length == 0 {
			results[offsets[s]] = u.b.Fill(s.Type, 0)
			continue
		}
		results[offsets[s]] = u.b.Op("stack", stacks[s], s.Next.Int("dim"))
	}
	return results
}

// position writes one position of a body out, and gives its nodes' values by their IDs.
func (u *unroller) position(body *ir.Body, at int, values map[*ir.State]*ir.Node) []*ir.Node {
	next := make([]*ir.Node, len(body.Graph.Nodes))
	position := body.Position().Read
	next[position.ID] = u.b.Scalar(ir.I64, at)
	for _, m := range body.Graph.Nodes {
		switch {
		case m == position || m.Op.Name == "scan_store":
		case m.State != nil:
			next[m.ID] = values[m.State]
		case m.Op.Name == "scan_slice" && m.Inputs[1] == position:
			x, dim := next[m.Inputs[0].ID], m.Int("dim")
			next[m.ID] = u.b.Reshape(u.b.Op("slice", x, dim, at, at+1), m.Type.Shape)
		default:
			c := *m
			c.Site = u.b.Site
			c.Origin = m.Origin
			c.Attrs = slices.Clone(m.Attrs)
			c.Inputs = make([]*ir.Node, len(m.Inputs))
			for i, in := range m.Inputs {
				c.Inputs[i] = next[in.ID]
			}
			c.ID = len(u.b.Graph.Nodes)
			u.b.Graph.Nodes = append(u.b.Graph.Nodes, &c)
			next[m.ID] = &c
		}
	}
	return next
}
