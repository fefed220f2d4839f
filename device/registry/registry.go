// Package registry is the table of drivers: how the devices of each kind are discovered
// and opened. A new driver is one row (docs/add-a-device.md).
package registry

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cpu"
	"github.com/flowrun/flowrun/device/cuda"
	"github.com/flowrun/flowrun/device/metal"
	"github.com/flowrun/flowrun/device/opencl"
	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/device/trial"
)

// Driver is a row of the table.
type Driver struct {
	// Kind is the prefix of the devices' names: "cuda" in "cuda:0".
	Kind string
	// Discover lists the machine's devices. If there is none, missing says what was
	// looked for, and the result.
	Discover func() (found []device.Info, missing string)
	// Open opens a device by its number in Discover's list.
	Open func(index int, o Options) (device.Device, error)
	// Trial says how to try the vendor's library in another process first; nil if there
	// is none.
	Trial *trial.Driver
}

// Options are the options for opening a device.
type Options struct {
	device.Options
	Sim sim.Options // of simulated devices, for tests
}

// drivers is the table, in the order in which flowrun devices lists them.
var drivers = []Driver{
	{Kind: "cpu", Discover: cpu.Discover, Open: opening(cpu.Open)},
	{Kind: "sim", Discover: sim.Discover, Open: openSim},
	{Kind: "cuda", Discover: cuda.Discover, Open: opening(cuda.Open), Trial: &trial.Driver{Libraries: cuda.Libraries}},
	{Kind: "metal", Discover: metal.Discover, Open: opening(metal.Open), Trial: &trial.Driver{Libraries: metal.Libraries}},
	{Kind: "opencl", Discover: opencl.Discover, Open: opening(opencl.Open),
		Trial: &trial.Driver{Libraries: opencl.Libraries, Reads: opencl.Reads, Plugins: opencl.Plugins, Only: opencl.Only}},
}

// A process started for a trial ends here.
func init() {
	trial.Serve(func(kind string) bool {
		d := find(kind)
		if d != nil {
			d.Discover()
		}
		return d != nil
	})
}

// opening adapts a driver's function to the table.
func opening[D device.Device](open func(int, device.Options) (D, error)) func(int, Options) (device.Device, error) {
	return func(index int, o Options) (device.Device, error) {
		d, err := open(index, o.Options)
		if err != nil {
			return nil, err // not a nil D in an interface
		}
		return d, nil
	}
}

func openSim(index int, o Options) (device.Device, error) {
	return sim.New(fmt.Sprintf("sim:%d", index), o.Sim), nil
}

// Kinds lists the kinds of devices, in the table's order.
func Kinds() []string {
	var kinds []string
	for _, d := range drivers {
		kinds = append(kinds, d.Kind)
	}
	return kinds
}

func find(kind string) *Driver {
	for i := range drivers {
		if drivers[i].Kind == kind {
			return &drivers[i]
		}
	}
	return nil
}

// passed returns nil if the driver's library may be opened in this process.
func (d *Driver) passed(retry bool) error {
	if d.Trial == nil {
		return nil
	}
	return d.Trial.Passed(d.Kind, retry)
}

// Devices lists the devices of this machine, and for each kind without any the reason. A
// driver is tried once per process, unless retry ignores earlier results.
func Devices(retry bool) []device.Info {
	var all []device.Info
	for i := range drivers {
		d := &drivers[i]
		if err := d.passed(retry); err != nil {
			all = append(all, device.Info{Name: d.Kind, Kind: d.Kind, Missing: err.Error()})
			continue
		}
		found, missing := d.Discover()
		if missing != "" {
			found = append(found, device.Info{Name: d.Kind, Kind: d.Kind, Missing: missing})
		}
		all = append(all, found...)
	}
	return all
}

// Open opens a device by name: "cpu", "sim", "sim:1", "cuda:0".
func Open(name string, o Options) (device.Device, error) {
	kind, number, numbered := strings.Cut(name, ":")
	index := 0
	if numbered {
		var err error
		if index, err = strconv.Atoi(number); err != nil || strconv.Itoa(index) != number || index < 0 || index > 999 {
			return nil, fmt.Errorf("there is no device %q: the colon must be followed by a number, as in %s:0", name, kind)
		}
	}
	d := find(kind)
	if d == nil {
		kinds := Kinds()
		last := len(kinds) - 1
		return nil, fmt.Errorf("there is no device %q: the kinds of devices are %s and %s (flowrun devices lists the available devices)",
			name, strings.Join(kinds[:last], ", "), kinds[last])
	}
	if err := d.passed(false); err != nil {
		return nil, fmt.Errorf("there is no device %s: %w (flowrun devices tries again)", name, err)
	}
	return d.Open(index, o)
}
