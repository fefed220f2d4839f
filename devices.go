package flowrun

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cpu"
	"github.com/flowrun/flowrun/device/opencl"
	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/lower"
)

// DeviceReport says of a device that it is there, or of a kind of devices why
// none is.
type DeviceReport struct {
	Name        string `json:"name"` // "cpu", "sim:0"
	Kind        string `json:"kind"`
	Description string `json:"description"`
	Memory      int64  `json:"memory_bytes"`      // 0 if unknown
	Missing     string `json:"missing,omitempty"` // why it isn't there; "" if it is
}

// Devices looks for the machine's devices.
func Devices() []DeviceReport {
	host := cpu.New("cpu")
	defer host.Close()
	info := host.Info()
	reports := []DeviceReport{
		{Name: "cpu", Kind: "cpu", Description: info.Description, Memory: info.Memory},
		{Name: "sim:0", Kind: "sim", Description: "an address space of its own inside this process, to try out placement without a GPU; any number: sim:0, sim:1, …"},
	}
	found, missing := opencl.Discover()
	for _, d := range found {
		reports = append(reports, DeviceReport{Name: d.Name, Kind: d.Kind, Description: d.Description, Memory: d.Memory})
	}
	if missing != "" {
		reports = append(reports, DeviceReport{Name: "opencl", Kind: "opencl", Missing: missing})
	}
	for _, kind := range []string{"cuda", "metal"} {
		reports = append(reports, DeviceReport{Name: kind, Kind: kind,
			Missing: "this version of flowrun has no driver for it"})
	}
	return reports
}

// KernelsFrom puts a folder over the kernels' sources that are built in, as
// --kernels does: a file opencl/NAME.cl in it replaces the one of that name. The
// kernels in Go, for cpu and sim, are part of the program and stay.
func KernelsFrom(dir string) StartOption { return func(o *startOptions) { o.kernels = dir } }

// open opens a device by name: "cpu", "sim", "sim:1", "opencl:0".
func open(name string, sources *kernels.Sources) (device.Device, error) {
	kind, number, numbered := strings.Cut(name, ":")
	if numbered && !isNumber(number) {
		return nil, fmt.Errorf("there is no device %q: after the colon stands its number, as in %s:0", name, kind)
	}
	switch kind {
	case "cpu":
		if numbered && number != "0" {
			return nil, fmt.Errorf("there is no device %q: the CPU is one device, cpu", name)
		}
		return cpu.New("cpu"), nil
	case "sim":
		if !numbered {
			name = "sim:0"
		}
		return sim.New(name, sim.Options{}), nil
	case "opencl":
		index, _ := strconv.Atoi(number) // none is 0
		d, err := opencl.Open(index, opencl.Options{Sources: sources})
		if err != nil {
			return nil, err
		}
		return d, nil
	case "cuda", "metal":
		return nil, fmt.Errorf("there is no device %q: this version of flowrun has no driver for %s; the devices are cpu, sim:N and opencl:N", name, kind)
	}
	return nil, fmt.Errorf("there is no device %q: the devices are cpu, sim:N and opencl:N (flowrun devices lists them)", name)
}

func isNumber(s string) bool {
	return s != "" && len(s) < 4 && strings.Trim(s, "0123456789") == "" && (s == "0" || s[0] != '0')
}

// machine is the devices that a session runs on, the host first.
type machine struct {
	devices  []device.Device
	fallback int // the default device's space
}

// missingDevice is a device that can't be opened.
type missingDevice struct {
	name string
	err  error
}

func (e *missingDevice) Error() string { return e.err.Error() }
func (e *missingDevice) Unwrap() error { return e.err }

// openMachine opens the host, the default device and those that placement
// names. Preferred devices that aren't there are left out.
func openMachine(fallback string, rules []lower.Rule, bound []string, overlay string) (*machine, error) {
	if fallback == "" || fallback == "auto" {
		// The fastest for small models, whose launches on a GPU take longer than
		// their work. Large ones ask for the GPU until lowering can tell.
		fallback = "cpu"
	}
	sources := kernels.Embedded()
	if overlay != "" {
		var err error
		if sources, err = kernels.Overlay(overlay); err != nil {
			return nil, err
		}
	}
	m := &machine{}
	add := func(name string) error {
		if slices.ContainsFunc(m.devices, func(d device.Device) bool { return d.Name() == name || d.Name() == name+":0" }) {
			return nil
		}
		d, err := open(name, sources)
		if err != nil {
			return &missingDevice{name, err}
		}
		m.devices = append(m.devices, d)
		return nil
	}
	names := append([]string{"cpu", fallback}, bound...)
	for _, r := range rules {
		if r.Device != "" {
			names = append(names, r.Device)
		}
	}
	for _, name := range names {
		if err := add(name); err != nil {
			m.close()
			return nil, err
		}
	}
	for _, r := range rules {
		if r.Prefer != "" {
			_ = add(r.Prefer) // a wish: lowering says where it wasn't met
		}
	}
	m.fallback = slices.IndexFunc(m.devices, func(d device.Device) bool {
		return d.Name() == fallback || d.Name() == fallback+":0"
	})
	return m, nil
}

func (m *machine) close() error {
	var first error
	for _, d := range m.devices {
		if err := d.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// targets describes the devices to lowering.
func (m *machine) targets() []lower.Target {
	var targets []lower.Target
	for _, d := range m.devices {
		info := d.Info()
		targets = append(targets, lower.Target{Name: d.Name(), Kind: info.Kind, Memory: info.Memory, Alignment: info.Alignment, Async: info.Async})
	}
	return targets
}
