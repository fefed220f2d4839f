package opencl

import (
	"unsafe"

	"github.com/flowrun/flowrun/device"
)

// staging is memory of the host that the device fetches from by itself, while the
// host goes on: a copy from the host is made to it first, and so needn't wait for
// what was queued before. The driver allocates it, so that it is pinned where the
// device has memory of its own. It is used from its beginning again whenever the
// queue is known to be empty.
type staging struct {
	bytes  int    // of it
	most   int    // up to what size a copy goes this way
	memory []byte // nil before its first use
	buffer handle // of the memory, which stays mapped
	used   int
}

// Sizes of staging. A copy beyond the most is worth the wait: with a CPU's memory,
// because it is made once instead of twice, at several GB/s either way; with a GPU,
// only because staging must end somewhere: it computes while the host copies.
const (
	stagingOfCPU, mostOfCPU = 1 << 20, 1 << 16
	stagingOfGPU, mostOfGPU = 16 << 20, 4 << 20
)

func newStaging(gpu bool) staging {
	if gpu {
		return staging{bytes: stagingOfGPU, most: mostOfGPU}
	}
	return staging{bytes: stagingOfCPU, most: mostOfCPU}
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
func (d *Device) stage(name string, b *buffer, offset int64, src []byte) error {
	if err := d.openStaging(name); err != nil {
		return err
	}
	if err := d.note(name); err != nil {
		return err
	}
	room := d.staging.take(len(src))
	if room == nil {
		if err := d.finish(); err != nil {
			return err
		}
		d.pending = append(d.pending, name)
		room = d.staging.take(len(src))
	}
	copy(room, src)
	if err := d.cl.call(clEnqueueWriteBuffer, uintptr(d.queue), uintptr(b.mem), 0, uintptr(offset),
		uintptr(len(src)), uintptr(unsafe.Pointer(&room[0])), 0, 0, 0); err != nil {
		return d.failed(name, err)
	}
	return nil
}

// openStaging allocates the memory at its first use.
func (d *Device) openStaging(name string) error {
	s := &d.staging
	if s.memory != nil {
		return nil
	}
	buffer, err := d.cl.create(clCreateBuffer, uintptr(d.context), memReadWrite|memAllocHostPtr, uintptr(s.bytes), 0)
	if err != nil {
		return d.failed(name, err)
	}
	at, err := d.cl.result(clEnqueueMapBuffer, uintptr(d.queue), uintptr(buffer), trueValue, mapWrite, 0, uintptr(s.bytes), 0, 0, 0)
	if err != nil {
		_ = d.cl.release(clReleaseMemObject, &buffer) // the first error is the one to tell
		return d.failed(name, err)
	}
	d.idle() // it has waited
	s.buffer = buffer
	// Memory of the driver's, which Go's collector doesn't know and doesn't move.
	s.memory = unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&at))), s.bytes)
	return nil
}

// unmapStaging ends the device's use of the memory, which can be released when the
// queue is empty.
func (d *Device) unmapStaging() error {
	s := &d.staging
	if s.memory == nil {
		return nil
	}
	at := uintptr(unsafe.Pointer(&s.memory[0]))
	s.memory = nil
	return d.cl.call(clEnqueueUnmapMemObject, uintptr(d.queue), uintptr(s.buffer), at, 0, 0, 0)
}
