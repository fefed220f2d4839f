// Package sim is a simulated device: a separate address space in host memory, and the
// kernels in Go. It replaces an accelerator in tests, and for trying placement on a
// machine without one.
//
// It is stricter than hardware. The host can't address its buffers (unless requested),
// and other devices' buffers are refused. Memory that was never written or has been freed
// contains NaNs, -1 as integers. Any call can be made to fail ([Device.Inject]), and a
// failed run or copy leaves garbage in its output. With a queue, work is executed only
// when somebody waits.
package sim

import (
	"fmt"
	"math"
	"sync"

	"github.com/flowrun/flowrun/device"
)

// Options configure the device.
type Options struct {
	Memory      int64 // bytes; 0 means 1 GiB
	HostVisible bool  // buffers are device.HostBuffers
	Async       bool  // it claims to have a queue
	Queue       bool  // it has one
	Unified     bool  // buffers are device.SharedBuffers
	Captures    bool  // it captures launches and copies within it
}

// Event is a call about to be executed.
type Event struct {
	Kind   string // "alloc", "bind", "run", "copy", "replay" of a capture, or "sync"
	Kernel string // for bind and run: the kernel's name; "" for others
	Serial int    // number of events before this one
}

// Device is a simulated device.
type Device struct {
	name    string
	options Options

	lock   sync.Mutex
	budget device.Budget
	closed bool
	events int
	inject func(Event) error
	queue  []work
}

// work is a queued launch or copy.
type work struct {
	run    func()
	output []byte
}

const (
	defaultMemory = 1 << 30
	// poison fills fresh and freed memory: NaN in every float dtype, -1 in integers,
	// invalid as bool.
	poison = 0xff
	// garbage is what a failed command leaves: plausible numbers.
	garbage = 0xa5
)

// Discover returns the first of any number of devices.
func Discover() (devices []device.Info, missing string) {
	return []device.Info{{Name: "sim:0", Kind: "sim",
		Description: "an address space of its own inside this process, to try out placement without a GPU; any number: sim:0, sim:1, …"}}, ""
}

// New returns a device with that name.
func New(name string, options Options) *Device {
	if options.Memory <= 0 {
		options.Memory = defaultMemory
	}
	return &Device{name: name, options: options,
		budget: device.Budget{Limit: min(options.Memory, math.MaxInt-device.Alignment)}}
}

// Inject sets a function that is called with every event before it is executed; nil
// removes it. If it returns an error, the call fails with it, and the output of a run or
// a copy is overwritten with garbage. It must not call the device.
func (d *Device) Inject(f func(Event) error) {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.inject = f
}

// usable returns an error if the device is closed. The device is locked.
func (d *Device) usable() error {
	if d.closed {
		return fmt.Errorf("device %s: is closed", d.name)
	}
	return nil
}

// event counts a call and asks Inject's function whether to fail it. The device is
// locked.
func (d *Device) event(kind, kernel string) error {
	if err := d.usable(); err != nil {
		return err
	}
	e := Event{Kind: kind, Kernel: kernel, Serial: d.events}
	d.events++
	if d.inject == nil {
		return nil
	}
	return d.inject(e)
}

// Name returns the name passed to New.
func (d *Device) Name() string { return d.name }

// Info describes the device.
func (d *Device) Info() device.Info {
	return device.Info{Name: d.name, Kind: "sim", Description: "simulated device", Memory: d.options.Memory,
		Async: d.options.Async || d.options.Queue, Unified: d.options.Unified}
}

// Usage reports the memory and the number of buffers in use, and the peak.
func (d *Device) Usage() device.Budget {
	d.lock.Lock()
	defer d.lock.Unlock()
	return d.budget
}

// Alloc reserves memory filled with NaNs.
func (d *Device) Alloc(bytes int64) (device.Buffer, error) {
	d.lock.Lock()
	defer d.lock.Unlock()
	if err := d.event("alloc", ""); err != nil {
		return nil, err
	}
	if err := d.budget.Take(d.name, bytes); err != nil {
		return nil, err
	}
	b := &buffer{device: d, memory: device.HostMemory(bytes)}
	fill(b.memory, poison)
	switch {
	case d.options.HostVisible:
		return hostBuffer{b}, nil
	case d.options.Unified:
		return sharedBuffer{b}, nil
	}
	return b, nil
}

