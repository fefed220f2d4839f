package sim

import (
	"bytes"
	"fmt"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cpu"
	"github.com/flowrun/flowrun/kernels"
)

// buffer is a block of the device's memory.
type buffer struct {
	device *Device
	memory []byte
	freed  bool                // guarded by the device's lock
	of     device.SharedBuffer // the other device's buffer, for a view
}

func (b *buffer) Device() device.Device { return b.device }
func (b *buffer) Bytes() int64          { return int64(len(b.memory)) }
func (b *buffer) base() *buffer         { return b }

// Free releases the memory, filled with NaNs, once no queued work needs it.
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

// gone reports whether the memory has been freed. The device's lock is held.
func (b *buffer) gone() bool { return b.freed || b.of != nil && b.of.Shared() == nil }

// shown returns the memory for the host; nil once freed.
func (b *buffer) shown() []byte {
	b.device.lock.Lock()
	defer b.device.lock.Unlock()
	if b.gone() {
		return nil
	}
	return b.memory
}

// hostBuffer is a buffer that the host can address.
type hostBuffer struct{ *buffer }

// Host returns the memory.
func (b hostBuffer) Host() []byte { return b.shown() }

// sharedBuffer is a buffer in memory shared with the host.
type sharedBuffer struct{ *buffer }

// Shared returns the memory.
func (b sharedBuffer) Shared() []byte { return b.shown() }

// view is another device's memory as a buffer of this one.
type view struct{ hostBuffer }

// Free frees the other device's memory.
func (v view) Free() error {
	v.device.lock.Lock()
	v.freed = true
	v.device.lock.Unlock()
	return v.of.Free()
}

// own returns the buffer of a slice if it is this package's.
func own(s device.Slice) *buffer {
	if b, ok := s.Buffer.(interface{ base() *buffer }); ok {
		return b.base()
	}
	return nil
}

// memory returns a slice's bytes; nil if freed. The lock is held.
func memory(s device.Slice) []byte {
	b := own(s)
	if b == nil || b.gone() {
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
	source       []byte // of a copy from the host; read before Run returns
	waits        bool   // it and everything before it are complete when Run returns
}

// Run executes the command or queues it.
func (c *command) Run() error {
	d := c.device
	d.lock.Lock()
	defer d.lock.Unlock()
	if err := d.usable(); err != nil {
		return err
	}
	if err := d.event(c.kind, c.kernel); err != nil {
		d.do(work{func() { fill(c.output, garbage) }, c.output}, c.waits)
		return err
	}
	if err := c.alive(); err != nil {
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

// alive returns an error if memory that the command uses has been freed. The device is locked.
func (c *command) alive() error {
	for _, s := range c.uses {
		if own(s).gone() {
			return fmt.Errorf("device %s: %s %s uses memory that has been freed", c.device.name, c.kind, c.kernel)
		}
	}
	return nil
}

// bindKernel prepares a kernel. A fused kernel isn't compiled: the kernels of its parts
// run one after the other, which by the definition of fusion has the same bits.
func bindKernel(call *device.Call) (func(), error) {
	if call.Kernel.Fused() == nil {
		return cpu.BindKernel(call, memory, 0)
	}
	return bindFused(call)
}

func bindFused(call *device.Call) (func(), error) {
	recipe, last := call.Kernel.Fused(), len(call.Buffers)-1
	out := call.Buffers[last]
	shape := out.Shape // of all parts but a reduction
	if recipe.Reduced != nil {
		shape = recipe.Reduced
	}
	parts := make([]device.Arg, len(recipe.Parts))
	var runs []func()
	for i, part := range recipe.Parts {
		if i == len(parts)-1 {
			shape = out.Shape
		}
		// The output is written last, since it may share an input's memory.
		bytes := int64(kernels.Numel(shape) * kernels.DTypeSize(part.DType))
		parts[i] = device.Arg{DType: part.DType, Shape: shape,
			Slice: device.Slice{Buffer: &buffer{memory: device.HostMemory(bytes)}, Bytes: bytes}}
		c := &device.Call{Kernel: part.Kernel, Scalars: part.Scalars}
		for _, o := range part.Operands {
			if o.Part {
				c.Buffers = append(c.Buffers, parts[o.Index])
			} else {
				c.Buffers = append(c.Buffers, call.Buffers[o.Index])
			}
		}
		c.Buffers = append(c.Buffers, parts[i])
		run, err := cpu.BindKernel(c, memory, 0)
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	to, from := memory(out.Slice), memory(parts[len(parts)-1].Slice)
	return func() {
		for _, run := range runs {
			run()
		}
		copy(to, from)
	}, nil
}
