package lower

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// Pass is one step of lowering.
type Pass struct {
	Name string
	Doc  string
	Run  func(*Plan) error
}

// Passes is the table, in the order in which they run.
var Passes = []Pass{
	{"clean", "drop what no state and no output needs", clean},
	{"simplify", "fold constants and apply the rewrite rules", simplify},
	{"decompose", "write ops that have no kernel in terms of those that have", decompose},
	{"resimplify", "simplify what ops without a kernel have become", simplify},
	{"share", "compute equal nodes once", share},
	{"place", "give every node and every state's home a memory space", place},
	{"mask", "let a device run ahead of the host: once the stop condition has held, no state changes", mask},
	{"copies", "carry values between spaces by copy nodes, one per value and space", copies},
	{"bind", "find each node's kernel in the manifest", bind},
	{"fuse", "make one node, with one kernel, of elementwise nodes that follow one another", fuse},
	{"storage", "decide which values are kept, transient, or written in place", storage},
	{"alias", "where the host and a device share memory, make copies between them that memory itself", alias},
	{"schedule", "order the nodes: readers of a state before its writer, writers last", schedule},
	{"memory", "give values offsets: kept ones their own, transient ones a share of an arena", memory},
}

// Lower makes a plan of a program without grad nodes. The graph isn't changed.
func Lower(g *ir.Graph, o Options) (*Plan, error) {
	if len(o.Targets) == 0 || o.Default < Auto || o.Default >= len(o.Targets) {
		return nil, errors.New("lower: no target to lower onto")
	}
	p := &Plan{
		Targets: slices.Clone(o.Targets),
		Graph:   g.Clone(),
		Main:    o.Default,
		Applied: map[string]int{},
		options: o,
		reasons: map[*ir.Node]string{},
		homes:   map[*ir.State]string{},
		values:  map[*ir.Node]*Value{},
		wishes:  map[string]wish{},
	}
	for _, r := range o.Rules {
		p.patterns = append(p.patterns, ir.NewPattern(ir.PlainPath(r.Match)))
	}
	if o.Default == Auto {
		p.offer()
	}
	for i, pass := range Passes {
		if o.Shuffle != 0 && p.Values == nil { // the order isn't final yet
			shuffle(p.Graph, rand.New(rand.NewPCG(uint64(o.Shuffle), uint64(i))))
		}
		if err := pass.Run(p); err != nil {
			return nil, err
		}
		if err := verify(p, pass.Name); err != nil {
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

// clean drops unreachable nodes.
func clean(p *Plan) error { return p.Graph.Sort() }

// replaceNodes lets f replace nodes of the graph: f gives what stands for n, n itself if
// nothing else does. n's operands have been replaced when f sees it; nodes that
// f makes are not shown to it.
//
// Every name stays: what can be asked for by name before a pass can be asked for
// after it. A replacement takes the name of the node that it stands for. If it
// has one already, or is a state, and also where a named node is no longer
// needed by any other, the name becomes an output of the graph. Steps don't run
// what only outputs need.
func replaceNodes(g *ir.Graph, f func(n *ir.Node) (*ir.Node, error)) error {
	if err := g.Sort(); err != nil {
		return err
	}
	nodes := g.Nodes
	replaced := make([]*ir.Node, len(nodes)) // by ID
	resolve := func(n *ir.Node) *ir.Node {
		for n.ID < len(nodes) && replaced[n.ID] != nil {
			n = replaced[n.ID]
		}
		return n
	}
	var named []ir.Output
	for _, n := range nodes {
		for i, in := range n.Inputs {
			n.Inputs[i] = resolve(in)
		}
		if n.Name != "" && n.State == nil {
			named = append(named, ir.Output{Name: n.Name, Node: n})
		}
		r, err := f(n)
		if err != nil {
			return err
		}
		if r != n {
			if r.Name == "" && r.State == nil {
				r.Name = n.Name
			}
			replaced[n.ID] = r
		}
	}
	for _, s := range g.States {
		if s.Next != nil {
			s.Next = resolve(s.Next)
		}
	}
	for i, o := range g.Outputs {
		g.Outputs[i].Node = resolve(o.Node)
	}
	for i := range named {
		named[i].Node = resolve(named[i].Node)
	}
	if err := g.Sort(); err != nil {
		return err
	}
	return keepNames(g, named)
}

// keepNames makes outputs of the names that would be lost otherwise.
func keepNames(g *ir.Graph, named []ir.Output) error {
	outputs := make(map[string]bool, len(g.Outputs))
	for _, o := range g.Outputs {
		outputs[o.Name] = true
	}
	lost := len(g.Outputs)
	for _, o := range named {
		there := o.Node.ID < len(g.Nodes) && g.Nodes[o.Node.ID] == o.Node
		if !(there && o.Node.Name == o.Name) && !outputs[o.Name] {
			outputs[o.Name] = true
			g.Outputs = append(g.Outputs, o)
		}
	}
	if lost == len(g.Outputs) {
		return nil
	}
	return g.Sort()
}
