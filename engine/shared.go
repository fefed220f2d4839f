package engine

import (
	"fmt"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// shared is what a session knows of memory that the host and a device both have.
// Copies between them are aliases there (see the pass alias of package lower). A
// device is late, so the host waits for it before it reads what the device
// writes, and before it writes what the device may still have to read.
type shared struct {
	lent map[int32]bool // nodes of the host whose memory a device reads
	kept device.Buffer  // the host's kept memory, as that device's
}

func newShared(plan *lower.Plan) shared {
	s := shared{lent: map[int32]bool{}}
	for i, n := range plan.Graph.Nodes {
		if of := n.Inputs; plan.Values[i].Alias && of[0].Space == 0 {
			s.lent[int32(of[0].ID)] = true
		}
	}
	return s
}

// allocKept reserves a space's kept memory: the host's, where a device has aliases
// of it, is that device's.
func (s *Session) allocKept(space int, bytes int64) (device.Buffer, error) {
	if space != 0 || s.plan.Shared == 0 {
		return s.alloc(space, bytes)
	}
	b, err := s.alloc(s.plan.Shared, bytes)
	if err != nil {
		return nil, err
	}
	host, err := s.viewed(b)
	if err != nil {
		_ = b.Free()
		return nil, err
	}
	s.shared.kept = b
	return host, nil
}

// viewed gives a device's buffer as one of the host's.
func (s *Session) viewed(b device.Buffer) (device.Buffer, error) {
	host, viewer := s.devices[0].(device.Viewer)
	of, has := b.(device.SharedBuffer)
	if !viewer || !has {
		return nil, fmt.Errorf("%s and %s don't share memory", s.devices[0].Name(), b.Device().Name())
	}
	return host.View(of), nil
}

// seenFrom gives a slice of memory that two spaces share as one of the other. A
// slice without a buffer, which nothing can be bound to, says that they don't.
func (s *Session) seenFrom(space int, of device.Slice) device.Slice {
	if space == 0 {
		of.Buffer, _ = s.viewed(of.Buffer)
		return of
	}
	of.Buffer = s.shared.kept
	return of
}

// bindAlias prepares what makes an alias current. On the host that is waiting for
// the device; a device reads later than all that the host has done.
func (s *Session) bindAlias(node *ir.Node) device.Command {
	if node.Space != 0 {
		return device.CommandFunc(func() error { return nil })
	}
	return device.CommandFunc(s.devices[node.Inputs[0].Space].Sync)
}

// afterReaders makes a command that writes what a device reads as an alias wait for
// the device first: a node's command, or what commits to a state's node or sets it.
func (s *Session) afterReaders(n int32, c device.Command) device.Command {
	if !s.shared.lent[s.writes(n)] {
		return c
	}
	reader := s.devices[s.plan.Shared]
	return device.CommandFunc(func() error {
		if err := reader.Sync(); err != nil {
			return err
		}
		return c.Run()
	})
}

// writes is the node whose memory n writes: that of a state, where it writes in
// place.
func (s *Session) writes(n int32) int32 {
	if s.isInPlace(n) {
		return s.states[s.nextOf[n][0]].node
	}
	return n
}
