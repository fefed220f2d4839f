package flowrun

import (
	"errors"
	"slices"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cuda"
	"github.com/flowrun/flowrun/device/metal"
	"github.com/flowrun/flowrun/device/opencl"
	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/device/trial"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/lower"
)

// drivers are what devices are opened with.
type drivers struct {
	sources *kernels.Sources
	opencl  opencl.Options
	cuda    cuda.Options
	metal   metal.Options
	sim     sim.Options
}

func newDrivers(sources *kernels.Sources, o *startOptions) drivers {
	d := drivers{
		sources: sources,
		opencl:  opencl.Options{Sources: sources, Fault: o.fault},
		cuda:    cuda.Options{Sources: sources, Fault: o.fault},
		metal:   metal.Options{Sources: sources},
		sim:     o.sim,
	}
	if o.kernels == "" { // they are made of the sources that are built in
		d.cuda.Precompiled = kernels.PTX
	}
	if o.fault != nil {
		d.metal.Fault = func(message string) bool { return o.fault(message) != 0 }
	}
	return d
}

// machine is the devices that a session runs on, the host first.
type machine struct {
	devices []device.Device
	drivers drivers
	main    int               // the default device's number, or lower.Auto
	failed  map[string]string // devices that auto chose, and why they can't be opened
}

// missingDevice is a device that can't be opened.
type missingDevice struct {
	name string
	err  error
}

func (e *missingDevice) Error() string { return e.err.Error() }
func (e *missingDevice) Unwrap() error { return e.err }

// openMachine opens the host, the default device unless that is for lowering to
// choose, and those that placement names. Preferred devices that aren't there are
// left out.
func openMachine(fallback string, rules []ir.PlacementRule, bound []string, o *startOptions) (*machine, error) {
	sources, err := startSources(o.kernels)
	if err != nil {
		return nil, err
	}
	m := &machine{main: lower.Auto, failed: map[string]string{}}
	m.drivers = newDrivers(sources, o)
	names := []string{"cpu"}
	auto := fallback == "" || fallback == "auto"
	if !auto {
		names = append(names, fallback)
	}
	names = append(names, bound...)
	for _, r := range rules {
		if r.Device != "" {
			names = append(names, r.Device)
		}
	}
	for _, name := range names {
		if err := m.add(name); err != nil {
			return nil, errors.Join(err, m.close())
		}
	}
	for _, r := range rules {
		if r.Prefer != "" {
			_ = m.add(r.Prefer) // a wish: lowering says where it wasn't met
		}
	}
	if !auto {
		m.main = m.index(fallback)
	}
	return m, nil
}

// index is the number of an open device; -1 if it isn't open.
func (m *machine) index(name string) int {
	return slices.IndexFunc(m.devices, func(d device.Device) bool { return d.Name() == name || d.Name() == name+":0" })
}

// add opens a device, unless it is open.
func (m *machine) add(name string) error {
	if m.index(name) >= 0 {
		return nil
	}
	d, err := open(name, m.drivers)
	if err != nil {
		return &missingDevice{name, err}
	}
	m.devices = append(m.devices, d)
	return nil
}

// lower lowers a graph onto the machine, and opens the devices that auto chose.
// One that can't be opened isn't offered again.
func (m *machine) lower(g *ir.Graph, o lower.Options) (*lower.Plan, error) {
	o.Targets, o.Default, o.Candidates = m.targets(), m.main, m.candidates
	for {
		plan, err := lower.Lower(g, o)
		if err != nil {
			return nil, err
		}
		for _, t := range plan.Targets[len(m.devices):] {
			if err := m.add(t.Name); err != nil {
				m.failed[t.Name] = err.Error()
			}
		}
		if len(plan.Targets) == len(m.devices) {
			m.main = plan.Main
			return plan, nil
		}
		// Lower anew onto what is open, less what failed.
		o.Targets = m.targets()
	}
}

// targets describes the open devices to lowering.
func (m *machine) targets() []lower.Target {
	var targets []lower.Target
	for _, d := range m.devices {
		targets = append(targets, target(d.Info(), isGPU(d)))
	}
	return targets
}

// candidates describes the devices that auto may choose among besides those that
// are open: GPUs. What else there is serves tests, and is never faster than the
// host.
func (m *machine) candidates() []lower.Candidate {
	var candidates []lower.Candidate
	gpus, _ := trial.Discover("cuda", cuda.Discover)
	for _, d := range gpus {
		candidates = append(candidates, lower.Candidate{Target: target(d.Info, true), Missing: m.failed[d.Name]})
	}
	apples, _ := trial.Discover("metal", metal.Discover)
	for _, d := range apples {
		candidates = append(candidates, lower.Candidate{Target: target(d.Info, true), Missing: m.failed[d.Name]})
	}
	found, _ := trial.Discover("opencl", opencl.Discover)
	for _, d := range found {
		if d.GPU {
			candidates = append(candidates, lower.Candidate{Target: target(d.Info, true), Missing: m.failed[d.Name]})
		}
	}
	return candidates
}

// isGPU tells devices that auto may choose.
func isGPU(d device.Device) bool {
	switch d := d.(type) {
	case *cuda.Device, *metal.Device:
		return true
	case *opencl.Device:
		return d.GPU()
	}
	return false
}

// target describes a device to lowering.
func target(info device.Info, offered bool) lower.Target {
	return lower.Target{Name: info.Name, Kind: info.Kind, Memory: info.Memory, Alignment: info.Alignment, Async: info.Async,
		Unified: info.Unified, Fuse: info.Compiles, Lacks: info.Lacks, Speed: lower.Speed(info.Speed), Offered: offered}
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
