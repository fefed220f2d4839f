package cuda

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/internal/calls"
)

// capture is work launched as one: a CUDA graph.
type capture struct {
	device *Device
	work   []work
	names  []string
	graph  handle     // 0 once freed
	launch [2]uintptr // the arguments of cuGraphLaunch
	freed  uint64     // the device's count of freed buffers when the capture's own were last checked
}

// Captures reports whether a command is a launch or a copy within the device.
func (d *Device) Captures(c device.Command) bool {
	if c == device.Command(calls.Nothing) {
		return true
	}
	switch c := c.(type) {
	case calls.Sequence[*launch]:
		return c[0].device == d
	case work:
		return c.on() == d
	}
	return false
}

// Capture makes a CUDA graph of launches and copies within the device.
func (d *Device) Capture(commands []device.Command) (device.Capture, error) {
	r := &capture{device: d}
	for _, c := range commands {
		if !d.Captures(c) {
			return nil, fmt.Errorf("device %s: a %T can't be captured", d.Name(), c)
		}
		switch c := c.(type) {
		case calls.Sequence[*launch]:
			for _, l := range c {
				r.work = append(r.work, l)
			}
		case work:
			r.work = append(r.work, c)
		}
	}
	var names []string
	for _, w := range r.work {
		names = append(names, w.name())
	}
	r.names = device.Distinct(names)
	if err := d.enter(); err != nil {
		return nil, err
	}
	defer d.leave()
	if err := r.build(); err != nil {
		return nil, err
	}
	d.graphs[r] = struct{}{}
	return r, nil
}

// build makes the graph. The device is entered.
func (r *capture) build() error {
	d := r.device
	if err := r.check(); err != nil {
		return err
	}
	if len(r.work) == 0 {
		return nil
	}
	g := graph{device: d}
	var err error
	if g.handle, err = d.cl.create(cuGraphCreate, 0); err == nil {
		for _, w := range r.work {
			if err = g.add(w); err != nil {
				err = fmt.Errorf("%s: %w", w.name(), err)
				break
			}
		}
		if err == nil {
			r.graph, err = g.instantiate()
		}
		err = errors.Join(err, d.give(cuGraphDestroy, &g.handle))
	}
	if err != nil {
		_ = d.give(cuGraphExecDestroy, &r.graph) // the first error is reported
		return d.queued.Failed("capture "+r.String(), err)
	}
	r.launch = [2]uintptr{uintptr(r.graph), uintptr(d.stream)}
	return nil
}

// String describes the captured work, for messages.
func (r *capture) String() string { return fmt.Sprintf("%d launches and copies", len(r.work)) }

// check returns an error if memory in use has been freed.
func (r *capture) check() error {
	d := r.device
	for _, w := range r.work {
		if !w.alive() {
			return calls.Freed(d, w.name())
		}
	}
	r.freed = d.freed
	return nil
}

// Run launches the graph.
func (r *capture) Run() error {
	d := r.device
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	if r.freed != d.freed {
		if err := r.check(); err != nil {
			return err
		}
	}
	if len(r.work) == 0 {
		return nil
	}
	if r.graph == 0 {
		return fmt.Errorf("device %s: a capture of %s has been freed", d.Name(), r)
	}
	if err := d.queued.Note(r.names); err != nil {
		return err
	}
	if err := d.cl.call(cuGraphLaunch, r.launch[:]...); err != nil {
		return d.queued.Failed("a capture of "+r.String(), err)
	}
	return nil
}

// Free returns the graph to the device, for the next capture.
func (r *capture) Free() {
	d := r.device
	d.lock.Lock()
	defer d.lock.Unlock()
	delete(d.graphs, r)
	if r.graph != 0 {
		d.spares = append(d.spares, r.graph)
		r.graph = 0
	}
}

// discard destroys all spare graphs but the last. The stream is empty.
func (d *Device) discard() error {
	for len(d.spares) > 1 {
		spare := d.spares[0]
		d.spares = d.spares[1:]
		if err := d.give(cuGraphExecDestroy, &spare); err != nil {
			return fmt.Errorf("device %s: freeing a capture: %w", d.Name(), err)
		}
	}
	return nil
}

// graph is a CUDA graph under construction: one node per piece of work, which waits for
// the earlier ones whose memory it shares.
type graph struct {
	device *Device
	handle handle
	nodes  []handle
	work   []work
	before [][]uint64 // per node, the set of nodes that precede it, as bits
}

