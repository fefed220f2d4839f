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

// Run queues the copy; one to the host has happened afterwards.
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

// waited accounts for a blocking call: the queue is empty after it.
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

// side gives the buffer on one side of a copy of so many bytes.
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
