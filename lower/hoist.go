package lower

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower/place"
)

// hoist simplifies the bodies of scans by the passes before this one and cse, and moves
// what is the same at each position out of them.
func hoist(p *Plan) error {
	found := false
	for _, n := range slices.Clone(p.Graph.Nodes) {
		if n.Op != ir.ScanOp {
			continue
		}
		found = true
		body, err := p.simplifiedBody(n.ScanBody())
		if err != nil {
			return err
		}
		h := &hoister{plan: p, scan: n, body: body, outside: map[*ir.Node]*ir.Node{}}
		h.run()
	}
	if !found {
		return nil
	}
	return p.Graph.Sort()
}

// simplifiedBody runs the passes up to cse over a copy of a body.
func (p *Plan) simplifiedBody(b *ir.Body) (*ir.Body, error) {
	b = ownBody(b)
	target := Target{Name: "the scan's device"}
	sub := &Plan{Targets: []Target{target}, Graph: b.Graph, Applied: p.Applied, options: p.options}
	sub.placement = place.New(sub.Graph, place.Options{Targets: sub.Targets, Manifest: p.options.Manifest})
	for _, pass := range []func(*Plan) error{dce, unroll, simplify, decompose, simplify, hoist, cse} {
		if err := pass(sub); err != nil {
			return nil, err
		}
	}
	b.Graph.Outputs = nil // names that passes keep
	return b, b.Graph.Sort()
}

// hoister moves what is the same at each position out of one body.
type hoister struct {
	plan    *Plan
	scan    *ir.Node
	body    *ir.Body
	outside map[*ir.Node]*ir.Node // values of the body that are the same at each position -> outside
}

func (h *hoister) run() {
	g := h.body.Graph
	given := map[*ir.State]*ir.Node{}
	for i, s := range h.body.Given() {
		given[s] = h.scan.Inputs[i]
		if s.Kind == ir.OperandState {
			h.outside[s.Read] = h.scan.Inputs[i]
		}
	}
	b := ir.NewBuilder(g)
	operand := map[*ir.Node]*ir.State{} // by the value outside
	for s, n := range given {
		if s.Kind == ir.OperandState {
			operand[n] = s
		}
	}
	use := func(in *ir.Node) *ir.Node {
		out := h.outside[in]
		if out == nil || in.State != nil {
			return in
		}
		s := operand[out]
		if s == nil {
			s = b.NewState(fmt.Sprintf("operand %d", len(given)), ir.OperandState, in.Type)
			operand[out], given[s] = s, out
		}
		return s.Read
	}
	for _, n := range slices.Clone(g.Nodes) {
		if n.State != nil {
			continue
		}
		if !slices.ContainsFunc(n.Inputs, func(in *ir.Node) bool { return h.outside[in] == nil }) {
			h.move(n)
			continue
		}
		for i, in := range n.Inputs {
			n.Inputs[i] = use(in)
		}
	}
	for _, s := range h.body.Carries() {
		s.Next = use(s.Next)
	}
	h.renew(given)
}

// move puts a node outside.
func (h *hoister) move(n *ir.Node) {
	c := *n
	c.Site = h.scan.Site
	c.Origin = n.Origin
	c.Inputs = make([]*ir.Node, len(n.Inputs))
	for i, in := range n.Inputs {
		c.Inputs[i] = h.outside[in]
	}
	c.ID = len(h.plan.Graph.Nodes)
	h.plan.Graph.Nodes = append(h.plan.Graph.Nodes, &c)
	h.outside[n] = &c
}

// renew gives the scan the body with the operands that are still used.
func (h *hoister) renew(given map[*ir.State]*ir.Node) {
	needed := neededStates(h.body, func(*ir.State) bool { return true })
	var states []*ir.State
	var inputs []*ir.Node
	for kind := ir.CarryState; kind <= ir.StackState; kind++ {
		for _, s := range h.body.Graph.States {
			if s.Kind != kind || !needed[s] {
				continue
			}
			states = append(states, s)
			if kind != ir.StackState {
				inputs = append(inputs, given[s])
			}
		}
	}
	for i, s := range states {
		s.Name = fmt.Sprintf("%s %d", s.Kind, i)
	}
	h.body.Graph.States = states
	_ = h.body.Graph.Sort() // no cycle was made
	h.scan.Inputs = inputs
	h.scan.SetScanBody(h.body)
}

// planBody lowers the body of a scan onto the scan's device. What the body needs besides
// its results lies behind them, in the scan's value.
func (p *Plan) planBody(n *ir.Node) error {
	target := p.Targets[n.Space]
	if target.Alignment > ir.ResultAlignment {
		return &Error{Range: n.Origin, Rule: "no-kernel", Msg: fmt.Sprintf("%s aligns memory to %d bytes, scans to %d", target.Name, target.Alignment, ir.ResultAlignment)}
	}
	target.Unified = false // the body's memory is the scan's
	o := p.options
	o.Targets, o.Default, o.Candidates, o.Rules, o.Observe = []Target{target}, 0, nil, nil, nil
	body, err := p.lower(ownBody(n.ScanBody()).Graph, o)
	if err != nil {
		return fmt.Errorf("in the body of %s: %w", n.Label(), err)
	}
	v := p.Value(n)
	v.Body = body
	v.Bytes = place.Sum(v.Bytes, place.Sum(AlignResult(body.Spaces[0].Kept), body.Spaces[0].Arena))
	return nil
}

// AlignResult rounds a size up to a place in a scan's value.
func AlignResult(bytes int64) int64 { return place.Align(bytes, ir.ResultAlignment) }

// Launches is the number of kernels that computing a node runs.
func (p *Plan) Launches(id int) int64 {
	switch v := &p.Values[id]; {
	case v.Kernel != nil:
		return 1
	case v.Body != nil:
		var once int64
		for i := range v.Body.Values {
			once += v.Body.Launches(i)
		}
		return int64(ir.MulSize(p.Graph.Nodes[id].ScanBody().Length, int(once)))
	}
	return 0
}

// isGiven tells the states of a body: their memory is the scan's.
func isGiven(n *ir.Node) bool { return n.State != nil && n.State.Kind >= ir.CarryState }

// storeInPlace tells stores whether they are written over their stacks.
func storeInPlace(p *Plan) {
	for _, n := range p.Graph.Nodes {
		if n.Op.Name == "scan_store" {
			n.SetAttr("in_place", p.Value(n).Storage == InPlace)
		}
	}
}

// verifyScans checks that scans have plans for their bodies, with which their stores agree.
func verifyScans(p *Plan) error {
	for _, n := range p.Graph.Nodes {
		switch v := p.Value(n); {
		case (n.Op == ir.ScanOp) != (v.Body != nil):
			return fmt.Errorf("node %s is a scan, or has the plan of a body, but not both", n.Label())
		case v.Body == nil:
		case len(v.Body.Graph.States) != len(n.ScanBody().Graph.States):
			return fmt.Errorf("node %s is a scan whose body has other states in its plan", n.Label())
		case v.Bytes < int64(n.Type.Bytes())+v.Body.Spaces[0].Kept+v.Body.Spaces[0].Arena:
			return fmt.Errorf("node %s is a scan with too little memory for its body", n.Label())
		}
	}
	return nil
}

func verifyStores(p *Plan) error {
	for _, n := range p.Graph.Nodes {
		if n.Op.Name == "scan_store" && n.Bool("in_place") != (p.Value(n).Storage == InPlace) {
			return fmt.Errorf("node %s is %s, which isn't what it is told", n.Label(), p.Value(n).Storage)
		}
	}
	return nil
}
