package metal

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/internal/calls"
	"github.com/flowrun/flowrun/device/internal/dynlib"
	"github.com/flowrun/flowrun/kernels"
)

// launch is a kernel with its arguments and grid.
type launch struct {
	device   *Device
	names    []string
	what     string // "kernel add"
	pipeline object
	buffers  []*buffer // buffers that can be freed
	objects  []object  // the MTLBuffers, by their indices
	offsets  []uintptr // into objects
	values   []byte    // the struct of scalars that follows the buffers; may be empty
	sizes    [2]size   // threadgroups, and threads of each
	bytes    int64     // of memory that it uses
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
		return nil, fmt.Errorf("device %s: kernel %s: %w", d.Name(), call.Kernel.Name, err)
	}
	return calls.Command(launches), nil
}

// bind prepares a call's launches.
func (d *Device) bind(call *device.Call) ([]*launch, error) {
	for _, arg := range call.Buffers {
		if arg.DType == "f64" {
			return nil, errors.New("there is no f64 in Metal")
		}
		if _, err := d.own(arg.Slice); err != nil {
			return nil, err
		}
		if arg.Slice.Bytes > 0 && arg.Slice.Offset%offsetAlignment != 0 {
			return nil, fmt.Errorf("%s%v begins at byte %d of its buffer; Metal requires a multiple of %d", arg.DType, arg.Shape, arg.Slice.Offset, offsetAlignment)
		}
	}
	k := call.Kernel.For("metal")
	p, err := d.pipeline(k, k.Defines(call.DTypes()))
	if err != nil {
		return nil, err
	}
	return calls.Launches(call, k, p.group, func(part kernels.Launch) (*launch, error) { return d.launch(call, p, part) })
}

// launch prepares one launch of a call.
func (d *Device) launch(call *device.Call, p *pipeline, part kernels.Launch) (*launch, error) {
	l := &launch{device: d, names: []string{call.Kernel.Name}, what: "kernel " + call.Kernel.Name, pipeline: p.state,
		values: kernels.PackArguments(part.Args)}
	for _, s := range calls.Slices(call, part) {
		b := s.Buffer.(*buffer)
		l.buffers = append(l.buffers, b)
		l.objects = append(l.objects, b.object)
		l.offsets = append(l.offsets, uintptr(s.Offset))
		if s.Bytes == 0 {
			l.offsets[len(l.offsets)-1] = 0 // an empty slice isn't accessed, and may begin at the buffer's end
		}
		l.bytes += s.Bytes
	}
	n := len(l.objects)
	if len(l.values) > 0 {
		n++
	}
	if n > maxBuffers {
		return nil, fmt.Errorf("it has %d buffers; Metal allows %d", n, maxBuffers)
	}
	return l, l.size(p, part)
}

// size sets the grid. Metal silently drops work that exceeds a limit, so all limits are
// checked here.
func (l *launch) size(p *pipeline, part kernels.Launch) error {
	dims := len(part.Global)
	if dims < 1 || dims > 3 || len(part.Local) != dims {
		return fmt.Errorf("%v threads in groups of %v can't be launched", part.Global, part.Local)
	}
	global, local := [3]int{1, 1, 1}, [3]int{1, 1, 1}
	copy(global[:], part.Global)
	copy(local[:], part.Local)
	most := l.device.maxGroup
	for i, limit := range [3]uint{most.width, most.height, most.depth} {
		if uint(local[i]) > limit {
			return fmt.Errorf("it needs groups of %v threads, but the device allows %d in dimension %d", part.Local, limit, i)
		}
		if global[i] > math.MaxUint32 {
			return fmt.Errorf("it needs %d threads in dimension %d, and Metal counts them in 32 bits; put the op on the CPU", global[i], i)
		}
	}
	if n := local[0] * local[1] * local[2]; n > p.group {
		return fmt.Errorf("it needs groups of %d threads, but the device allows at most %d for it", n, p.group)
	}
	l.sizes[0] = size{uint(global[0] / local[0]), uint(global[1] / local[1]), uint(global[2] / local[2])}
	l.sizes[1] = size{uint(local[0]), uint(local[1]), uint(local[2])}
	return nil
}

func (l *launch) alive() bool {
	return !slices.ContainsFunc(l.buffers, func(b *buffer) bool { return b.object == 0 })
}

// Run queues the kernel.
func (l *launch) Run() error {
	return l.device.entered(l.queue)
}

func (l *launch) queue() error {
	if !l.alive() {
		return calls.Freed(l.device, l.what)
	}
	if err := l.device.queue.Note(l.names); err != nil {
		return err
	}
	return l.encode()
}

// encode adds the launch to the open batch. It has been noted.
func (l *launch) encode() error {
	d := l.device
	var values position // for values too large for setBytes
	if len(l.values) > maxInline {
		var room []byte
		var err error
		if values, room, err = d.reserve(len(l.values)); err != nil {
			return err
		}
		copy(room, l.values)
	}
	if err := d.encode(); err != nil {
		return d.queue.Failed(l.what, err)
	}
	b := &d.open
	if b.pipeline != l.pipeline {
		d.put(setComputePipelineState, uintptr(l.pipeline))
		b.pipeline = l.pipeline
	}
	// An NSRange is passed as two words.
	n := uintptr(len(l.objects))
	d.put(setBuffers, address(&l.objects[0]), address(&l.offsets[0]), 0, n)
	switch {
	case values.object != 0:
		d.put(setBuffer, uintptr(values.object), uintptr(values.offset), n)
	case len(l.values) > 0:
		d.put(setBytes, address(&l.values[0]), uintptr(len(l.values)), n)
	}
	d.dispatch(&l.sizes)
	runtime.KeepAlive(l) // its arguments are referenced by address
	for _, used := range l.buffers {
		used.used = b.number
	}
	return d.encoded(l.bytes)
}

// put sends a message to the open batch's encoder. It doesn't allocate: its words are in
// the device, and the caller keeps alive what they point to.
func (d *Device) put(m message, args ...uintptr) {
	d.words[0], d.words[1] = uintptr(d.open.encoder), d.objc.selectors[m]
	n := copy(d.words[2:], args)
	dynlib.Call(d.objc.address[objcMsgSend], d.words[:2+n]...)
}

// dispatch sends dispatchThreadgroups:threadsPerThreadgroup:. On amd64 (System V) a
// struct of more than 16 bytes is copied onto the stack, after the six words in
// registers; on arm64 (AAPCS64) its address is passed, and the callee may modify it.
// clang compiles such a call this way for both kinds of Mac.
func (d *Device) dispatch(sizes *[2]size) {
	if runtime.GOARCH == "arm64" {
		d.sizes = *sizes
		d.put(dispatchThreadgroups, address(&d.sizes[0]), address(&d.sizes[1]))
		return
	}
	grid, group := &sizes[0], &sizes[1]
	d.put(dispatchThreadgroups, 0, 0, 0, 0,
		uintptr(grid.width), uintptr(grid.height), uintptr(grid.depth),
		uintptr(group.width), uintptr(group.height), uintptr(group.depth))
}
