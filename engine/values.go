package engine

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// value is what the engine keeps per node, in the plan's order.
type value struct {
	version  uint64 // of what the node last computed; 0: never
	computed uint64 // the demand in which a transient value was computed
	visited  uint64 // the last demand whose walk visited it
	ins      [2]int32
	outs     [2]int32
	state    int32 // for state nodes, which one; else -1
	storage  lower.Storage
	marked   bool
	empty    bool // its memory is new: nothing is in it yet
}

// edge is an operand: the node it comes from, and the version last used.
type edge struct {
	used uint64
	from int32
}

// state is what the engine keeps per state.
type state struct {
	node       int32  // its Read node
	next       int32  // the node that computes its next value, or -1
	committed  uint64 // the version of next that its home holds
	overwrites bool   // Set since the last commit
	due        bool   // on the list of states that a step may have to commit
}

// values is the bookkeeping of dirty edges: versions and marks.
type values struct {
	nodes  []value
	edges  []edge  // by consumer, value.ins
	users  []int32 // by producer, value.outs
	states []state
	nextOf map[int32][]int32 // node -> states whose next value it is
	due    []int32           // states that the next step may have to commit

	demand uint64 // the serial number of the current demand
	stack  []int32
	work   []int32
}

// newValues begins with everything marked, nothing computed and no state set.
func newValues(p *lower.Plan) *values {
	v := &values{nodes: make([]value, len(p.Graph.Nodes)), nextOf: map[int32][]int32{}}
	index := make(map[*ir.State]int32, len(p.Graph.States))
	for i, s := range p.Graph.States {
		index[s] = int32(i)
		st := state{node: int32(s.Read.ID), next: -1}
		if s.Next != nil {
			st.next = int32(s.Next.ID)
			v.nextOf[st.next] = append(v.nextOf[st.next], int32(i))
		}
		v.states = append(v.states, st)
	}
	count := make([]int32, len(v.nodes)+1)
	for i, n := range p.Graph.Nodes {
		node := &v.nodes[i]
		node.storage = p.Values[i].Storage
		node.state = -1
		if n.State != nil {
			node.state = index[n.State]
		}
		node.ins[0] = int32(len(v.edges))
		for _, in := range n.Inputs {
			v.edges = append(v.edges, edge{from: int32(in.ID)})
			count[in.ID]++
		}
		node.ins[1] = int32(len(v.edges))
	}
	v.users = make([]int32, len(v.edges))
	at := int32(0)
	for i := range v.nodes {
		v.nodes[i].outs = [2]int32{at, at}
		at += count[i]
	}
	for i := range v.nodes {
		for _, e := range v.in(int32(i)) {
			outs := &v.nodes[e.from].outs
			v.users[outs[1]] = int32(i)
			outs[1]++
		}
	}
	for i := range v.nodes {
		if v.nodes[i].state < 0 {
			v.setMark(int32(i))
		}
	}
	return v
}

func (v *values) in(n int32) []edge   { return v.edges[v.nodes[n].ins[0]:v.nodes[n].ins[1]] }
func (v *values) out(n int32) []int32 { return v.users[v.nodes[n].outs[0]:v.nodes[n].outs[1]] }

func (v *values) isInPlace(n int32) bool { return v.nodes[n].storage == lower.InPlace }

// writes is the node whose memory n writes: itself, or a state's if it is in place.
func (v *values) writes(n int32) int32 {
	if v.isInPlace(n) {
		return v.states[v.nextOf[n][0]].node
	}
	return n
}

// setMark marks one node, and makes the states due whose next value it is.
func (v *values) setMark(n int32) {
	v.nodes[n].marked = true
	for _, s := range v.nextOf[n] {
		v.makeDue(s)
	}
}

func (v *values) makeDue(s int32) {
	if !v.states[s].due {
		v.states[s].due = true
		v.due = append(v.due, s)
	}
}

// written notes that a state's home has a new value: its out-edges are dirty.
func (v *values) written(s int32) {
	n := v.states[s].node
	v.nodes[n].version++
	v.markUsers(n)
}

// markUsers marks everything downstream of a node, stopping at what is marked.
func (v *values) markUsers(n int32) {
	stack := append(v.stack[:0], n)
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, u := range v.out(n) {
			if !v.nodes[u].marked {
				v.setMark(u)
				stack = append(stack, u)
			}
		}
	}
	v.stack = stack
}

// dirty reports whether a node has never been computed or has a dirty in-edge.
func (v *values) dirty(n int32) bool {
	if v.nodes[n].version == 0 {
		return true
	}
	for _, e := range v.in(n) {
		if e.used != v.nodes[e.from].version {
			return true
		}
	}
	return false
}

// stands reports whether a value is current, and can be used in this demand.
func (v *values) stands(n int32) bool {
	node := &v.nodes[n]
	switch node.storage {
	case lower.Home:
		return true
	case lower.Kept:
		return !node.marked && !node.empty
	}
	return node.computed == v.demand
}

// collect begins a demand: it gives the nodes that have to run to make the roots
// current, in the plan's order. unset is a state without a value among them, or -1.
func (v *values) collect(roots []int32) (work []int32, unset int32) {
	v.demand++
	unset = -1
	work = v.work[:0]
	stack := v.stack[:0]
	visit := func(n int32) {
		node := &v.nodes[n]
		if node.visited == v.demand {
			return
		}
		node.visited = v.demand
		if node.state >= 0 && node.version == 0 {
			unset = node.state
		}
		if !v.stands(n) {
			work = append(work, n)
			stack = append(stack, n)
		}
	}
	for _, root := range roots {
		visit(root)
	}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, e := range v.in(n) {
			visit(e.from)
		}
	}
	slices.Sort(work)
	v.stack, v.work = stack, work
	return work, unset
}

// ran notes that a node has run: its in-edges are clean, its value is current. A node
// that wasn't dirty has only recomputed its value.
func (v *values) ran(n int32) {
	node := &v.nodes[n]
	if v.dirty(n) {
		node.version++
		in := v.in(n)
		for i := range in {
			in[i].used = v.nodes[in[i].from].version
		}
	}
	node.marked, node.empty = false, false
	node.computed = v.demand
}

// mustCommit reports whether a state's home lacks its next value.
func (v *values) mustCommit(s int32) bool {
	st := &v.states[s]
	return st.overwrites || st.committed != v.nodes[st.next].version
}

// commit ends a step: the given states, which were due, have been written.
func (v *values) commit(states []int32) {
	for _, s := range v.due {
		v.states[s].due = false
	}
	v.due = v.due[:0]
	for _, s := range states {
		st := &v.states[s]
		st.overwrites = false
		st.committed = v.nodes[st.next].version
	}
	for _, s := range states {
		v.written(s)
	}
}
