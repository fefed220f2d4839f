package metal

import (
	"errors"
	"fmt"
	"sync"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/internal/queue"
	"github.com/flowrun/flowrun/kernels"
)

// Device is a GPU with a command queue.
type Device struct {
	info    properties
	objc    *library
	sources *kernels.Sources

	maxBuffer int64 // bytes of a buffer
	maxShared int64 // bytes of a threadgroup's memory
	maxGroup  size  // threads of a threadgroup, in each dimension

	lock      sync.Mutex
	pool      [1]uintptr // autorelease pool of the current method
	device    object
	commands  object // the MTLCommandQueue
	lost      error  // why the process can no longer use the device
	budget    device.Budget
	buffers   map[*buffer]struct{}
	pipelines map[string]*pipeline // by kernel and definitions
	queue     queue.Queue
	open      batch   // the batch being encoded
	flight    []batch // committed batches whose outcome isn't known, oldest first
	last      uint64  // number of the last committed batch
	done      uint64  // batches up to this have ended
	staging   staging
	words     [12]uintptr // arguments of the message being sent to an encoder
	sizes     [2]size     // sizes that some arguments point to
}

func (l *library) begin(info properties, id object, o device.Options) (_ *Device, err error) {
	d := &Device{info: info, objc: l, sources: o.Sources, device: id,
		buffers: map[*buffer]struct{}{}, pipelines: map[string]*pipeline{}}
	if d.sources == nil {
		d.sources = kernels.Embedded()
	}
	d.queue = queue.Queue{Device: info.Name, Wait: d.wait, Idle: d.idle, Fail: d.tell}
	d.budget.Limit = info.Memory
	d.maxBuffer = l.number(id, maxBufferLength)
	d.maxShared = l.number(id, maxThreadgroupMemoryLength)
	d.maxGroup = l.sendForSize(id, l.selectors[maxThreadsPerThreadgroup])
	if d.commands = l.create(id, newCommandQueue, maxFlight+2); d.commands == 0 {
		err = l.failed(newCommandQueue, 0, nil)
	} else {
		err = d.probe()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("device %s: %w", info.Name, err), d.Close())
	}
	return d, nil
}

// probe builds a first kernel, to find out the size of a simdgroup.
func (d *Device) probe() error {
	p, err := d.copying(copyUnits[len(copyUnits)-1])
	if err != nil {
		return fmt.Errorf("it can't be used: a first kernel: %w", err)
	}
	if p.width != simdWidth {
		return fmt.Errorf("%s can't be used: it runs threads %d at a time (threadExecutionWidth), and the kernels are written for %d, as Apple silicon has it",
			d.info.Description, p.width, simdWidth)
	}
	return nil
}

// Name is "metal:" and the device's number.
func (d *Device) Name() string { return d.info.Name }

// Info describes the device.
func (d *Device) Info() device.Info { return d.info.Info }

// Usage reports the memory in use.
func (d *Device) Usage() device.Budget {
	d.lock.Lock()
	defer d.lock.Unlock()
	return d.budget
}

// enter locks the device for a method, and opens an autorelease pool on the thread.
func (d *Device) enter() error {
	d.lock.Lock()
	if err := d.usable(); err != nil {
		d.lock.Unlock()
		return err
	}
	d.pool = d.objc.push()
	return nil
}

// leave undoes enter.
func (d *Device) leave() {
	d.objc.pop(&d.pool)
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
	case d.commands == 0:
		return fmt.Errorf("device %s: is closed", d.Name())
	case d.lost != nil:
		return fmt.Errorf("device %s: is lost; restart flowrun to use it again: %w", d.Name(), d.lost)
	}
	return nil
}

// Sync waits until all queued work has ended.
func (d *Device) Sync() error {
	return d.entered(d.queue.Finish)
}

// idle is called when nothing is queued any more.
func (d *Device) idle() { d.done = d.last }

// tell marks the device as lost, and says so in the error, if a failure of queued work
// means that.
func (d *Device) tell(err error) error {
	if d.lost != nil {
		return fmt.Errorf("%w; the device is lost", err)
	}
	return err
}

// Close waits for queued work and releases everything.
func (d *Device) Close() error {
	d.lock.Lock()
	defer d.lock.Unlock()
	if d.device == 0 {
		return nil
	}
	pool := d.objc.push()
	defer d.objc.pop(&pool)
	err := d.queue.Finish()
	for b := range d.buffers {
		b.free()
	}
	for _, p := range d.pipelines {
		d.objc.give(newPipelineState, &p.state)
	}
	clear(d.pipelines)
	d.freeStaging()
	d.objc.give(newCommandQueue, &d.commands)
	d.objc.give(objectAtIndex, &d.device)
	if err != nil {
		return fmt.Errorf("device %s: closing it: %w", d.Name(), err)
	}
	return nil
}
