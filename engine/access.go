package engine

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// fetch is the edge from a value to the host's copy of it.
type fetch struct {
	tensor *ir.Tensor
	used   uint64
}

// directory finds states and nodes by their names.
type directory struct {
	plan    *lower.Plan
	handles map[string]int32 // made by the first find
}

func (d *directory) find(name string) (int32, error) {
	g := d.plan.Graph
	if d.handles == nil {
		d.handles = make(map[string]int32, len(g.Nodes))
		for i, n := range g.Nodes {
			if n.Name != "" && n.State == nil && n.Op != ir.CopyOp {
				d.handles[n.Name] = int32(i)
			}
		}
		for _, o := range g.Outputs {
			d.handles[o.Name] = int32(o.Node.ID)
		}
		for _, st := range g.States {
			d.handles[st.Name] = int32(st.Read.ID)
		}
	}
	h, ok := d.handles[name]
	if !ok {
		return 0, fmt.Errorf("engine: there is no state and no node %s", diag.Cut(name))
	}
	return h, nil
}

// demandKept demands a node after making sure that it can keep its value.
func (s *Session) demandKept(n int32) error {
	node := &s.nodes[n]
	if s.tapes.steady == nil && s.stands(n) && node.storage <= lower.Kept && node.version > 0 {
		return nil
	}
	s.tapes.catchUp()
	if node.storage > lower.Kept {
		if err := s.moveOut(n, lower.Kept); err != nil {
			return err
		}
	}
	return s.demandNodes(n)
}

// Get gives the value of a state or a node. For a state, that is its value after
// the last step; for a node, its value for the current states, which is what the
// next step will see. The tensor is the caller's.
func (s *Session) Get(name string) (*ir.Tensor, error) {
	values, err := s.GetAll([]string{name})
	return values[name], err
}

// GetAll gives the values of several states or nodes, all from the same step: no
// step and no write by another caller comes in between.
func (s *Session) GetAll(names []string) (map[string]*ir.Tensor, error) {
	if err := s.lock(); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	values := make(map[string]*ir.Tensor, len(names))
	for _, name := range names {
		h, err := s.names.find(name)
		if err != nil {
			return nil, err
		}
		t, err := s.next(name, h)
		if err != nil {
			return nil, err
		}
		values[name] = t.Clone()
	}
	return values, nil
}

// next fetches the value of a state, or that of a node in the next step.
func (s *Session) next(name string, n int32) (*ir.Tensor, error) {
	if s.tail != nil && s.nodes[n].state < 0 {
		if err := s.usable(); err != nil { // an earlier value may have shown that it isn't
			return nil, err
		}
		due, err := s.tailNext()
		if err != nil {
			return nil, err
		}
		if due {
			return s.tail.fetch(name)
		}
	}
	return s.fetch(n)
}

// fetch copies a value to the host, unless the host's copy is current.
func (s *Session) fetch(n int32) (*ir.Tensor, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	if err := s.demandKept(n); err != nil {
		return nil, err
	}
	node := s.plan.Graph.Nodes[n]
	f := s.fetches[n]
	if f == nil {
		f = &fetch{tensor: ir.NewTensor(node.Type)}
		s.fetches[n] = f
	}
	if f.used == s.nodes[n].version {
		return f.tensor, nil
	}
	// Bound anew each time: a node may have moved.
	c, err := s.devices[node.Space].BindToHost(f.tensor.Data, s.memory.slice(n))
	if err == nil {
		err = c.Run()
	}
	if err != nil {
		return nil, s.faults.failure(n, fmt.Errorf("reading it: %w", err))
	}
	s.stats.copied(node.Space, 0, node.Type.Bytes())
	f.used = s.nodes[n].version
	return f.tensor, nil
}

// SetAll writes several states at once: all of them, or none if a name or a type is
// wrong. Everything that depends on them is out of date afterwards. If a device fails
// meanwhile, the error is *Poisoned and names those that weren't written.
func (s *Session) SetAll(values map[string]*ir.Tensor) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.foreign++
	if r := s.runner; r != nil {
		for name := range values {
			r.moved = r.moved || name == r.loop.Step || name == r.loop.Stopped
		}
	}
	return s.setAll(values)
}

