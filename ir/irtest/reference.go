// Package irtest computes graphs by the ops' references, for tests to compare
// plans and kernels with, and draws calls of ops.
package irtest

import (
	"fmt"

	"github.com/flowrun/flowrun/ir"
)

// Reference computes the values of roots by the ops' references: in
// float64 whatever the dtype, with nothing rounded between nodes but random
// draws, and integers exactly. leaf gives the values of states' reads and of
// data sources, of the nodes' types; it is called once for each. Results may
// share memory with what it gave.
//
// Every kernel and every plan is compared with this.
func Reference(roots []*ir.Node, leaf func(*ir.Node) (*ir.Array, error)) ([]*ir.Array, error) {
	e := computation{leaf: leaf, values: map[*ir.Node]*ir.Array{}}
	out := make([]*ir.Array, len(roots))
	for i, root := range roots {
		if err := e.demand(root); err != nil {
			return nil, err
		}
		out[i] = e.values[root]
	}
	return out, nil
}

type computation struct {
	leaf   func(*ir.Node) (*ir.Array, error)
	values map[*ir.Node]*ir.Array
}

// demand computes a node after all that it depends on. Graphs can be deeper
// than a call stack should be.
func (e *computation) demand(root *ir.Node) error {
	stack := []*ir.Node{root}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		ready := true
		if e.values[n] == nil {
			for _, in := range n.Inputs {
				if e.values[in] == nil {
					stack = append(stack, in)
					ready = false
				}
			}
		}
		if !ready {
			continue
		}
		stack = stack[:len(stack)-1]
		if e.values[n] == nil {
			v, err := e.value(n)
			if err != nil {
				return err
			}
			e.values[n] = v
		}
	}
	return nil
}

func (e *computation) value(n *ir.Node) (*ir.Array, error) {
	if n.Op == ir.StateOp || n.Op == ir.SourceOp {
		v, err := e.leaf(n)
		if err != nil {
			return nil, err
		}
		if !v.Type.Equal(n.Type) {
			return nil, fmt.Errorf("irtest: %s is %s, but was given %s", n.Label(), n.Type, v.Type)
		}
		return v, nil
	}
	if n.Op.Reference == nil {
		return nil, fmt.Errorf("irtest: %s: %s has no value of its own; expand it first", n.Label(), n.Op.Name)
	}
	in := make([]*ir.Array, len(n.Inputs))
	for i, x := range n.Inputs {
		in[i] = e.values[x]
	}
	return n.Op.Reference(n, in), nil
}
