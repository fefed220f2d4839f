package cuda

import (
	"errors"
	"fmt"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/internal/calls"
)

// capture is work that is launched as one: a CUDA graph.
type capture struct {
	device *Device
	work   []work
	names  []string
	graph  handle     // 0 once freed
	launch [2]uintptr // the arguments of cuGraphLaunch
	freed  uint64     // the device's count when it was last known that nothing in use had been
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
		_ = d.give(cuGraphExecDestroy, &r.graph) // the first error is the one to tell
		return d.queued.Failed("capture "+r.String(), err)
	}
	r.launch = [2]uintptr{uintptr(r.graph), uintptr(d.stream)}
	return nil
}

// String says what was captured, for messages.
func (r *capture) String() string { return fmt.Sprintf("%d launches and copies", len(r.work)) }

// check makes sure that nothing in use has been freed.
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

// Free leaves the graph to the device, for the next capture.
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
