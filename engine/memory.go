package engine

import (
	"errors"
	"fmt"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/lower"
)

// memory is the memory of a plan's values, in all of its spaces.
//
// The host and a device may share some of it, in which copies between them are
// aliases (see the pass alias of package lower). A device is late, so the host waits
// for it before reading what the device writes, and before overwriting what the
// device may not have read yet.
type memory struct {
	*values
	plan    *lower.Plan
	devices []device.Device
	spaces  []spaceMemory
	own     map[int32]device.Buffer // of nodes moved out of the plan's memory
	lent    map[int32]bool          // nodes of the host whose memory a device reads
	shared  device.Buffer           // the host's kept memory, as that device's
	given   map[int32]device.Slice  // of states whose memory is that of a scan
	bytes   int64                   // allocated so far
}

// spaceMemory is a plan's memory in one space.
type spaceMemory struct{ kept, arena device.Slice }

// all is a whole buffer.
func all(b device.Buffer) device.Slice { return device.Slice{Buffer: b, Bytes: b.Bytes()} }

func newMemory(plan *lower.Plan, devices []device.Device, v *values) (*memory, error) {
	m := &memory{values: v, plan: plan, devices: devices, own: map[int32]device.Buffer{}, lent: map[int32]bool{}}
	for i, n := range plan.Graph.Nodes {
		if of := n.Inputs; plan.Values[i].Alias && of[0].Space == 0 {
			m.lent[int32(of[0].ID)] = true
		}
	}
	for i, space := range plan.Spaces {
		kept, err := m.allocKept(i, space.Kept)
		if err == nil {
			m.spaces = append(m.spaces, spaceMemory{kept: all(kept)})
			var arena device.Buffer
			if arena, err = m.alloc(i, space.Arena); err == nil {
				m.spaces[i].arena = all(arena)
			}
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("engine: allocating memory for the plan: %w", err), m.free())
		}
	}
	return m, nil
}

// alloc allocates memory and counts it.
func (m *memory) alloc(space int, bytes int64) (device.Buffer, error) {
	b, err := m.devices[space].Alloc(bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.devices[space].Name(), err)
	}
	m.bytes += bytes
	return b, nil
}

// allocKept allocates a space's kept memory, the host's on a device that has aliases.
func (m *memory) allocKept(space int, bytes int64) (device.Buffer, error) {
	if space != 0 || m.plan.Shared == 0 {
		return m.alloc(space, bytes)
	}
	b, err := m.alloc(m.plan.Shared, bytes)
	if err != nil {
		return nil, err
	}
	host, err := m.viewed(b)
	if err != nil {
		_ = b.Free()
		return nil, err
	}
	m.shared = b
	return host, nil
}

// viewed gives a device's buffer as one of the host's.
func (m *memory) viewed(b device.Buffer) (device.Buffer, error) {
	host, viewer := m.devices[0].(device.Viewer)
	of, has := b.(device.SharedBuffer)
	if !viewer || !has {
		return nil, fmt.Errorf("%s and %s don't share memory", m.devices[0].Name(), b.Device().Name())
	}
	return host.View(of), nil
}

// free gives all memory back.
func (m *memory) free() error {
	var errs []error
	for _, s := range m.spaces {
		for _, b := range []device.Buffer{s.kept.Buffer, s.arena.Buffer} {
			if b != nil {
				errs = append(errs, b.Free())
			}
		}
	}
	for _, b := range m.own {
		errs = append(errs, b.Free())
	}
	return errors.Join(errs...)
}

// moveOut gives a node memory of its own.
func (m *memory) moveOut(n int32) error {
	if m.own[n] != nil {
		return nil
	}
	b, err := m.alloc(m.plan.Graph.Nodes[n].Space, m.plan.Values[n].Bytes)
	if err == nil {
		m.own[n] = b
	}
	return err
}

// slice is where a node's value lies.
func (m *memory) slice(n int32) device.Slice {
	s := m.whole(n)
	s.Bytes = int64(m.plan.Graph.Nodes[n].Type.Bytes()) // without what a scan has besides
	return s
}

// whole is where a node's value lies, and what it needs while it is computed.
func (m *memory) whole(n int32) device.Slice {
	v := &m.plan.Values[n]
	space := m.plan.Graph.Nodes[n].Space
	if given, is := m.given[n]; is {
		return given
	}
	if v.Alias {
		return m.seenFrom(space, m.slice(int32(m.plan.Graph.Nodes[n].Inputs[0].ID)))
	}
	switch buffer := m.own[n]; {
	case buffer != nil:
		return device.Slice{Buffer: buffer, Bytes: v.Bytes}
	case m.isInPlace(n):
		return m.slice(m.writes(n))
	case m.nodes[n].storage == lower.Transient:
		return placed(m.spaces[space].arena, v)
	}
	return placed(m.spaces[space].kept, v)
}

// placed is the place of a value in memory that the plan has laid out.
func placed(s device.Slice, v *lower.Value) device.Slice {
	return device.Slice{Buffer: s.Buffer, Offset: s.Offset + v.Offset, Bytes: v.Bytes}
}

// seenFrom converts a slice of memory that two spaces share to the other space. If
// they don't share it, the slice has no buffer, and nothing can be bound to it.
func (m *memory) seenFrom(space int, of device.Slice) device.Slice {
	if space == 0 {
		of.Buffer, _ = m.viewed(of.Buffer)
		return of
	}
	of.Buffer = m.shared
	return of
}
