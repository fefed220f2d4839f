package opencl

import (
	"unsafe"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/internal/calls"
)

// transfer is a bound copy.
type transfer struct {
	device   *Device
	names    []string   // its one name
	buffers  [2]*buffer // what it uses; one or two
	transfer func() error
}

// Run queues the copy; one to the host is complete afterwards.
func (t *transfer) Run() error {
	d := t.device
	d.lock.Lock()
	defer d.lock.Unlock()
	if err := d.usable(); err != nil {
		return err
	}
	for _, b := range t.buffers {
		if b != nil && b.mem == 0 {
			return calls.Freed(d, t.names[0])
		}
	}
	return t.transfer()
}

// BindFromHost prepares a copy into the device's memory.
func (d *Device) BindFromHost(dst device.Slice, src []byte) (device.Command, error) {
	b, err := d.side(dst, int64(len(src)))
	if err != nil || len(src) == 0 {
		return calls.Nothing, err
	}
	t := &transfer{device: d, names: []string{"a copy from the host"}, buffers: [2]*buffer{b}}
	t.transfer = func() error {
		if len(src) <= d.staging.most {
			return d.stage(t.names, b, dst.Offset, src)
		}
		return d.waited(t.names[0], d.cl.call(clEnqueueWriteBuffer, uintptr(d.queue), uintptr(b.mem), trueValue, uintptr(dst.Offset),
			uintptr(len(src)), uintptr(unsafe.Pointer(&src[0])), 0, 0, 0))
	}
	return t, nil
}

// BindToHost prepares a copy out of the device's memory.
func (d *Device) BindToHost(dst []byte, src device.Slice) (device.Command, error) {
	b, err := d.side(src, int64(len(dst)))
	if err != nil || len(dst) == 0 {
		return calls.Nothing, err
	}
	t := &transfer{device: d, names: []string{"a copy to the host"}, buffers: [2]*buffer{b}}
	t.transfer = func() error {
		return d.waited(t.names[0], d.cl.call(clEnqueueReadBuffer, uintptr(d.queue), uintptr(b.mem), trueValue, uintptr(src.Offset),
			uintptr(len(dst)), uintptr(unsafe.Pointer(&dst[0])), 0, 0, 0))
	}
	return t, nil
}

// waited finishes a blocking call: the queue is empty after it.
func (d *Device) waited(name string, err error) error {
	if err != nil {
		return d.queued.Failed(name, err)
	}
	d.queued.Done()
	return nil
}

// BindWithin prepares a copy inside the device's memory.
func (d *Device) BindWithin(dst, src device.Slice) (device.Command, error) {
	to, err := d.side(dst, src.Bytes)
	if err != nil {
		return nil, err
	}
	from, err := d.side(src, dst.Bytes)
	if err != nil || src.Bytes == 0 || dst == src {
		return calls.Nothing, err
	}
	if err := dst.CheckApart(d, src); err != nil {
		return nil, err
	}
	t := &transfer{device: d, names: []string{"a copy within the device"}, buffers: [2]*buffer{to, from}}
	t.transfer = func() error {
		if err := d.queued.Note(t.names); err != nil {
			return err
		}
		if err := d.cl.call(clEnqueueCopyBuffer, uintptr(d.queue), uintptr(from.mem), uintptr(to.mem),
			uintptr(src.Offset), uintptr(dst.Offset), uintptr(src.Bytes), 0, 0, 0); err != nil {
			return d.queued.Failed(t.names[0], err)
		}
		return nil
	}
	return t, nil
}

// side returns the buffer on one side of a copy of that many bytes.
func (d *Device) side(s device.Slice, bytes int64) (*buffer, error) {
	if err := s.CheckCopy(d, bytes); err != nil {
		return nil, err
	}
	d.lock.Lock()
	defer d.lock.Unlock()
	if err := d.usable(); err != nil {
		return nil, err
	}
	return d.own(s)
}