// View wraps another device's memory as a buffer of this one.
func (d *Device) View(of device.SharedBuffer) device.HostBuffer {
	return view{hostBuffer{&buffer{device: d, memory: of.Shared(), of: of}}}
}

// Bind prepares a kernel launch.
func (d *Device) Bind(call *device.Call) (device.Command, error) {
	d.lock.Lock()
	defer d.lock.Unlock()
	if err := d.event("bind", call.Kernel.Name); err != nil {
		return nil, err
	}
	if err := call.Check(d); err != nil {
		return nil, err
	}
	run, err := bindKernel(call)
	if err != nil {
		return nil, fmt.Errorf("device %s: %w", d.name, err)
	}
	slices := make([]device.Slice, len(call.Buffers))
	for i, b := range call.Buffers {
		slices[i] = b.Slice
	}
	output := memory(slices[len(slices)-1])
	return &command{device: d, kind: "run", kernel: call.Kernel.Name, uses: slices, output: output, run: run}, nil
}

// BindFromHost prepares a copy into the device's memory.
func (d *Device) BindFromHost(dst device.Slice, src []byte) (device.Command, error) {
	to, err := d.side(dst, int64(len(src)))
	if err != nil {
		return nil, err
	}
	c := d.transfer(to, src, dst)
	c.source = src
	return c, nil
}

// BindToHost prepares a copy out of the device's memory.
func (d *Device) BindToHost(dst []byte, src device.Slice) (device.Command, error) {
	from, err := d.side(src, int64(len(dst)))
	if err != nil {
		return nil, err
	}
	c := d.transfer(dst, from, src)
	c.waits = true
	return c, nil
}

// BindWithin prepares a copy inside the device's memory.
func (d *Device) BindWithin(dst, src device.Slice) (device.Command, error) {
	to, err := d.side(dst, src.Bytes)
	if err != nil {
		return nil, err
	}
	from, err := d.side(src, dst.Bytes)
	if err != nil {
		return nil, err
	}
	return d.transfer(to, from, dst, src), nil
}

func (d *Device) transfer(dst, src []byte, uses ...device.Slice) *command {
	return &command{device: d, kind: "copy", uses: uses, output: dst, run: func() { copy(dst, src) }}
}

// side returns the memory of one side of a copy of that many bytes.
func (d *Device) side(s device.Slice, bytes int64) ([]byte, error) {
	d.lock.Lock()
	defer d.lock.Unlock()
	if err := d.event("bind", ""); err != nil {
		return nil, err
	}
	if err := s.CheckCopy(d, bytes); err != nil {
		return nil, err
	}
	m := memory(s)
	if m == nil {
		return nil, fmt.Errorf("device %s: the memory has been freed", d.name)
	}
	return m, nil
}

// do executes work or queues it; if it can't be queued, everything queued before it is
// executed too. The device is locked.
func (d *Device) do(w work, now bool) {
	if !d.options.Queue {
		w.run()
		return
	}
	d.queue = append(d.queue, w)
	if now {
		d.finish()
	}
}

// Sync executes queued work. If it is made to fail, queued work has failed.
func (d *Device) Sync() error {
	d.lock.Lock()
	defer d.lock.Unlock()
	err := d.event("sync", "")
	if err != nil && len(d.queue) > 0 {
		for _, w := range d.queue {
			fill(w.output, garbage)
		}
		d.queue = d.queue[:0]
		return &device.Late{Device: d.name, Err: err}
	}
	d.finish()
	return err
}

// finish executes queued work. The device is locked.
func (d *Device) finish() {
	for _, w := range d.queue {
		w.run()
	}
	d.queue = d.queue[:0]
}

// Close executes queued work and closes the device: every later call fails.
func (d *Device) Close() error {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.finish()
	d.closed = true
	return nil
}

func fill(memory []byte, value byte) {
	for i := range memory {
		memory[i] = value
	}
}
