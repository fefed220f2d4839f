package sim

import (
	"bytes"
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
func (b *buffer) base() *buffer         { return b }

// Free gives the memory back, full of NaNs, when nothing that is queued needs it.
func (b *buffer) Free() error {
	b.device.lock.Lock()
	defer b.device.lock.Unlock()
	b.device.finish()
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

// sharedBuffer is a buffer in memory that the host has too.
type sharedBuffer struct{ buffer }

// Shared is the memory itself.
func (b *sharedBuffer) Shared() []byte {
	if b.freed {
		return nil
	}
	return b.memory
}

// view is another device's memory as a buffer of this one.
type view struct {
	hostBuffer
	of device.SharedBuffer
}

// Free gives the memory back to the device that it is of.
func (v *view) Free() error {
	v.freed = true
	return v.of.Free()
}

// own finds the buffer behind a slice of this package.
func own(s device.Slice) *buffer {
	if b, ok := s.Buffer.(interface{ base() *buffer }); ok {
		return b.base()
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
	source       []byte // of a copy from the host, which has been read when Run returns
	waits        bool   // it has been done when Run returns, and all before it
}

// Run carries the command out, or queues it.
func (c *command) Run() error {
	d := c.device
	if err := d.event(c.kind, c.kernel); err != nil {
		d.do(work{func() { fill(c.output, garbage) }, c.output}, c.waits)
		return err
	}
	if err := c.usable(); err != nil {
		return err
	}
	run := c.run
	if c.source != nil && d.options.Queue {
		now := bytes.Clone(c.source)
		run = func() { copy(c.output, now) }
	}
	d.do(work{run, c.output}, c.waits)
	return nil
}

// usable is an error if memory that the command uses has been freed.
func (c *command) usable() error {
	for _, s := range c.uses {
		if own(s).freed {
			return fmt.Errorf("device %s: %s %s uses memory that has been freed", c.device.name, c.kind, c.kernel)
		}
	}
	return nil
}
