package cuda

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/internal/calls"
)

// buffer is a block of the device's memory.
type buffer struct {
	device *Device
	bytes  int64
	memory handle // 0 once freed
}

// Alloc reserves memory. Its contents are undefined.
func (d *Device) Alloc(bytes int64) (device.Buffer, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	defer d.leave()
	if err := d.budget.Take(d.Name(), bytes); err != nil {
		return nil, err
	}
	b := &buffer{device: d, bytes: bytes}
	var err error
	size := uintptr(max(bytes, 1)) // the API rejects size 0
	if d.info.pools {
		b.memory, err = d.cl.create(cuMemAllocAsync, size, uintptr(d.stream))
	} else {
		b.memory, err = d.cl.create(cuMemAlloc, size)
	}
	if err != nil {
		d.budget.Give(bytes)
		what := fmt.Sprintf("%d bytes requested", bytes)
		if is(err, errorOutOfMemory) {
			what = fmt.Sprintf("out of memory: %s, %s", what, d.room())
		}
		return nil, d.queued.Failed(what, err)
	}
	d.buffers[b] = struct{}{}
	return b, nil
}

// room describes the free memory, for messages.
func (d *Device) room() string {
	var free, total uintptr
	if d.cl.call(cuMemGetInfo, uintptr(unsafe.Pointer(&free)), uintptr(unsafe.Pointer(&total))) != nil {
		return fmt.Sprintf("%d of %d are not in use here", d.budget.Limit-d.budget.InUse, d.budget.Limit)
	}
	return fmt.Sprintf("%d of %d are free", free, total)
}

func (b *buffer) Device() device.Device { return b.device }
func (b *buffer) Bytes() int64          { return b.bytes }

// Free releases the memory: commands that use it fail from now on. Queued work still
// runs. After an error the buffer is freed too, though its memory may not be available to
// others yet.
func (b *buffer) Free() error {
	d := b.device
	d.lock.Lock()
	defer d.lock.Unlock()
	if b.memory == 0 || d.lost != nil {
		return b.free()
	}
	if err := d.take(); err != nil {
		f, _ := b.gone()
		d.drop(f, &b.memory)
		return err
	}
	defer runtime.UnlockOSThread()
	if err := b.free(); err != nil {
		return d.queued.Failed(fmt.Sprintf("freeing %d bytes", b.bytes), err)
	}
	return nil
}

// free is Free on an entered or lost device.
func (b *buffer) free() error {
	if b.memory == 0 {
		return nil
	}
	f, more := b.gone()
	return b.device.give(f, &b.memory, more...)
}

// gone marks the memory as freed, and returns the call that releases it.
func (b *buffer) gone() (f function, more []uintptr) {
	d := b.device
	d.budget.Give(b.bytes)
	delete(d.buffers, b)
	d.freed++
	if d.info.pools {
		return cuMemFreeAsync, []uintptr{uintptr(d.stream)}
	}
	return cuMemFree, nil
}

// own checks a slice and returns its buffer.
func (d *Device) own(s device.Slice) (*buffer, error) {
	b := s.Buffer.(*buffer)
	if b.memory == 0 {
		return nil, calls.Freed(d, "it")
	}
	return b, nil
}

// position is a slice's address in the device's memory. The device's lock is held.
func position(s device.Slice) handle { return s.Buffer.(*buffer).memory + handle(s.Offset) }

// span is a range of the device's memory that a command uses.
type span struct{ from, to handle }

// spanOf is a slice's range. The device's lock is held.
func spanOf(s device.Slice) span {
	from := position(s)
	return span{from, from + handle(s.Bytes)}
}

func (s span) overlaps(t span) bool { return s.from < t.to && t.from < s.to }
