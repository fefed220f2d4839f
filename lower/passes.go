package lower

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower/place"
)

// Pass is a row of the table of passes.
type Pass struct {
	Name string
	Doc  string
	// After are passes that must come before this one, and why.
	After map[string]string
	Run   func(*Plan) error
	// Verify checks an invariant that this pass establishes. It is called after
	// this pass and after each later one, following the checks of the graph itself.
	// It is nil if the pass establishes none.
	Verify func(*Plan) error
}

// Passes is the table, in the order in which they run.
var Passes = []Pass{
	{"dce", "drop nodes that no state and no output needs", nil, dce, nil},
	{"unroll", "drop results of scans that aren't used; write short scans out",
		map[string]string{"dce": "a result that nothing needs isn't used"}, unroll, nil},
	{"simplify", "fold constants and apply the rewrites",
		map[string]string{
			"dce":    "some rewrites depend on how often a value is used",
			"unroll": "scans that are written out are simplified like the rest",
		}, simplify, nil},
	{"decompose", "replace ops without a kernel by ops that have one",
		map[string]string{"simplify": "some rewrites match ops that this pass replaces"}, decompose, nil},
	{"resimplify", "simplify the results of decomposition",
		map[string]string{"decompose": "decomposition leaves constants and transposes to simplify"}, simplify, nil},
	{"hoist", "simplify the bodies of scans, and move what is the same at each position out of them",
		map[string]string{"resimplify": "what is known of a body's operands is known"}, hoist, nil},
	{"cse", "compute equal nodes once",
		map[string]string{
			"resimplify": "equal values are equal nodes only in their simplest form",
			"hoist":      "what came out of a body may be there already",
		}, cse, nil},
	{"place", "give every node and every state's home a memory space",
		map[string]string{
			"decompose": "costs are estimated for ops with kernels",
			"cse":       "a duplicate would be counted twice",
		}, placeNodes, verifyPlaces},
	{"runahead", "let a device run ahead of the host: once the stop condition holds, no state changes",
		map[string]string{"place": "it applies only if a whole step runs on one device"}, runAhead, nil},
	{"copies", "insert copies between spaces, one per value and space",
		map[string]string{
			"place":    "an edge needs a copy if its ends are in two spaces",
			"runahead": "its new nodes may read constants in another space",
		}, copies, verifyCopies},
	{"bind", "find each node's kernel in the manifest; make plans of the bodies of scans",
		map[string]string{
			"decompose": "only simpler ops have kernels",
			"copies":    "copies are the last new nodes; from here on every node has its entry in Values",
		}, bind, verifyKernels},
	{"fuse", "merge consecutive elementwise nodes into one node with one kernel",
		map[string]string{
			"copies": "parts are on one device",
			"bind":   "kernels say whether their work can be a part",
		}, fuse, verifyFused},
	{"storage", "decide which values are kept, transient, or written in place",
		map[string]string{
			"bind": "kernels say which operands they may overwrite",
			"fuse": "parts have no memory",
		}, storage, verifyStorage},
	{"alias", "turn copies between the host and a device that shares its memory into aliases",
		map[string]string{"storage": "only homes and kept values of the host are lent to a device"}, alias, verifyAliases},
	{"schedule", "order the nodes: readers of a state before its writer, writers last",
		map[string]string{
			"storage": "nodes that write homes come last",
			"alias":   "readers of an alias must come before the writer of the original",
		}, schedule, verifySchedule},
	{"memory", "assign offsets: kept values get their own, transient values share an arena",
		map[string]string{"schedule": "memory is reused after the last use of its value in the final order"}, memory, verifyMemory},
}

// Lower makes a plan of a program without grad nodes. The graph isn't changed.
func Lower(g *ir.Graph, o Options) (*Plan, error) {
	if len(o.Targets) == 0 || o.Default < Auto || o.Default >= len(o.Targets) {
		return nil, errors.New("lower: no target to lower onto")
	}
	p := &Plan{Targets: o.Targets, Graph: g.Clone(), Main: o.Default, Applied: map[string]int{}, options: o, lower: Lower}
	p.placement = place.New(p.Graph, place.Options{Targets: o.Targets, Default: o.Default, Candidates: o.Candidates, Rules: o.Rules, Manifest: o.Manifest})
	for i, pass := range Passes {
		if o.Shuffle != 0 && !p.ordered {
			_ = p.reorder(func() error {
				shuffle(p.Graph, rand.New(rand.NewPCG(uint64(o.Shuffle), uint64(i))))
				return nil
			})
		}
		if err := pass.Run(p); err != nil {
			return nil, err
		}
		if err := verify(p, Passes[:i+1]); err != nil {
			return nil, fmt.Errorf("lower: after the pass %s: %w", pass.Name, err)
		}
		if o.Observe != nil {
			if err := o.Observe(pass.Name, p); err != nil {
				return nil, err
			}
		}
	}
	return p, nil
}

// shuffle puts the nodes into a random topological order.
func shuffle(g *ir.Graph, r *rand.Rand) {
	users := g.Users()
	missing := make([]int, len(g.Nodes))
	var ready []*ir.Node
	for i, n := range g.Nodes {
		missing[i] = len(n.Inputs)
		if missing[i] == 0 {
			ready = append(ready, n)
		}
	}
	order := make([]*ir.Node, 0, len(g.Nodes))
	for len(ready) > 0 {
		i := r.IntN(len(ready))
		n := ready[i]
		ready[i] = ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		order = append(order, n)
		for _, u := range users[n.ID] {
			if missing[u.ID]--; missing[u.ID] == 0 {
				ready = append(ready, u)
			}
		}
	}
	g.Nodes = order
	number(g)
}

func number(g *ir.Graph) {
	for i, n := range g.Nodes {
		n.ID = i
	}
}

// dce, dead code elimination, drops unreachable nodes.
func dce(p *Plan) error { return p.Graph.Sort() }

// placeNodes places nodes and homes: see package place.
func placeNodes(p *Plan) error {
	err := p.placement.Run()
	p.Targets, p.Main, p.Choice, p.Homes = p.placement.Targets, p.placement.Main, p.placement.Choice, p.placement.Homes
	return err
}

// bind finds each node's kernel. From here on every node has a [Value].
func bind(p *Plan) error {
	p.Values = make([]Value, len(p.Graph.Nodes))
	for _, n := range p.Graph.Nodes {
		v := p.Value(n)
		v.Bytes, v.Reason = int64(n.Type.Bytes()), p.placement.Reasons[n]
		if n.Op == ir.ScanOp {
			if err := p.planBody(n); err != nil {
				return err
			}
		}
		if !place.HasKernel(n) {
			continue
		}
		var inputs []string
		for _, in := range n.Inputs {
			inputs = append(inputs, in.Type.DType.String())
		}
		v.Kernel = p.options.Manifest.Find(n.Op.Name, inputs, n.Type.DType.String())
		if v.Kernel == nil {
			return &Error{Range: n.Origin, Rule: "no-kernel",
				Msg:  fmt.Sprintf("%s has no kernel for (%s) -> %s on %s", n.Op.Name, strings.Join(inputs, ", "), n.Type.DType, p.Targets[n.Space].Name),
				Help: "cast its operands to a dtype that it has a kernel for"}
		}
	}
	return nil
}
