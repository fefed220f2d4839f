package sim

import (
	"fmt"

	"github.com/flowrun/flowrun/device"
)

// capture is commands that run as one: one event.
type capture struct {
	device   *Device
	commands []*command
	freed    bool // guarded by the device's lock
}

// Captures reports whether a command can be part of a capture: the device captures, and the
// command is a launch or a copy within it.
func (d *Device) Captures(c device.Command) bool {
	own, is := c.(*command)
	return is && d.options.Captures && own.device == d && own.source == nil && !own.waits
}

// Capture captures launches and copies within the device.
func (d *Device) Capture(commands []device.Command) (device.Capture, error) {
	d.lock.Lock()
	defer d.lock.Unlock()
	if err := d.event("bind", ""); err != nil {
		return nil, err
	}
	r := &capture{device: d}
	for _, c := range commands {
		if !d.Captures(c) {
			return nil, fmt.Errorf("device %s: a %T can't be captured", d.name, c)
		}
		r.commands = append(r.commands, c.(*command))
	}
	return r, nil
}

// Run executes or queues the commands. If it is made to fail, none of them has run.
func (r *capture) Run() error {
	d := r.device
	d.lock.Lock()
	defer d.lock.Unlock()
	if r.freed {
		return fmt.Errorf("device %s: a capture has been freed", d.name)
	}
	if err := d.event("replay", ""); err != nil {
		return err
	}
	for _, c := range r.commands {
		if err := c.alive(); err != nil {
			return err
		}
	}
	for _, c := range r.commands {
		d.do(work{c.run, c.output}, false)
	}
	return nil
}

// Free releases the capture.
func (r *capture) Free() {
	r.device.lock.Lock()
	defer r.device.lock.Unlock()
	r.freed = true
}