// maxOrdered is how many nodes are compared pairwise, in quadratic time; in larger graphs
// each waits for the one before it.
const maxOrdered = 4096

// kernelNode is CUDA_KERNEL_NODE_PARAMS_v2; the one before ends where kernel begins.
type kernelNode struct {
	function       handle
	grid, block    [3]uint32
	sharedBytes    uint32
	parameters     unsafe.Pointer
	extra          uintptr
	kernel, module handle
}

// memcpyNode is CUDA_MEMCPY3D_v2.
type memcpyNode struct {
	src, dst             memcpySide
	bytes, height, depth uintptr
}

type memcpySide struct {
	x, y, z, level  uintptr
	kind            uint32
	host            uintptr
	at              handle
	array, reserved uintptr
	pitch, height   uintptr
}

// needs returns the nodes that the next piece of work must wait for, without those that
// precede another of them.
func (g *graph) needs(w work) []handle {
	n := len(g.work)
	if n > maxOrdered {
		return g.nodes[n-1:]
	}
	var wait []handle
	before := make([]uint64, n/64+1)
	for i := n - 1; i >= 0; i-- {
		if before[i/64]>>(i%64)&1 != 0 || !conflict(w, g.work[i]) {
			continue
		}
		wait = append(wait, g.nodes[i])
		before[i/64] |= 1 << (i % 64)
		for j, bits := range g.before[i] {
			before[j] |= bits
		}
	}
	g.before = append(g.before, before)
	return wait
}

// conflict reports whether one piece of work writes memory that the other uses.
func conflict(a, b work) bool {
	aReads, aWrites := a.uses()
	bReads, bWrites := b.uses()
	return aWrites.overlaps(bWrites) || slices.ContainsFunc(aReads, bWrites.overlaps) ||
		slices.ContainsFunc(bReads, aWrites.overlaps)
}

// add appends a piece of work.
func (g *graph) add(w work) error {
	node, wait := new(handle), g.needs(w)
	var pin runtime.Pinner
	pin.Pin(node)
	defer pin.Unpin()
	err := w.node(g, node, wait)
	g.nodes, g.work = append(g.nodes, *node), append(g.work, w)
	return err
}

// node creates a node that waits for others.
func (l *launch) node(g *graph, node *handle, wait []handle) error {
	n := &kernelNode{function: l.function, grid: l.grid, block: l.block, parameters: unsafe.Pointer(&l.pointers[0])}
	err := l.device.cl.call(cuGraphAddKernelNode, uintptr(unsafe.Pointer(node)), uintptr(g.handle),
		uintptr(unsafe.Pointer(unsafe.SliceData(wait))), uintptr(len(wait)), uintptr(unsafe.Pointer(n)))
	runtime.KeepAlive(l) // the node points to its values
	return err
}

func (c *within) node(g *graph, node *handle, wait []handle) error {
	bytes := uintptr(c.to.to - c.to.from)
	side := func(s span) memcpySide {
		return memcpySide{kind: memoryTypeDevice, at: s.from, pitch: bytes, height: 1}
	}
	n := &memcpyNode{src: side(c.from), dst: side(c.to), bytes: bytes, height: 1, depth: 1}
	return c.device.cl.call(cuGraphAddMemcpyNode, uintptr(unsafe.Pointer(node)), uintptr(g.handle),
		uintptr(unsafe.Pointer(unsafe.SliceData(wait))), uintptr(len(wait)), uintptr(unsafe.Pointer(n)), uintptr(c.device.context))
}

// instantiate returns an executable graph: the spare one if it can be updated.
func (g *graph) instantiate() (handle, error) {
	d := g.device
	if last := len(d.spares) - 1; last >= 0 {
		// The older version of the function writes two results: the first where this one
		// begins, and one more word.
		var answer [3]uint64
		var result int32
		spare := d.spares[last]
		err := d.cl.call(cuGraphExecUpdate, uintptr(spare), uintptr(g.handle), uintptr(unsafe.Pointer(&answer)), uintptr(unsafe.Pointer(&result)))
		if err == nil {
			d.spares = d.spares[:last]
			return spare, nil
		}
		if !is(err, errorGraphUpdateFailure) {
			return 0, err
		}
	}
	return d.cl.create(cuGraphInstantiate, uintptr(g.handle), 0)
}
