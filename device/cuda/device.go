package cuda

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/internal/buildcache"
	"github.com/flowrun/flowrun/device/internal/queue"
	"github.com/flowrun/flowrun/kernels"
)

// Device is a GPU: its primary context and a stream.
type Device struct {
	info        properties
	cl          *library
	sources     *kernels.Sources
	precompiled func(k *kernels.Kernel, definitions []string) (ptx []byte, ok bool) // nil: none
	cache       buildcache.Cache

	lock    sync.Mutex
	context handle
	become  [1]uintptr // the context, as cuCtxSetCurrent's arguments
	stream  handle
	event   handle // of copies between devices
	lost    error  // why the process can no longer use the device
	budget  device.Budget
	buffers map[*buffer]struct{}
	freed   uint64             // number of buffers freed
	modules map[string]*module // by kernel and definitions
	graphs  map[*capture]struct{}
	spares  []handle // unused graphs; the last is updated for the next capture
	queued  queue.Queue
	staging staging
}

func (l *library) begin(info properties, o device.Options) (_ *Device, err error) {
	d := &Device{info: info, cl: l, sources: o.Sources, cache: buildcache.New("cuda"),
		buffers: map[*buffer]struct{}{}, modules: map[string]*module{}, graphs: map[*capture]struct{}{}}
	d.queued = queue.Queue{Device: info.Name, Wait: d.wait, Idle: func() { d.staging.used = 0 }, Old: loses, Fail: d.lose}
	if d.sources == nil {
		d.sources, d.precompiled = kernels.Embedded(), kernels.PTX
	}
	d.budget.Limit = info.Memory
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := d.prepare(); err != nil {
		return nil, errors.Join(fmt.Errorf("device %s: %w", info.Name, err), d.Close())
	}
	return d, nil
}

// prepare creates the context and what belongs to it.
func (d *Device) prepare() (err error) {
	if d.context, err = d.cl.create(cuDevicePrimaryCtxRetain, uintptr(d.info.id)); err != nil {
		return err
	}
	d.become[0] = uintptr(d.context)
	if err = d.current(); err != nil {
		return err
	}
	if d.info.pools {
		if err = d.keepPool(); err != nil {
			return err
		}
	}
	if d.event, err = d.cl.create(cuEventCreate, eventDisableTiming); err != nil {
		return err
	}
	d.stream, err = d.cl.create(cuStreamCreate, streamNonBlocking)
	return err
}

// keepPool makes the device's pool keep freed memory for later allocations.
func (d *Device) keepPool() error {
	var pool handle
	if err := d.cl.call(cuDeviceGetDefaultMemPool, uintptr(unsafe.Pointer(&pool)), uintptr(d.info.id)); err != nil {
		return err
	}
	threshold := ^uint64(0)
	return d.cl.call(cuMemPoolSetAttribute, uintptr(pool), poolReleaseThreshold, uintptr(unsafe.Pointer(&threshold)))
}

// Name is "cuda:" and the device's number.
func (d *Device) Name() string { return d.info.Name }

// Info describes the device.
func (d *Device) Info() device.Info { return d.info.Info }

// Usage reports the memory in use.
func (d *Device) Usage() device.Budget {
	d.lock.Lock()
	defer d.lock.Unlock()
	return d.budget
}

// enter locks the device for a method, and makes its context the thread's.
func (d *Device) enter() error {
	d.lock.Lock()
	err := d.take()
	if err != nil {
		d.lock.Unlock()
	}
	return err
}

// take is enter with the lock held.
func (d *Device) take() error {
	if err := d.usable(); err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := d.current(); err != nil {
		runtime.UnlockOSThread()
		if loses(err) {
			return d.queued.Late(err)
		}
		// Without the context the thread can't wait, so the failure of queued work is
		// left to the next call to report.
		return fmt.Errorf("device %s: taking it: %w", d.Name(), err)
	}
	return nil
}

// current makes the device's context current on the thread.
func (d *Device) current() error { return d.cl.call(cuCtxSetCurrent, d.become[:]...) }

// leave undoes enter.
func (d *Device) leave() {
	runtime.UnlockOSThread()
	d.lock.Unlock()
}

// entered calls do on the entered device.
func (d *Device) entered(do func() error) error {
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	return do()
}

// usable returns an error if the device is closed or lost.
func (d *Device) usable() error {
	switch {
	case d.lost != nil:
		return fmt.Errorf("device %s: is lost; restart flowrun to use it again: %w", d.Name(), d.lost)
	case d.stream == 0:
		return fmt.Errorf("device %s: is closed", d.Name())
	}
	return nil
}

// Sync waits until all queued work has ended.
func (d *Device) Sync() error {
	return d.entered(d.finish)
}

// wait waits for the stream. The device is entered.
func (d *Device) wait() error { return d.cl.call(cuStreamSynchronize, uintptr(d.stream)) }

// finish waits for the stream and reports what failed on it. The device is entered.
func (d *Device) finish() error {
	if err := d.queued.Finish(); err != nil {
		return err
	}
	return d.discard()
}

// loses reports whether the process can no longer use the device after an error.
func loses(err error) bool { return is(err, losing...) }

// lose marks the device as lost if the error says so.
func (d *Device) lose(err error) error {
	if !loses(err) || d.lost != nil {
		return err
	}
	d.lost = err
	return fmt.Errorf("%w; the device is lost", err)
}

// Close waits for the stream and releases everything.
func (d *Device) Close() error {
	d.lock.Lock()
	defer d.lock.Unlock()
	if d.context == 0 {
		return nil
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var errs []error
	note := func(err error) { errs = append(errs, err) }
	if d.lost == nil {
		if err := d.current(); err != nil {
			note(err)
			defer func() { d.lost = nil }()
			d.lost = err // the context's release frees everything in it
		} else if d.stream != 0 {
			note(d.finish())
		}
	}
	for r := range d.graphs {
		note(d.give(cuGraphExecDestroy, &r.graph))
	}
	clear(d.graphs)
	for i := range d.spares {
		note(d.give(cuGraphExecDestroy, &d.spares[i]))
	}
	d.spares = nil
	for b := range d.buffers {
		note(b.free())
	}
	for _, m := range d.modules {
		note(d.give(cuModuleUnload, &m.handle))
	}
	clear(d.modules)
	note(d.give(cuMemFreeHost, &d.staging.address))
	note(d.give(cuEventDestroy, &d.event))
	if d.stream != 0 && d.lost == nil {
		// Frees happen in the stream's order; once it is empty, all are done.
		note(d.wait())
	}
	note(d.give(cuStreamDestroy, &d.stream))
	id := d.info.id
	d.context = 0
	d.cl.live[cuDevicePrimaryCtxRelease].Add(-1)
	if err := d.cl.call(cuDevicePrimaryCtxRelease, uintptr(id)); d.lost == nil {
		note(err)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("device %s: closing it: %w", d.Name(), err)
	}
	return nil
}

// give releases a handle of the context. A lost device's handles were released with it.
func (d *Device) give(f function, h *handle, more ...uintptr) error {
	if d.lost != nil {
		d.drop(f, h)
	}
	return d.cl.release(f, h, more...)
}

// drop forgets a handle that can't be released.
func (d *Device) drop(f function, h *handle) {
	if *h != 0 {
		d.cl.live[f].Add(-1)
		*h = 0
	}
}
