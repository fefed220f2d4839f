package opencl

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/internal/buildcache"
	"github.com/flowrun/flowrun/device/internal/queue"
	"github.com/flowrun/flowrun/kernels"
)

// Device is an OpenCL device: a context and an in-order queue.
type Device struct {
	info    properties
	cl      *library
	sources *kernels.Sources

	cache buildcache.Cache

	lock     sync.Mutex
	context  handle
	queue    handle
	budget   device.Budget
	buffers  map[*buffer]struct{}
	programs map[string]*program // by source and definitions
	queued   queue.Queue
	staging  staging
}

func (l *library) begin(info properties, o device.Options) (_ *Device, err error) {
	d := &Device{info: info, cl: l, sources: o.Sources, buffers: map[*buffer]struct{}{}, programs: map[string]*program{},
		cache: buildcache.New("opencl")}
	d.queued = queue.Queue{Device: info.Name, Wait: d.wait, Idle: func() { d.staging.used = 0 },
		Old: func(err error) bool { return is(err, eventsInWaitList) }}
	if d.sources == nil {
		d.sources = kernels.Embedded()
	}
	d.staging = newStaging(info.Auto && !info.shared)
	d.budget.Limit = info.Memory
	if d.context, err = l.create(clCreateContext, 0, 1, uintptr(unsafe.Pointer(&info.id)), 0, 0); err == nil {
		d.queue, err = l.create(clCreateCommandQueue, uintptr(d.context), uintptr(info.id), 0)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("device %s: %w", info.Name, err), d.Close())
	}
	return d, nil
}

// Name is "opencl:" and the device's number.
func (d *Device) Name() string { return d.info.Name }

// Info describes the device.
func (d *Device) Info() device.Info { return d.info.Info }

// Usage reports the memory in use.
func (d *Device) Usage() device.Budget {
	d.lock.Lock()
	defer d.lock.Unlock()
	return d.budget
}

// Sync waits until all queued work has ended.
func (d *Device) Sync() error {
	d.lock.Lock()
	defer d.lock.Unlock()
	if err := d.usable(); err != nil {
		return err
	}
	return d.queued.Finish()
}

// wait waits for the queue. The lock is held.
func (d *Device) wait() error { return d.cl.call(clFinish, uintptr(d.queue)) }

// usable returns an error if the device is closed.
func (d *Device) usable() error {
	if d.queue == 0 {
		return fmt.Errorf("device %s: is closed", d.Name())
	}
	return nil
}

// Close waits for the queue and releases everything.
func (d *Device) Close() error {
	d.lock.Lock()
	defer d.lock.Unlock()
	var errs []error
	if d.queue != 0 {
		errs = append(errs, d.queued.Finish(), d.freeStaging())
	}
	for b := range d.buffers {
		errs = append(errs, b.free())
	}
	for _, p := range d.programs {
		errs = append(errs, d.cl.release(clReleaseProgram, &p.handle))
	}
	clear(d.programs)
	errs = append(errs, d.cl.release(clReleaseCommandQueue, &d.queue), d.cl.release(clReleaseContext, &d.context))
	if err := joined(errs); err != nil {
		return fmt.Errorf("device %s: closing it: %w", d.Name(), err)
	}
	return nil
}
