package cuda

import (
	"unsafe"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/internal/calls"
)

// staging is pinned host memory, which the device accesses by itself. A small copy from
// the host is staged at its start until the device has fetched it, so the host needn't
// wait; a small copy to the host arrives at its end. The start is reused whenever the
// stream is known to be empty.
type staging struct {
	address handle
	memory  []byte
	used    int
}

const (
	// maxStaged is the size up to which copies are staged. For larger ones waiting is
	// cheaper than copying twice.
	maxStaged    = 1 << 16
	stagingBytes = 1 << 20
)

// stage returns the staging memory; its end is for copies to the host.
func (d *Device) stage() ([]byte, error) {
	s := &d.staging
	if s.address == 0 {
		address, err := d.cl.create(cuMemHostAlloc, stagingBytes+maxStaged, 0)
		if err != nil {
			return nil, d.queued.Failed("memory of the host for copies", err)
		}
		s.address = address
		s.memory = unsafe.Slice(*(**byte)(unsafe.Pointer(&address)), stagingBytes+maxStaged)
	}
	return s.memory, nil
}

// reserve finds space for a copy from the host.
func (d *Device) reserve(bytes int, names []string) ([]byte, error) {
	memory, err := d.stage()
	if err != nil {
		return nil, err
	}
	s := &d.staging
	if bytes > stagingBytes-s.used {
		if err := d.finish(); err != nil {
			return nil, err
		}
		if err := d.queued.Note(names); err != nil {
			return nil, err
		}
	}
	room := memory[s.used : s.used+bytes]
	s.used = min(stagingBytes, s.used+(bytes+device.Alignment-1)&^(device.Alignment-1))
	return room, nil
}

// transfer is a bound copy between the device and the host.
type transfer struct {
	device *Device
	names  []string
	buffer *buffer
	run    func() error
}

// Run queues the copy; one to the host is complete afterwards.
func (t *transfer) Run() error {
	d := t.device
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	if t.buffer.memory == 0 {
		return calls.Freed(d, t.names[0])
	}
	if err := d.queued.Note(t.names); err != nil {
		return err
	}
	return t.run()
}

// BindFromHost prepares a copy into the device's memory.
func (d *Device) BindFromHost(dst device.Slice, src []byte) (device.Command, error) {
	b, at, err := d.side(dst, int64(len(src)))
	if err != nil || len(src) == 0 {
		return calls.Nothing, err
	}
	t := &transfer{device: d, names: []string{"a copy from the host"}, buffer: b}
	t.run = func() error {
		from, staged := src, len(src) <= maxStaged
		if staged {
			room, err := d.reserve(len(src), t.names)
			if err != nil {
				return err
			}
			copy(room, src)
			from = room
		}
		if err := d.cl.call(cuMemcpyHtoDAsync, uintptr(at.from), uintptr(unsafe.Pointer(&from[0])), uintptr(len(src)), uintptr(d.stream)); err != nil {
			return d.queued.Failed(t.names[0], err)
		}
		if staged {
			return nil
		}
		return d.finish()
	}
	return t, nil
}

// BindToHost prepares a copy out of the device's memory.
func (d *Device) BindToHost(dst []byte, src device.Slice) (device.Command, error) {
	b, at, err := d.side(src, int64(len(dst)))
	if err != nil || len(dst) == 0 {
		return calls.Nothing, err
	}
	t := &transfer{device: d, names: []string{"a copy to the host"}, buffer: b}
	t.run = func() error {
		to, staged := dst, len(dst) <= maxStaged
		if staged {
			memory, err := d.stage()
			if err != nil {
				return err
			}
			to = memory[stagingBytes : stagingBytes+len(dst)]
		}
		if err := d.cl.call(cuMemcpyDtoHAsync, uintptr(unsafe.Pointer(&to[0])), uintptr(at.from), uintptr(len(dst)), uintptr(d.stream)); err != nil {
			return d.queued.Failed(t.names[0], err)
		}
		if err := d.finish(); err != nil {
			return err
		}
		if staged {
			copy(dst, to)
		}
		return nil
	}
	return t, nil
}

// within is a copy inside the device's memory.
type within struct {
	device   *Device
	buffers  [2]*buffer
	to, from span
}

var withinNames = []string{"a copy within the device"}

// BindWithin prepares a copy inside the device's memory.
func (d *Device) BindWithin(dst, src device.Slice) (device.Command, error) {
	to, toAt, err := d.side(dst, src.Bytes)
	if err != nil {
		return nil, err
	}
	from, fromAt, err := d.side(src, dst.Bytes)
	if err != nil || src.Bytes == 0 || dst == src {
		return calls.Nothing, err
	}
	if err := dst.CheckApart(d, src); err != nil {
		return nil, err
	}
	return &within{device: d, buffers: [2]*buffer{to, from}, to: toAt, from: fromAt}, nil
}

func (c *within) on() *Device          { return c.device }
func (c *within) name() string         { return withinNames[0] }
func (c *within) uses() ([]span, span) { return []span{c.from}, c.to }
func (c *within) alive() bool          { return c.buffers[0].memory != 0 && c.buffers[1].memory != 0 }

// Run queues the copy.
func (c *within) Run() error {
	return c.device.entered(c.queue)
}

func (c *within) queue() error {
	d := c.device
	if !c.alive() {
		return calls.Freed(d, c.name())
	}
	if err := d.queued.Note(withinNames); err != nil {
		return err
	}
	if err := d.cl.call(cuMemcpyDtoDAsync, uintptr(c.to.from), uintptr(c.from.from), uintptr(c.to.to-c.to.from), uintptr(d.stream)); err != nil {
		return d.queued.Failed(c.name(), err)
	}
	return nil
}

// side returns the buffer and the span of one side of a copy of that many bytes.
func (d *Device) side(s device.Slice, bytes int64) (*buffer, span, error) {
	if err := s.CheckCopy(d, bytes); err != nil {
		return nil, span{}, err
	}
	d.lock.Lock()
	defer d.lock.Unlock()
	if err := d.usable(); err != nil {
		return nil, span{}, err
	}
	b, err := d.own(s)
	if err != nil {
		return nil, span{}, err
	}
	return b, spanOf(s), nil
}
