package engine

import (
	"context"
	"fmt"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// Port is a way into a session for a caller who sets some states and reads some values,
// again and again, without steps. What it needs is bound once: its calls allocate nothing.
type Port struct {
	session *Session
	inputs  []transfer
	outputs []transfer
	roots   []int32
}

// transfer carries a value between a caller's tensor and where it lies.
type transfer struct {
	node    int32
	typ     ir.Type
	memory  []byte         // of the host: the value itself, or what command copies
	direct  bool           // memory is the value itself
	command device.Command // copies it to or from memory; of a direct input, waits for its readers
	used    uint64         // of outputs: the version in memory
}

// Port binds states that are set and values that are read, by their names. Outputs are
// kept from now on.
func (s *Session) Port(inputs, outputs []string) (*Port, error) {
	if err := s.lock(); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	p := &Port{session: s, roots: make([]int32, 0, len(outputs))}
	for _, name := range inputs {
		st := s.plan.Graph.State(name)
		if st == nil {
			return nil, fmt.Errorf("engine: there is no state %s", name)
		}
		t, err := s.transferTo(int32(st.Read.ID))
		if err != nil {
			return nil, err
		}
		p.inputs = append(p.inputs, t)
	}
	for _, name := range outputs {
		n, err := s.names.find(name)
		if err != nil {
			return nil, err
		}
		if s.nodes[n].storage > lower.Kept {
			if err := s.moveOut(n, lower.Kept); err != nil {
				return nil, err
			}
		}
		t, err := s.transferFrom(n)
		if err != nil {
			return nil, err
		}
		p.outputs = append(p.outputs, t)
	}
	return p, nil
}

// transferTo binds the setting of a state.
func (s *Session) transferTo(n int32) (transfer, error) {
	t := transfer{node: n, typ: s.plan.Graph.Nodes[n].Type}
	home := s.memory.slice(n)
	if t.memory = home.Host(); t.memory != nil {
		t.direct = true
		t.command = s.commands.afterReaders(n, device.CommandFunc(func() error { return nil }))
		return t, nil
	}
	t.memory = make([]byte, t.typ.Bytes())
	c, err := s.devices[s.plan.Graph.Nodes[n].Space].BindFromHost(home, t.memory)
	if err != nil {
		return t, s.faults.failure(n, fmt.Errorf("setting it: %w", err))
	}
	t.command = s.commands.afterReaders(n, c)
	return t, nil
}

// transferFrom binds the reading of a value.
func (s *Session) transferFrom(n int32) (transfer, error) {
	t := transfer{node: n, typ: s.plan.Graph.Nodes[n].Type}
	value := s.memory.slice(n)
	if t.memory = value.Host(); t.memory != nil {
		t.direct = true
		return t, nil
	}
	t.memory = make([]byte, t.typ.Bytes())
	var err error
	if t.command, err = s.devices[s.plan.Graph.Nodes[n].Space].BindToHost(t.memory, value); err != nil {
		err = s.faults.failure(n, fmt.Errorf("reading it: %w", err))
	}
	return t, err
}

// OutputType is the type of an output, by its place.
func (p *Port) OutputType(i int) ir.Type { return p.outputs[i].typ }

// Run sets the inputs, computes the outputs that aren't nil at the states as they are then,
// and writes them into their tensors. All are in the order of Port, and must have the
// types of their states and nodes. No other call of the session comes in between. After a
// failed write of an input the error is *Poisoned until that is set. The end of the context
// ends it between the positions of a scan.
func (p *Port) Run(ctx context.Context, inputs, outputs []*ir.Tensor) error {
	s := p.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if err := p.check(inputs, outputs); err != nil {
		return err
	}
	s.tapes.touched()
	for i := range p.inputs {
		if err := s.transfer(&p.inputs[i], inputs[i].Data); err != nil {
			return err
		}
	}
	if err := s.usable(); err != nil {
		return err
	}
	p.roots = p.roots[:0]
	for i, out := range outputs {
		if out != nil {
			p.roots = append(p.roots, p.outputs[i].node)
		}
	}
	s.options.halt.on(ctx)
	defer s.options.halt.off()
	if err := s.demandNodes(p.roots...); err != nil {
		return haltedBy(ctx, err)
	}
	for i, out := range outputs {
		if out == nil {
			continue
		}
		if err := p.read(&p.outputs[i], out.Data); err != nil {
			return err
		}
	}
	return nil
}

// check compares the sizes of what is given with what was bound.
func (p *Port) check(inputs, outputs []*ir.Tensor) error {
	if len(inputs) != len(p.inputs) || len(outputs) != len(p.outputs) {
		return fmt.Errorf("engine: a port of %d inputs and %d outputs was given %d and %d", len(p.inputs), len(p.outputs), len(inputs), len(outputs))
	}
	for i, t := range inputs {
		if t == nil || len(t.Data) != p.inputs[i].typ.Bytes() {
			return fmt.Errorf("engine: input %d doesn't fit %s", i, p.inputs[i].typ)
		}
	}
	for i, t := range outputs {
		if t != nil && len(t.Data) != p.outputs[i].typ.Bytes() {
			return fmt.Errorf("engine: output %d doesn't fit %s", i, p.outputs[i].typ)
		}
	}
	return nil
}

// transfer sets a state, and marks what depends on it.
func (s *Session) transfer(t *transfer, from []byte) error {
	if err := t.write(from); err != nil {
		return s.faults.poisoned([]int32{s.nodes[t.node].state}, s.faults.failure(t.node, fmt.Errorf("setting it: %w", err)))
	}
	s.set(t.node)
	return nil
}

// write writes a state's memory.
func (t *transfer) write(from []byte) error {
	if !t.direct {
		copy(t.memory, from)
		return t.command.Run()
	}
	if err := t.command.Run(); err != nil {
		return err
	}
	copy(t.memory, from)
	return nil
}

// read reads a current value.
func (p *Port) read(t *transfer, to []byte) error {
	s := p.session
	if version := s.nodes[t.node].version; !t.direct && t.used != version {
		if err := t.command.Run(); err != nil {
			return s.faults.failure(t.node, fmt.Errorf("reading it: %w", err))
		}
		s.stats.copied(s.plan.Graph.Nodes[t.node].Space, 0, len(t.memory))
		t.used = version
	}
	copy(to, t.memory)
	return nil
}
