package cuda

import (
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/internal/calls"
	"github.com/flowrun/flowrun/kernels"
)

// work can be part of a capture: a launch, or a copy within the device.
type work interface {
	device.Command
	on() *Device
	name() string
	uses() (reads []span, writes span)
	alive() bool                                      // no memory that it uses has been freed
	queue() error                                     // the device is entered
	node(g *graph, node *handle, wait []handle) error // adds a node that waits for others to a graph
}

// launch is a kernel with its arguments and grid.
type launch struct {
	device    *Device
	names     []string
	buffers   []*buffer
	reads     []span
	writes    span
	values    [][]byte         // of its parameters
	pointers  []unsafe.Pointer // to the values
	grid      [3]uint32
	block     [3]uint32
	function  handle
	arguments [11]uintptr // of cuLaunchKernel
}

// Bind prepares a kernel launch, and builds the kernel if necessary.
func (d *Device) Bind(call *device.Call) (device.Command, error) {
	if err := call.Check(d); err != nil {
		return nil, err
	}
	if err := d.enter(); err != nil {
		return nil, err
	}
	defer d.leave()
	launches, err := d.bind(call)
	if err != nil {
		// A call's error may be the failure of queued work.
		if loses(err) {
			return nil, d.queued.Late(err)
		}
		return nil, fmt.Errorf("device %s: kernel %s: %w", d.Name(), call.Kernel.Name, err)
	}
	return calls.Command(launches), nil
}

// bind prepares a call's launches.
func (d *Device) bind(call *device.Call) ([]*launch, error) {
	for _, arg := range call.Buffers {
		if _, err := d.own(arg.Slice); err != nil {
			return nil, err
		}
	}
	k := call.Kernel.For("cuda")
	m, err := d.module(k, k.Defines(call.DTypes()))
	if err != nil {
		return nil, err
	}
	return calls.Launches(call, k, m.block, func(part kernels.Launch) (*launch, error) { return d.launch(call, m, part) })
}

// launch prepares one launch of a call.
func (d *Device) launch(call *device.Call, m *module, part kernels.Launch) (*launch, error) {
	l := &launch{device: d, names: []string{call.Kernel.Name}, function: m.function}
	for _, s := range calls.Slices(call, part) {
		at := position(s)
		l.buffers = append(l.buffers, s.Buffer.(*buffer))
		l.values = append(l.values, unsafe.Slice((*byte)(unsafe.Pointer(&at)), unsafe.Sizeof(at)))
		l.reads = append(l.reads, spanOf(s))
	}
	last := len(l.reads) - 1
	l.reads, l.writes = l.reads[:last:last], l.reads[last]
	l.values = append(l.values, part.Args...)
	if err := m.takes(l.values, call.Kernel.Entry()); err != nil {
		return nil, err
	}
	for _, v := range l.values {
		l.pointers = append(l.pointers, unsafe.Pointer(&v[0]))
	}
	return l, l.size(part)
}

// takes compares the values with the function's parameters.
func (m *module) takes(values [][]byte, entry string) error {
	if m.parameters == nil {
		return nil
	}
	if len(values) != len(m.parameters) {
		return fmt.Errorf("%s has %d parameters in its source, but %d in the manifest", entry, len(m.parameters), len(values))
	}
	for i, v := range values {
		if len(v) != m.parameters[i] {
			return fmt.Errorf("parameter %d of %s has %d bytes in its source, but %d in the manifest", i+1, entry, m.parameters[i], len(v))
		}
	}
	return nil
}

// size sets the grid, and prepares the arguments of cuLaunchKernel.
func (l *launch) size(part kernels.Launch) error {
	dims := len(part.Global)
	if dims < 1 || dims > 3 || len(part.Local) != dims {
		return fmt.Errorf("%v threads in blocks of %v can't be launched", part.Global, part.Local)
	}
	for i := range l.grid {
		l.grid[i], l.block[i] = 1, 1
		if i >= dims {
			continue
		}
		blocks, most := part.Global[i]/part.Local[i], l.device.info.maxGrid[i]
		if blocks > most {
			return fmt.Errorf("it needs %d blocks in dimension %d, but the device allows at most %d; run the op on the CPU", blocks, i, most)
		}
		l.grid[i], l.block[i] = uint32(blocks), uint32(part.Local[i])
	}
	l.arguments = [11]uintptr{uintptr(l.function),
		uintptr(l.grid[0]), uintptr(l.grid[1]), uintptr(l.grid[2]),
		uintptr(l.block[0]), uintptr(l.block[1]), uintptr(l.block[2]),
		0, uintptr(l.device.stream), uintptr(unsafe.Pointer(&l.pointers[0])), 0}
	return nil
}

func (l *launch) on() *Device          { return l.device }
func (l *launch) name() string         { return l.names[0] }
func (l *launch) uses() ([]span, span) { return l.reads, l.writes }

func (l *launch) alive() bool {
	return !slices.ContainsFunc(l.buffers, func(b *buffer) bool { return b.memory == 0 })
}

// Run queues the kernel.
func (l *launch) Run() error {
	return l.device.entered(l.queue)
}

func (l *launch) queue() error {
	d := l.device
	if !l.alive() {
		return calls.Freed(d, "kernel "+l.name())
	}
	if err := d.queued.Note(l.names); err != nil {
		return err
	}
	err := d.cl.call(cuLaunchKernel, l.arguments[:]...)
	runtime.KeepAlive(l) // its arguments point to its values
	if err != nil {
		return d.queued.Failed("kernel "+l.name(), err)
	}
	return nil
}
