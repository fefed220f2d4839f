package engine

import (
	"fmt"

	"github.com/flowrun/flowrun/ir"
)

// inspectStates shows the states before a step to Options.Inspect, as what their nodes read.
func (s *Session) inspectStates() error {
	for _, st := range s.plan.Graph.States {
		if s.nodes[st.Read.ID].version == 0 {
			continue
		}
		if err := s.inspect(int32(st.Read.ID)); err != nil {
			return err
		}
	}
	return nil
}

// inspect shows a node that has just run to Options.Inspect. Its memory may be another
// value's as soon as the next node runs.
func (s *Session) inspect(n int32) error {
	node := s.plan.Graph.Nodes[n]
	if node.Op == ir.CopyOp || node.Op == ir.ScanOp { // what it copies has been shown; its results will be
		return nil
	}
	value := ir.NewTensor(node.Type)
	if err := s.download(n, value.Data); err != nil {
		return s.faults.failure(n, fmt.Errorf("looking at it: %w", err))
	}
	return s.options.Inspect(node, value)
}

// download copies a node's current value into the host's memory. It isn't counted: what
// looks on isn't part of a run.
func (s *Session) download(n int32, into []byte) error {
	slice := s.memory.slice(n)
	if host := slice.Host(); host != nil {
		copy(into, host)
		return nil
	}
	c, err := s.devices[s.plan.Graph.Nodes[n].Space].BindToHost(into, slice)
	if err != nil {
		return err
	}
	return c.Run()
}
