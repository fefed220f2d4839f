package lower

import (
	"errors"
	"fmt"
	"math/rand/v2"

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
	// Verify checks what holds from this pass on. It is called after this pass and
	// after each later one, once the graph's own invariants have been checked. Nil:
	// the pass adds none.
	Verify func(*Plan) error
}

// Passes is the table, in the order in which they run.
var Passes = []Pass{
	{"dce", "drop what no state and no output needs", nil, dce, nil},
	{"simplify", "fold constants and apply the rewrites",
		map[string]string{"dce": "some rewrites ask how often a value is used"}, simplify, nil},
	{"decompose", "write ops that have no kernel in terms of those that have",
		map[string]string{"simplify": "rewrites match whole ops, which this pass takes apart"}, decompose, nil},
	{"resimplify", "simplify what ops without a kernel have become",
		map[string]string{"decompose": "it leaves constants and transposes to simplify"}, simplify, nil},
	{"cse", "compute equal nodes once",
		map[string]string{"resimplify": "equal values are equal nodes only in their simplest form"}, cse, nil},
	{"place", "give every node and every state's home a memory space",
		map[string]string{
			"decompose": "costs are those of kernels",
			"cse":       "a value that is computed twice would count twice",
		}, placeNodes, verifyPlaces},
	{"runahead", "let a device run ahead of the host: once the stop condition has held, no state changes",
		map[string]string{"place": "it asks whether a whole step runs on one device"}, runAhead, nil},
	{"copies", "carry values between spaces by copy nodes, one per value and space",
		map[string]string{
			"place":    "an edge crosses when its ends are in two spaces",
			"runahead": "its new nodes may read constants of another space",
		}, copies, verifyCopies},
	{"bind", "find each node's kernel in the manifest",
		map[string]string{
			"decompose": "only simpler ops have kernels",
			"copies":    "they are the last new nodes: from here on each has a value",
		}, bind, verifyKernels},
	{"fuse", "make one node, with one kernel, of elementwise nodes that follow one another",
		map[string]string{
			"copies": "parts are on one device",
			"bind":   "a kernel says whether its work can be a part",
		}, fuse, verifyFused},
	{"storage", "decide which values are kept, transient, or written in place",
		map[string]string{
			"bind": "a kernel says which operands it may overwrite",
			"fuse": "parts have no memory",
		}, storage, verifyStorage},
	{"alias", "where the host and a device share memory, make copies between them that memory itself",
		map[string]string{"storage": "only homes and kept values of the host are lent to a device"}, alias, verifyAliases},
	{"schedule", "order the nodes: readers of a state before its writer, writers last",
		map[string]string{
			"storage": "it says which nodes write homes",
			"alias":   "who reads an alias reads the original, and has to come before its writer too",
		}, schedule, verifySchedule},
	{"memory", "give values offsets: kept ones their own, transient ones a share of an arena",
		map[string]string{"schedule": "memory is used again after its value's last use in the final order"}, memory, verifyMemory},
}

// Lower makes a plan of a program without grad nodes. The graph isn't changed.
func Lower(g *ir.Graph, o Options) (*Plan, error) {
	if len(o.Targets) == 0 || o.Default < Auto || o.Default >= len(o.Targets) {
		return nil, errors.New("lower: no target to lower onto")
	}
	p := &Plan{Targets: o.Targets, Graph: g.Clone(), Main: o.Default, Applied: map[string]int{}, options: o}
	p.placement = place.New(p.Graph, place.Options{Targets: o.Targets, Default: o.Default, Candidates: o.Candidates, Rules: o.Rules})
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

// shuffle puts the nodes into another order in which operands come before their
// users.
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
