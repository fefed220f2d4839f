package metal

import (
	"fmt"
	"unsafe"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/internal/calls"
)

// buffer is a block of memory shared with the host.
type buffer struct {
	device *Device
	bytes  int64
	object object // the MTLBuffer; 0 once freed
	memory []byte // nil once freed
	used   uint64 // the last batch that uses it
}

// Alloc reserves memory. Its contents are undefined.
func (d *Device) Alloc(bytes int64) (device.Buffer, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	defer d.leave()
	if bytes > d.maxBuffer {
		return nil, fmt.Errorf("device %s: out of memory: %d bytes requested in one allocation; the limit is %d (maxBufferLength)",
			d.Name(), bytes, d.maxBuffer)
	}
	if err := d.budget.Take(d.Name(), bytes); err != nil {
		return nil, err
	}
	b := &buffer{device: d, bytes: bytes}
	var err error
	if b.object, b.memory, err = d.memory(bytes); err != nil {
		d.budget.Give(bytes)
		return nil, d.queue.Failed(fmt.Sprintf("out of memory: %d bytes requested, %d of %d not in use here",
			bytes, d.budget.Limit-d.budget.InUse, d.budget.Limit), err)
	}
	d.buffers[b] = struct{}{}
	return b, nil
}

// memory allocates an MTLBuffer in shared storage. Metal tracks its hazards. The API has
// no empty buffers, and its validation requires space for one element wherever a kernel
// has a pointer, even if the tensor is empty.
func (d *Device) memory(bytes int64) (object, []byte, error) {
	length := bytes
	if length == 0 {
		length = largestElement
	}
	o := d.objc.create(d.device, newBuffer, uintptr(length), storageModeShared)
	if o == 0 {
		return 0, nil, d.objc.failed(newBuffer, 0, nil)
	}
	at := d.objc.send(o, contents)
	if at == 0 {
		d.objc.give(newBuffer, &o)
		return 0, nil, d.objc.failed(contents, 0, nil)
	}
	return o, unsafe.Slice((*byte)(pointer(at)), bytes), nil // Metal's memory, unknown to the garbage collector
}

func (b *buffer) Device() device.Device { return b.device }
func (b *buffer) Bytes() int64          { return b.bytes }

// Shared returns the memory; nil once freed, and on GPUs with their own memory, which
// shouldn't work on the host's.
func (b *buffer) Shared() []byte {
	b.device.lock.Lock()
	defer b.device.lock.Unlock()
	if !b.device.info.Unified {
		return nil
	}
	return b.memory
}

// Free releases the memory: commands that use it fail from now on. Queued work still
// runs, as Metal retains what it needs.
func (b *buffer) Free() error {
	d := b.device
	d.lock.Lock()
	defer d.lock.Unlock()
	pool := d.objc.push()
	defer d.objc.pop(&pool)
	b.free()
	return nil
}

// free is Free with the lock held.
func (b *buffer) free() {
	if b.object == 0 {
		return
	}
	d := b.device
	d.objc.give(newBuffer, &b.object)
	b.memory = nil
	d.budget.Give(b.bytes)
	delete(d.buffers, b)
}

// own checks a slice and returns its buffer.
func (d *Device) own(s device.Slice) (*buffer, error) {
	b := s.Buffer.(*buffer)
	if b.object == 0 {
		return nil, calls.Freed(d, "it")
	}
	return b, nil
}
