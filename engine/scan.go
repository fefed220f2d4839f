package engine

import (
	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// bindScan prepares the commands of a scan, once for all positions: where a position is,
// the device knows itself, as it counts in a carry.
//
// The loop's memory is a part of the scan's value, behind the results, so nothing of it
// outlives the scan, and a scan that has failed is computed anew.
func (c *commands) bindScan(n int32) (device.Command, error) {
	node := c.plan.Graph.Nodes[n]
	body, plan := node.ScanBody(), c.plan.Values[n].Body
	inner := c.inside(n)
	var begin, position []device.Command
	for i := range body.Carries() {
		from, err := device.BindCopy(inner.slice(int32(plan.Graph.States[i].Read.ID)), c.slice(int32(node.Inputs[i].ID)))
		if err != nil {
			return nil, err
		}
		begin = append(begin, from)
	}
	for i, m := range plan.Graph.Nodes {
		if m.State != nil {
			continue
		}
		command, err := inner.of(int32(i))
		if err != nil {
			return nil, err
		}
		if plan.Values[i].Storage == lower.Kept {
			begin = append(begin, command)
		} else {
			position = append(position, command)
		}
	}
	for i, st := range plan.Graph.States {
		if st.Next == nil {
			continue
		}
		commit, err := inner.ofCommit(int32(i))
		if err != nil {
			return nil, err
		}
		if commit != nil {
			position = append(position, commit)
		}
	}
	return newScan(c.devices[node.Space], c.options.halt, begin, position, body.Length), nil
}

// inside are the commands of the plan of a scan's body, in the scan's memory.
func (c *commands) inside(n int32) *commands {
	node, plan := c.plan.Graph.Nodes[n], c.plan.Values[n].Body
	body := node.ScanBody()
	whole := c.whole(n)
	part := func(offset int, bytes int64) device.Slice {
		return device.Slice{Buffer: whole.Buffer, Offset: whole.Offset + int64(offset), Bytes: bytes}
	}
	offsets, end := body.Offsets()
	m := &memory{values: newValues(plan), plan: plan, devices: []device.Device{c.devices[node.Space]},
		own: map[int32]device.Buffer{}, lent: map[int32]bool{}, given: map[int32]device.Slice{}}
	for i, st := range body.Graph.States {
		home := int32(plan.Graph.States[i].Read.ID)
		if st.Kind == ir.OperandState {
			m.given[home] = c.slice(int32(node.Inputs[i].ID))
		} else {
			m.given[home] = part(offsets[st], int64(st.Type.Bytes()))
		}
	}
	kept := lower.AlignResult(plan.Spaces[0].Kept)
	m.spaces = []spaceMemory{{kept: part(end, plan.Spaces[0].Kept), arena: part(end+int(kept), plan.Spaces[0].Arena)}}
	return newCommands(m, Options{halt: c.options.halt})
}

// bindResult prepares the copying of a scan's result.
func (c *commands) bindResult(node *ir.Node, out device.Slice) (device.Command, error) {
	from := c.slice(int32(node.Inputs[0].ID))
	from.Offset += int64(node.Int("offset"))
	from.Bytes = out.Bytes
	return device.BindCopy(out, from)
}
