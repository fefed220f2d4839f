package engine

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/ir"
)

// commands are the bound commands of a plan: what computes its nodes, and what
// commits its states. Each is bound when it is first needed.
type commands struct {
	*memory
	options Options
	byNode  []device.Command
	commits []device.Command // by state; nil: in place, or not yet bound
}

func newCommands(m *memory, o Options) *commands {
	return &commands{memory: m, options: o,
		byNode: make([]device.Command, len(m.plan.Graph.Nodes)), commits: make([]device.Command, len(m.plan.Graph.States))}
}

// of gives the command of a node.
func (c *commands) of(n int32) (device.Command, error) {
	if command := c.byNode[n]; command != nil {
		return command, nil
	}
	command, err := c.bind(n)
	if err != nil {
		return nil, err
	}
	node := c.plan.Graph.Nodes[n]
	spaces := []int{node.Space}
	if node.Op == ir.CopyOp {
		spaces = append(spaces, node.Inputs[0].Space)
	}
	command = c.awaited(c.afterReaders(n, command), spaces...)
	c.byNode[n] = command
	return command, nil
}

// drop forgets the commands that use a value which has moved.
func (c *commands) drop(n int32) {
	c.unbind(n)
	for _, u := range c.out(n) {
		c.unbind(u)
		if c.plan.Values[u].Alias { // it has moved too
			for _, reader := range c.out(u) {
				c.unbind(reader)
			}
		}
	}
	for _, st := range c.nextOf[n] {
		c.commits[st] = nil
	}
}

// unbind forgets a node's command.
func (c *commands) unbind(n int32) {
	freeScan(c.byNode[n])
	c.byNode[n] = nil
}

// free gives back what commands hold of their devices.
func (c *commands) free() {
	for _, command := range c.byNode {
		freeScan(command)
	}
}

// bind prepares the command that computes a node.
func (c *commands) bind(n int32) (device.Command, error) {
	node := c.plan.Graph.Nodes[n]
	dev := c.devices[node.Space]
	out := c.slice(n)
	switch node.Op {
	case ir.ConstOp:
		return dev.BindFromHost(out, node.Attr("value").(*ir.Tensor).Data)
	case ir.SourceOp:
		return c.bindSource(node, out)
	case ir.CopyOp:
		if c.plan.Values[n].Alias {
			return c.bindAlias(node), nil
		}
		return device.BindCopy(out, c.slice(int32(node.Inputs[0].ID)))
	case ir.ScanOp:
		return c.bindScan(n)
	case ir.ScanResultOp:
		return c.bindResult(node, out)
	}
	kernel := c.plan.Values[n].Kernel
	call := &device.Call{Kernel: kernel}
	shapes := make([][]int, 0, len(node.Inputs))
	for _, in := range node.Inputs {
		call.Buffers = append(call.Buffers, device.Arg{
			Slice: c.slice(int32(in.ID)), DType: in.Type.DType.String(), Shape: in.Type.Shape})
		shapes = append(shapes, in.Type.Shape)
	}
	call.Buffers = append(call.Buffers, device.Arg{Slice: out, DType: node.Type.DType.String(), Shape: node.Type.Shape})
	var err error
	if call.Scalars, err = kernel.EvalScalars(node.LookupAttr, shapes, node.Type.Shape); err != nil {
		return nil, err
	}
	return dev.Bind(call)
}

// bindSource prepares the reading of a data source's field. Data sources run on the
// host, where the step counter or a copy of it is.
func (c *commands) bindSource(node *ir.Node, out device.Slice) (device.Command, error) {
	step := c.slice(int32(node.Inputs[0].ID)).Host()
	dst := out.Host()
	if step == nil || dst == nil {
		return nil, fmt.Errorf("data source %s isn't on the host", node.Str("source"))
	}
	source, field := c.options.DataSources[node.Str("source")], node.Str("field")
	return device.CommandFunc(func() error {
		return source.Batch(int64(binary.LittleEndian.Uint64(step)), field, dst)
	}), nil
}

// bindAlias prepares the command that makes an alias current. The host waits for the
// device; a device reads after everything that the host has done.
func (c *commands) bindAlias(node *ir.Node) device.Command {
	if node.Space != 0 {
		return device.CommandFunc(func() error { return nil })
	}
	return device.CommandFunc(c.devices[node.Inputs[0].Space].Sync)
}

// afterReaders makes a command that writes memory which a device reads through an
// alias wait for that device first. n is the node that the command computes, or that
// of the state that it commits or sets.
func (c *commands) afterReaders(n int32, command device.Command) device.Command {
	if !c.lent[c.writes(n)] {
		return command
	}
	reader := c.devices[c.plan.Shared]
	return device.CommandFunc(func() error {
		if err := reader.Sync(); err != nil {
			return err
		}
		return command.Run()
	})
}

// ofCommit gives the command of a state's commit; nil if it is written in place.
func (c *commands) ofCommit(st int32) (device.Command, error) {
	next := c.states[st].next
	if c.isInPlace(next) {
		return nil, nil
	}
	if command := c.commits[st]; command != nil {
		return command, nil
	}
	command, err := device.BindCopy(c.slice(c.states[st].node), c.slice(next))
	if err != nil {
		return nil, err
	}
	command = c.awaited(c.afterReaders(c.states[st].node, command), c.plan.Graph.States[st].Home)
	c.commits[st] = command
	return command, nil
}

// awaited makes a command wait until its devices are done, if the session has the
// option Sync. As all commands before it were waited for, a failure is its own, not
// a [device.Late] of earlier work.
func (c *commands) awaited(command device.Command, spaces ...int) device.Command {
	if !c.options.Sync {
		return command
	}
	return device.CommandFunc(func() error {
		err := command.Run()
		for _, space := range spaces {
			if err == nil {
				err = c.devices[space].Sync()
			}
		}
		if late := (*device.Late)(nil); errors.As(err, &late) {
			return late.Err
		}
		return err
	})
}
