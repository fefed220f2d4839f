package cuda

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/internal/calls"
)

// peer is a copy from another GPU's memory.
type peer struct {
	to, from       *Device
	dst, src       *buffer
	dstAt, srcAt   handle
	bytes          int64
	toName, toward []string // the copy's name on each device
}

// BindFromPeer prepares a copy from another GPU; nil if src is on another kind of device.
func (d *Device) BindFromPeer(dst, src device.Slice) (device.Command, error) {
	other, ok := src.Buffer.Device().(*Device)
	if !ok || other == d {
		return nil, nil
	}
	to, toAt, err := d.side(dst, src.Bytes)
	if err != nil {
		return nil, err
	}
	from, fromAt, err := other.side(src, dst.Bytes)
	if err != nil || src.Bytes == 0 {
		return calls.Nothing, err
	}
	return &peer{to: d, from: other, dst: to, src: from, dstAt: toAt.from, srcAt: fromAt.from, bytes: src.Bytes,
		toName: []string{"a copy from " + other.Name()}, toward: []string{"a copy to " + d.Name()}}, nil
}

// Run queues the copy in the order of both devices' streams.
func (p *peer) Run() error {
	// Always lock in the same order, so that no two copies wait for each other.
	first, second := p.to, p.from
	if uintptr(unsafe.Pointer(second)) < uintptr(unsafe.Pointer(first)) {
		first, second = second, first
	}
	first.lock.Lock()
	defer first.lock.Unlock()
	second.lock.Lock()
	defer second.lock.Unlock()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, side := range []struct {
		device *Device
		buffer *buffer
	}{{p.to, p.dst}, {p.from, p.src}} {
		if err := side.device.usable(); err != nil {
			return err
		}
		if side.buffer.memory == 0 {
			return calls.Freed(side.device, p.toName[0])
		}
	}
	on := p.to
	err := p.queue(&on)
	if err == nil {
		return nil
	}
	if _, late := errors.AsType[*device.Late](err); late {
		return err
	}
	// The failure is the call's own only if both devices' earlier work succeeded.
	other := p.from
	if on == p.from {
		other = p.to
	}
	if wait := on.current(); wait != nil {
		return on.queued.Late(fmt.Errorf("%w, then %w", err, wait))
	}
	err = on.queued.Failed(p.toName[0], err)
	if _, late := errors.AsType[*device.Late](err); late {
		return err
	}
	if wait := other.current(); wait != nil {
		return other.queued.Late(fmt.Errorf("%w, then %w", err, wait))
	}
	if wait := other.finish(); wait != nil {
		return wait
	}
	return err
}

// queue makes the calls; on is set to the device of each.
func (p *peer) queue(on **Device) error {
	to, from := p.to, p.from
	if err := to.current(); err != nil {
		return err
	}
	if err := to.queued.Note(p.toName); err != nil {
		return err
	}
	if err := to.cl.call(cuEventRecord, uintptr(to.event), uintptr(to.stream)); err != nil {
		return err
	}
	*on = from
	if err := from.current(); err != nil {
		return err
	}
	if err := from.queued.Note(p.toward); err != nil {
		return err
	}
	if err := from.cl.call(cuStreamWaitEvent, uintptr(from.stream), uintptr(to.event), 0); err != nil {
		return err
	}
	if err := from.cl.call(cuMemcpyPeerAsync, uintptr(p.dstAt), uintptr(to.context), uintptr(p.srcAt), uintptr(from.context),
		uintptr(p.bytes), uintptr(from.stream)); err != nil {
		return err
	}
	if err := from.cl.call(cuEventRecord, uintptr(from.event), uintptr(from.stream)); err != nil {
		return err
	}
	*on = to
	if err := to.current(); err != nil {
		return err
	}
	return to.cl.call(cuStreamWaitEvent, uintptr(to.stream), uintptr(from.event), 0)
}
