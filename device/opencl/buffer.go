package opencl

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/internal/calls"
)

// buffer is a block of the device's memory.
type buffer struct {
	device   *Device
	bytes    int64
	mem      handle            // 0 once freed
	parts    map[region]handle // sub-buffers that launches use
	order    []region          // of the parts, in order of creation
	launches []*launch         // launches that use it
}

// region is a part of a buffer, laid out as cl_buffer_region.
type region struct{ offset, bytes uintptr }

// Alloc reserves memory. Its contents are undefined.
func (d *Device) Alloc(bytes int64) (device.Buffer, error) {
	d.lock.Lock()
	defer d.lock.Unlock()
	if err := d.usable(); err != nil {
		return nil, err
	}
	if bytes > d.info.maxAlloc {
		return nil, fmt.Errorf("device %s: out of memory: %d bytes requested in one allocation; the limit is %d (CL_DEVICE_MAX_MEM_ALLOC_SIZE)",
			d.Name(), bytes, d.info.maxAlloc)
	}
	if err := d.budget.Take(d.Name(), bytes); err != nil {
		return nil, err
	}
	b := &buffer{device: d, bytes: bytes, parts: map[region]handle{}}
	var err error
	// The API has no empty buffers.
	if b.mem, err = d.cl.create(clCreateBuffer, uintptr(d.context), memReadWrite, uintptr(max(bytes, 1)), 0); err != nil {
		d.budget.Give(bytes)
		return nil, fmt.Errorf("device %s: out of memory: %d bytes requested, %d of %d not in use: %w",
			d.Name(), bytes, d.budget.Limit-d.budget.InUse, d.budget.Limit, err)
	}
	d.buffers[b] = struct{}{}
	return b, nil
}

func (b *buffer) Device() device.Device { return b.device }
func (b *buffer) Bytes() int64          { return b.bytes }

// Free releases the memory and the launches bound to it: launches and copies that use it
// fail from now on. Queued work still runs.
func (b *buffer) Free() error {
	b.device.lock.Lock()
	defer b.device.lock.Unlock()
	if err := b.free(); err != nil {
		return fmt.Errorf("device %s: freeing %d bytes: %w", b.device.Name(), b.bytes, err)
	}
	return nil
}

func (b *buffer) free() error {
	if b.mem == 0 {
		return nil
	}
	d := b.device
	var errs []error
	for _, l := range b.launches {
		errs = append(errs, d.cl.release(clReleaseKernel, &l.kernel))
	}
	// In reverse order: NVIDIA's driver 580 crashes when overlapping sub-buffers that
	// kernels have used are released in another order.
	for _, r := range slices.Backward(b.order) {
		part := b.parts[r]
		errs = append(errs, d.cl.release(clReleaseMemObject, &part))
	}
	errs = append(errs, d.cl.release(clReleaseMemObject, &b.mem))
	b.launches, b.parts, b.order = nil, nil, nil
	d.budget.Give(b.bytes)
	delete(d.buffers, b)
	return joined(errs)
}

// own checks a slice and returns its buffer.
func (d *Device) own(s device.Slice) (*buffer, error) {
	b := s.Buffer.(*buffer)
	if b.mem == 0 {
		return nil, calls.Freed(d, "it")
	}
	return b, nil
}

// part returns a slice's handle for a launch; the same for equal slices.
func (b *buffer) part(s device.Slice) (handle, error) {
	if s.Bytes == 0 || s.Offset == 0 && s.Bytes == b.bytes {
		return b.mem, nil // an empty slice isn't accessed
	}
	r := region{uintptr(s.Offset), uintptr(s.Bytes)}
	if part, ok := b.parts[r]; ok {
		return part, nil
	}
	part, err := b.device.cl.create(clCreateSubBuffer, uintptr(b.mem), memReadWrite, bufferCreateTypeRegion, uintptr(unsafe.Pointer(&r)))
	if err != nil {
		return 0, fmt.Errorf("bytes %d to %d of a buffer (parts begin at multiples of %d): %w",
			s.Offset, s.Offset+s.Bytes, b.device.info.Alignment, err)
	}
	b.parts[r] = part
	b.order = append(b.order, r)
	return part, nil
}