// staging is host memory that the device reads by itself: a copy from the host is first
// made to it, so the host needn't wait for earlier work. It is reused from its start
// whenever the queue is known to be empty, and grows after it has been full.
type staging struct {
	pinned bool   // allocated by the driver in pages that the device can access
	limit  int    // bytes that it may grow to
	most   int    // size limit of staged copies
	memory []byte // nil before its first use
	buffer handle // of pinned memory, which stays mapped
	used   int
}

// leastStaging is the initial size of staging in bytes: enough for a small network.
const leastStaging = 1 << 16

// newStaging returns staging for a device with or without its own memory. If the device
// shares the host's, large copies wait, so that data is copied once instead of twice;
// otherwise the device computes while the host copies, and only a limit is needed.
func newStaging(ownMemory bool) staging {
	if ownMemory {
		return staging{pinned: true, limit: 16 << 20, most: 4 << 20}
	}
	return staging{limit: 1 << 20, most: 1 << 16}
}

// take finds space; nil if there is none.
func (s *staging) take(bytes int) []byte {
	if bytes > len(s.memory)-s.used {
		return nil
	}
	room := s.memory[s.used : s.used+bytes]
	s.used += (bytes + device.Alignment - 1) &^ (device.Alignment - 1)
	s.used = min(s.used, len(s.memory))
	return room
}

// stage queues a copy from the staging memory.
func (d *Device) stage(names []string, b *buffer, offset int64, src []byte) error {
	if err := d.queued.Note(names); err != nil { // first, because it may wait, which frees all space
		return err
	}
	room := d.staging.take(len(src))
	if room == nil {
		if err := d.queued.Finish(); err != nil {
			return err
		}
		if err := d.growStaging(names[0], len(src)); err != nil {
			return err
		}
		if err := d.queued.Note(names); err != nil {
			return err
		}
		room = d.staging.take(len(src))
	}
	copy(room, src)
	if err := d.cl.call(clEnqueueWriteBuffer, uintptr(d.queue), uintptr(b.mem), 0, uintptr(offset),
		uintptr(len(src)), uintptr(unsafe.Pointer(&room[0])), 0, 0, 0); err != nil {
		return d.queued.Failed(names[0], err)
	}
	return nil
}

// growStaging enlarges the memory, up to its limit. The queue is empty.
func (d *Device) growStaging(name string, bytes int) error {
	s := &d.staging
	size := min(s.limit, max(leastStaging, 4*len(s.memory), 4*bytes))
	if size <= len(s.memory) {
		return nil
	}
	if err := d.freeStaging(); err != nil {
		return d.queued.Failed(name, err)
	}
	if !s.pinned {
		s.memory = device.HostMemory(int64(size)) // lives as long as the device; Go's heap objects don't move
		return nil
	}
	buffer, err := d.cl.create(clCreateBuffer, uintptr(d.context), memReadWrite|memAllocHostPtr, uintptr(size), 0)
	if err != nil {
		return d.queued.Failed(name, err)
	}
	at, err := d.cl.result(clEnqueueMapBuffer, uintptr(d.queue), uintptr(buffer), trueValue, mapWrite, 0, uintptr(size), 0, 0, 0)
	if err != nil {
		_ = d.cl.release(clReleaseMemObject, &buffer) // the first error is reported
		return d.queued.Failed(name, err)
	}
	s.buffer = buffer
	s.memory = unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&at))), size) // the driver's memory, unknown to the garbage collector
	return nil
}

// freeStaging releases the memory. The queue is empty.
func (d *Device) freeStaging() error {
	s := &d.staging
	memory := s.memory
	s.memory, s.used = nil, 0
	if s.buffer == 0 {
		return nil
	}
	err := d.cl.call(clEnqueueUnmapMemObject, uintptr(d.queue), uintptr(s.buffer), uintptr(unsafe.Pointer(&memory[0])), 0, 0, 0)
	if gone := d.cl.release(clReleaseMemObject, &s.buffer); err == nil {
		err = gone
	}
	return err
}
