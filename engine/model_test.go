package engine_test

import (
	"errors"
	"slices"

	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// model says what a session must do, from first principles: which values it
// must give (what a fresh session of the same plan gives), and which nodes it
// must run for them (those that a transitive closure over the plan finds, given
// when each state was last written and each node last run). It is slow and
// plain, and knows nothing of marks, versions or tapes.
type model struct {
	program *program
	plan    *lower.Plan
	machine machines
	states  map[string]*ir.Tensor // what each state is; absent: not set

	clock     int
	wrote     []int               // per node: when the state that it reads was last written; 0: never
	writes    []uint64            // and how often
	ran       []int               // when the node last ran; 0: never
	kept      []bool              // whether its value stays after a demand
	lost      []bool              // whether it has to run again though nothing changed: its memory is new
	read      []int               // when it was last read by the host
	committed map[*ir.State]int   // when the state last became its next value
	leaves    []map[*ir.Node]bool // the states that a node depends on, itself included
	stats     engine.Stats
}

func newModel(p *program, plan *lower.Plan, machine machines) *model {
	n := len(plan.Graph.Nodes)
	m := &model{program: p, plan: plan, machine: machine, states: map[string]*ir.Tensor{},
		wrote: make([]int, n), writes: make([]uint64, n), ran: make([]int, n), read: make([]int, n),
		kept: make([]bool, n), lost: make([]bool, n), committed: map[*ir.State]int{}}
	for i, node := range plan.Graph.Nodes {
		m.kept[i] = plan.Values[i].Storage <= lower.Kept
		leaves := map[*ir.Node]bool{}
		if node.State != nil {
			leaves[node] = true
		}
		for _, in := range node.Inputs {
			for leaf := range m.leaves[in.ID] {
				leaves[leaf] = true
			}
		}
		m.leaves = append(m.leaves, leaves)
	}
	return m
}

// changedSince reports whether a state that n depends on was written after a
// time, or never was there at that time.
func (m *model) changedSince(n *ir.Node, time int) bool {
	if time == 0 {
		return true
	}
	for leaf := range m.leaves[n.ID] {
		if m.wrote[leaf.ID] > time {
			return true
		}
	}
	return false
}

// stands reports whether a value can be used without running its node.
func (m *model) stands(n *ir.Node) bool {
	return n.State != nil || m.kept[n.ID] && !m.lost[n.ID] && !m.changedSince(n, m.ran[n.ID])
}

// needed gives the nodes that must run for some values, in the plan's order,
// and whether a state that one of them reads isn't there.
func (m *model) needed(roots []*ir.Node) (run []int, unset bool) {
	seen := map[*ir.Node]bool{}
	var visit func(n *ir.Node)
	visit = func(n *ir.Node) {
		if seen[n] {
			return
		}
		seen[n] = true
		if n.State != nil && m.wrote[n.ID] == 0 {
			unset = true
		}
		if m.stands(n) {
			return
		}
		run = append(run, n.ID)
		for _, in := range n.Inputs {
			visit(in)
		}
	}
	for _, root := range roots {
		visit(root)
	}
	slices.Sort(run)
	return run, unset
}

// due lists the states that a step must write: their next value has changed
// since they last became it, or they were set since then.
func (m *model) due() (states []*ir.State) {
	for _, s := range m.plan.Graph.States {
		if s.Next == nil {
			continue
		}
		at := m.committed[s]
		if m.changedSince(s.Next, at) || m.wrote[s.Read.ID] > at+1 {
			states = append(states, s)
		}
	}
	return states
}

// step begins a step: it gives the states that must be written, and the nodes that
// must run for it.
func (m *model) step() (due []*ir.State, run []int, unset bool) {
	due = m.due()
	var roots []*ir.Node
	for _, s := range due {
		roots = append(roots, s.Next)
	}
	m.clock++
	run, unset = m.needed(roots)
	return due, run, unset
}

// node finds what a name asks for.
func (m *model) node(name string) *ir.Node {
	if s := m.plan.Graph.State(name); s != nil {
		return s.Read
	}
	for _, o := range m.plan.Graph.Outputs {
		if o.Name == name {
			return o.Node
		}
	}
	return nil
}

// promote says that a caller has asked for a node: from now on it keeps its
// value.
func (m *model) promote(n *ir.Node) {
	if !m.kept[n.ID] {
		m.kept[n.ID], m.lost[n.ID] = true, true
	}
}

// set says that a caller has written a state.
func (m *model) set(name string, v *ir.Tensor) {
	m.clock++
	m.states[name] = v
	n := m.plan.Graph.State(name).Read
	m.wrote[n.ID] = m.clock
	m.writes[n.ID]++
	m.copied(0, n.Space, n)
}

// run says that a node has run.
func (m *model) run(id int) {
	n := m.plan.Graph.Nodes[id]
	m.ran[id], m.lost[id] = m.clock, false
	switch {
	case m.plan.Values[id].Alias:
		m.stats.Aliased++
	case n.Op == ir.CopyOp:
		m.copied(n.Inputs[0].Space, n.Space, n)
	case n.Op == ir.ConstOp:
		m.copied(0, n.Space, n)
	case n.Op == ir.ScanOp:
		for i := range m.plan.Values[id].Body.Graph.Nodes {
			if m.plan.Values[id].Body.Values[i].Kernel != nil {
				m.stats.KernelsRun += int64(n.ScanBody().Length)
			}
		}
	case n.Op != ir.SourceOp && n.Op != ir.ScanResultOp:
		m.stats.KernelsRun++
	}
}

// fetched says that the host has read a value: a copy, if it is new to it.
func (m *model) fetched(n *ir.Node) {
	if m.changedSince(n, m.read[n.ID]) {
		m.copied(n.Space, 0, n)
	}
	m.read[n.ID] = m.clock
}

// commit says that a step has written the due states.
func (m *model) commit(due []*ir.State, after map[string]*ir.Tensor) {
	for _, s := range due {
		m.committed[s] = m.clock
	}
	m.clock++
	for _, s := range due {
		m.states[s.Name] = after[s.Name]
		m.wrote[s.Read.ID] = m.clock
		m.writes[s.Read.ID]++
	}
}

func (m *model) copied(from, to int, n *ir.Node) {
	t := &m.stats.DeviceToDevice
	switch {
	case from == to:
		return
	case from == 0:
		t = &m.stats.HostToDevice
	case to == 0:
		t = &m.stats.DeviceToHost
	}
	t.Count++
	t.Bytes += int64(n.Type.Bytes())
}

// fresh runs f on a session of the plan that has just been made, with the
// states as they are.
func (m *model) fresh(t tester, f func(s *engine.Session)) {
	t.Helper()
	s, err := engine.New(m.plan, m.machine(t, len(m.plan.Targets)-1), engine.Options{DataSources: m.program.sources, NoReplay: true})
	if err == nil {
		err = s.SetAll(m.states)
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	f(s)
	if err := s.Close(); err != nil {
		t.Fatalf("%v", err)
	}
}

// value gives what a name must be: what a fresh session gives, which the
// reference of the program as it was before lowering must agree with.
func (m *model) value(t tester, name string) (v *ir.Tensor) {
	t.Helper()
	m.fresh(t, func(s *engine.Session) { v = get(t, s, name) })
	for _, o := range m.program.graph.Outputs {
		if o.Name == name && m.plan.Graph.State(name) == nil {
			evaluate(t, m.program, m.states).agrees(t, o.Node, v, name)
		}
	}
	return v
}

// stepped gives what the states must be after a step.
func (m *model) stepped(t tester) map[string]*ir.Tensor {
	t.Helper()
	after := map[string]*ir.Tensor{}
	m.fresh(t, func(s *engine.Session) {
		if err := s.Step(ctx); err != nil {
			t.Fatalf("%v", err)
		}
		for _, st := range m.plan.Graph.States {
			v, err := s.Get(st.Name)
			if unset := new(engine.Unset); errors.As(err, &unset) {
				continue
			}
			if err != nil {
				t.Fatalf("%v", err)
			}
			after[st.Name] = v
		}
	})
	r := evaluate(t, m.program, m.states)
	for _, s := range m.program.graph.States {
		if s.Next != nil {
			r.agrees(t, s.Next, after[s.Name], "the next "+s.Name)
		}
	}
	return after
}
