package engine

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// Error is a command that failed: which node, where it comes from in the spec,
// and why.
type Error struct {
	Op     string     // the op, or what else was done
	Node   string     // the node's name
	Device string     // where it ran
	Range  diag.Range // the spec's line, if known
	Err    error
}

// Error gives the message with its place.
func (e *Error) Error() string {
	at := ""
	if e.Range.Known() {
		at = e.Range.String() + ": "
	}
	return fmt.Sprintf("%s%s (%s) failed on %s: %v", at, e.Op, e.Node, e.Device, e.Err)
}

// Unwrap gives the device's own error.
func (e *Error) Unwrap() error { return e.Err }

func (s *Session) failure(n int32, err error) error {
	node := s.plan.Graph.Nodes[n]
	return s.blame(&Error{Op: node.Op.Name, Node: node.Label(), Device: s.plan.Targets[node.Space].Name, Range: node.Origin, Err: err})
}

// command gives the bound command of a node.
func (s *Session) command(n int32) (device.Command, error) {
	if c := s.commands[n]; c != nil {
		return c, nil
	}
	c, err := s.bind(n)
	if err != nil {
		return nil, s.failure(n, err)
	}
	node := s.plan.Graph.Nodes[n]
	spaces := []int{node.Space}
	if node.Op == ir.CopyOp {
		spaces = append(spaces, node.Inputs[0].Space)
	}
	c = s.awaited(s.afterReaders(n, c), spaces...)
	s.commands[n] = c
	return c, nil
}

// bind prepares what computes a node.
func (s *Session) bind(n int32) (device.Command, error) {
	node := s.plan.Graph.Nodes[n]
	dev := s.devices[node.Space]
	out := s.slice(n)
	switch node.Op {
	case ir.ConstOp:
		return dev.BindFromHost(out, node.Attr("value").(*ir.Tensor).Data)
	case ir.SourceOp:
		return s.bindSource(node, out)
	case ir.CopyOp:
		if s.plan.Values[n].Alias {
			return s.bindAlias(node), nil
		}
		return device.BindCopy(out, s.slice(int32(node.Inputs[0].ID)))
	}
	kernel := s.plan.Values[n].Kernel
	call := &device.Call{Kernel: kernel}
	shapes := make([][]int, 0, len(node.Inputs))
	for _, in := range node.Inputs {
		call.Buffers = append(call.Buffers, device.Arg{
			Slice: s.slice(int32(in.ID)), DType: in.Type.DType.String(), Shape: in.Type.Shape})
		shapes = append(shapes, in.Type.Shape)
	}
	call.Buffers = append(call.Buffers, device.Arg{Slice: out, DType: node.Type.DType.String(), Shape: node.Type.Shape})
	var err error
	if call.Scalars, err = kernel.EvalScalars(node.LookupAttr, shapes, node.Type.Shape); err != nil {
		return nil, err
	}
	return dev.Bind(call)
}

// bindSource prepares the reading of a data source's field. Sources run on the
// host, so the step counter, or its copy, is at hand.
func (s *Session) bindSource(node *ir.Node, out device.Slice) (device.Command, error) {
	step := s.slice(int32(node.Inputs[0].ID)).Host()
	dst := out.Host()
	if step == nil || dst == nil {
		return nil, fmt.Errorf("data source %s isn't on the host", node.Str("source"))
	}
	source, field := s.options.Sources[node.Str("source")], node.Str("field")
	return device.CommandFunc(func() error {
		return source.Batch(int64(binary.LittleEndian.Uint64(step)), field, dst)
	}), nil
}

// commitCommand gives the command that copies what a state becomes into its
// home; nil where it is written in place.
func (s *Session) commitCommand(st int32) (device.Command, error) {
	next := s.states[st].next
	if s.isInPlace(next) {
		return nil, nil
	}
	if c := s.commits[st]; c != nil {
		return c, nil
	}
	c, err := device.BindCopy(s.slice(s.states[st].node), s.slice(next))
	if err != nil {
		return nil, err
	}
	c = s.awaited(s.afterReaders(s.states[st].node, c), s.plan.Graph.States[st].Home)
	s.commits[st] = c
	return c, nil
}

// awaited makes a command wait until its devices have done it, where the session
// is to. All commands before it have been waited for too: what failed is this
// one, and no [device.Late] from long ago.
func (s *Session) awaited(c device.Command, spaces ...int) device.Command {
	if !s.options.Sync {
		return c
	}
	return device.CommandFunc(func() error {
		err := c.Run()
		for _, space := range spaces {
			if err == nil {
				err = s.devices[space].Sync()
			}
		}
		if late := (*device.Late)(nil); errors.As(err, &late) {
			return late.Err
		}
		return err
	})
}

// count adds what one run of a node means to the statistics.
func (s *Session) count(stats *Stats, n int32, times int64) {
	node := s.plan.Graph.Nodes[n]
	switch {
	case s.plan.Values[n].Kernel != nil:
		stats.KernelsRun += times
	case s.plan.Values[n].Alias:
		stats.Aliased += times
	case node.Op == ir.CopyOp:
		s.countCopy(stats, node.Inputs[0].Space, node.Space, int64(node.Type.Bytes()), times)
	case node.Op == ir.ConstOp:
		s.countCopy(stats, 0, node.Space, int64(node.Type.Bytes()), times)
	}
}

// countCopy adds copies from one space into another; within a space nothing
// crosses, and nothing is counted.
func (s *Session) countCopy(stats *Stats, from, to int, bytes, times int64) {
	var t *Traffic
	switch {
	case from == to:
		return
	case from == 0:
		t = &stats.HostToDevice
	case to == 0:
		t = &stats.DeviceToHost
	default:
		t = &stats.DeviceToDevice
	}
	t.Count += times
	t.Bytes += times * bytes
}