// setAll is SetAll on a locked session.
func (s *Session) setAll(values map[string]*ir.Tensor) error {
	if s.closed {
		return ErrClosed
	}
	names := slices.Sorted(maps.Keys(values))
	var nodes []int32
	for _, name := range names {
		var st *ir.State
		if n, err := s.names.find(name); err == nil {
			st = s.plan.Graph.Nodes[n].State
		}
		if st == nil || st.Name != name { // an output may be another name of a state
			return fmt.Errorf("engine: there is no state %s", diag.Cut(name))
		}
		t := values[name]
		if err := t.Check(); err != nil {
			return fmt.Errorf("engine: %s is %s; it can't be set to %w", name, st.Type, err)
		}
		if !t.Type.Equal(st.Type) {
			return fmt.Errorf("engine: %s is %s; it can't be set to %s", name, st.Type, t.Type)
		}
		nodes = append(nodes, int32(st.Read.ID))
	}
	commands := make([]device.Command, len(nodes))
	for i, n := range nodes {
		c, err := s.devices[s.plan.Graph.Nodes[n].Space].BindFromHost(s.memory.slice(n), values[names[i]].Data)
		if err != nil { // nothing has been written
			return s.faults.failure(n, fmt.Errorf("setting it: %w", err))
		}
		commands[i] = s.commands.afterReaders(n, c)
	}
	s.tapes.touched()
	for i, c := range commands {
		if err := c.Run(); err != nil {
			// This home may be half written, and the rest isn't at all.
			var states []int32
			for _, n := range nodes[i:] {
				states = append(states, s.nodes[n].state)
			}
			return s.faults.poisoned(states, s.faults.failure(nodes[i], fmt.Errorf("setting it: %w", err)))
		}
		s.set(nodes[i])
	}
	return nil
}

// set accounts for a state's home that a caller has written.
func (s *Session) set(n int32) {
	node := s.plan.Graph.Nodes[n]
	s.stats.copied(0, node.Space, node.Type.Bytes())
	s.replaced(s.nodes[n].state)
}

// replaced accounts for a state's home that something else than a step has written.
func (s *Session) replaced(st int32) {
	s.written(st)
	if s.tail != nil && st == s.tail.state {
		s.miscounted()
	}
	if s.states[st].next >= 0 {
		s.states[st].overwrites = true
		s.makeDue(st)
	}
	s.faults.restored(st)
}

// probe reads a state after a step.
type probe struct {
	tensor *ir.Tensor
	space  int
	copy   device.Command // nil if tensor is the state's own memory
}

func (s *Session) probe(name string) (*probe, error) {
	st := s.plan.Graph.State(name)
	if st == nil {
		return nil, fmt.Errorf("engine: there is no state %s", diag.Cut(name))
	}
	home := s.memory.slice(int32(st.Read.ID))
	p := &probe{space: st.Home}
	if host := home.Host(); host != nil {
		p.tensor = &ir.Tensor{Type: st.Type, Data: host}
		return p, nil
	}
	p.tensor = ir.NewTensor(st.Type)
	var err error
	p.copy, err = s.devices[st.Home].BindToHost(p.tensor.Data, home)
	return p, err
}

// scalar is probe for a state that must be a scalar.
func (s *Session) scalar(name string) (*probe, error) {
	if st := s.plan.Graph.State(name); st != nil && len(st.Type.Shape) != 0 {
		return nil, fmt.Errorf("engine: %s is %s, not a scalar", name, st.Type)
	}
	return s.probe(name)
}

// isScalar reports whether what the probe reads is a number.
func (p *probe) isScalar() bool { return len(p.tensor.Type.Shape) == 0 }

// read gives a scalar state's current value; a tensor is in p.tensor afterwards.
func (s *Session) read(p *probe) (float64, error) {
	if p.copy != nil {
		if err := p.copy.Run(); err != nil {
			return 0, s.faults.blame(err)
		}
		s.stats.copied(p.space, 0, len(p.tensor.Data))
	}
	if !p.isScalar() {
		return math.NaN(), nil
	}
	return p.tensor.Float(0), nil
}
