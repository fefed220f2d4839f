package opencl

import (
	"unsafe"

	"github.com/flowrun/flowrun/device"
)

// staging is memory of the host that the device fetches from by itself, while the
// host goes on: a copy from the host is made to it first, and so needn't wait for
// what was queued before. It is used from its beginning again whenever the queue is
// known to be empty, and grows when it has been full.
type staging struct {
	pinned bool   // the driver allocates it, in pages that the device can fetch from
	limit  int    // bytes that it may grow to
	most   int    // up to what size a copy goes this way
	memory []byte // nil before its first use
	buffer handle // of pinned memory, which stays mapped
	used   int
}

// leastStaging is what staging begins with, in bytes: enough for a small network.
const leastStaging = 1 << 16

// newStaging chooses by whether the device has memory of its own. Where it shares the
// host's, large copies are worth the wait, as they are made once instead of twice;
// elsewhere the device computes while the host copies, and staging must only end
// somewhere.
func newStaging(ownMemory bool) staging {
	if ownMemory {
		return staging{pinned: true, limit: 16 << 20, most: 4 << 20}
	}
	return staging{limit: 1 << 20, most: 1 << 16}
}

// take finds room; nil if there is none.
func (s *staging) take(bytes int) []byte {
	if bytes > len(s.memory)-s.used {
		return nil
	}
	room := s.memory[s.used : s.used+bytes]
	s.used += (bytes + device.Alignment - 1) &^ (device.Alignment - 1)
	s.used = min(s.used, len(s.memory))
	return room
}

// stage queues a copy out of the staging memory.
func (d *Device) stage(names []string, b *buffer, offset int64, src []byte) error {
	if err := d.queued.Note(names); err != nil { // it may wait, and then all of the room is free: so it comes first
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

// growStaging makes the memory larger, up to its limit. The queue is empty.
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
		s.memory = device.HostMemory(int64(size)) // it lives as long as the device, and Go moves nothing on its heap
		return nil
	}
	buffer, err := d.cl.create(clCreateBuffer, uintptr(d.context), memReadWrite|memAllocHostPtr, uintptr(size), 0)
	if err != nil {
		return d.queued.Failed(name, err)
	}
	at, err := d.cl.result(clEnqueueMapBuffer, uintptr(d.queue), uintptr(buffer), trueValue, mapWrite, 0, uintptr(size), 0, 0, 0)
	if err != nil {
		_ = d.cl.release(clReleaseMemObject, &buffer) // the first error is the one to tell
		return d.queued.Failed(name, err)
	}
	s.buffer = buffer
	s.memory = unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&at))), size) // the driver's, unknown to Go's collector
	return nil
}

// freeStaging gives the memory back. The queue is empty.
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
