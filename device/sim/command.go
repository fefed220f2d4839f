package sim

import (
	"fmt"

	"github.com/flowrun/flowrun/device"
)

// buffer is a piece of the device's memory.
type buffer struct {
	device *Device
	memory []byte
	freed  bool
}

func (b *buffer) Device() device.Device { return b.device }
func (b *buffer) Bytes() int64          { return int64(len(b.memory)) }

// Free gives the memory back, full of NaNs.
func (b *buffer) Free() error {
	b.device.lock.Lock()
	defer b.device.lock.Unlock()
	if !b.freed {
		b.freed = true
		fill(b.memory, poison)
		b.device.budget.Give(b.Bytes())
	}
	return nil
}

// hostBuffer is a buffer that the host can address too.
type hostBuffer struct{ buffer }

// Host is the memory itself.
func (b *hostBuffer) Host() []byte {
	if b.freed {
		return nil
	}
	return b.memory
}

// own finds the buffer behind a slice of this package.
func own(s device.Slice) *buffer {
	switch b := s.Buffer.(type) {
	case *buffer:
		return b
	case *hostBuffer:
		return &b.buffer
	}
	return nil
}

// memory gives a slice's bytes, or nil if they have been freed.
func memory(s device.Slice) []byte {
	b := own(s)
	if b == nil || b.freed {
		return nil
	}
	return b.memory[s.Offset : s.Offset+s.Bytes]
}

// command is a bound launch or copy.
type command struct {
	device       *Device
	kind, kernel string
	uses         []device.Slice // what it reads and writes
	output       []byte
	run          func()
}

// Run carries the command out.
func (c *command) Run() error {
	if err := c.device.event(c.kind, c.kernel); err != nil {
		fill(c.output, garbage)
		return err
	}
	for _, s := range c.uses {
		if own(s).freed {
			return fmt.Errorf("device %s: %s %s uses memory that has been freed", c.device.name, c.kind, c.kernel)
		}
	}
	c.run()
	return nil
}
