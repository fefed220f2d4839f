package flowrun

import (
	"errors"
	"slices"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/registry"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/lower"
)

// DeviceInfo describes a device, or says of a kind of device why there is none.
type DeviceInfo = device.Info

// Devices looks for the machine's devices. Each driver is tried in a process of its
// own first, however that went before: one that crashes is missing, and Missing says
// how it ended.
func Devices() []DeviceInfo {
	all := registry.Devices(true)
	for i := range all { // auto decides by estimates
		all[i].Auto = all[i].Auto && all[i].Speed != device.Speed{}
	}
	return all
}

// machine is the devices that a session runs on, the host first.
type machine struct {
	devices []device.Device
	options registry.Options
	main    int               // the default device's number, or lower.Auto
	failed  map[string]string // devices that auto chose, and why they can't be opened
}

// missingDevice is a device that can't be opened.
type missingDevice struct {
	origin diag.Range // what requires it; unknown if that isn't the spec
	err    error
}

func (e *missingDevice) Error() string { return e.err.Error() }
func (e *missingDevice) Unwrap() error { return e.err }

// openMachine opens the host, the default device unless that is for lowering to
// choose, and those that placement names. Preferred devices that aren't there are
// left out.
func openMachine(fallback string, rules, pinned []ir.PlacementRule, o *startOptions) (*machine, error) {
	m := &machine{main: lower.Auto, options: o.devices, failed: map[string]string{}}
	if o.kernels != "" {
		sources, err := checkedOverlay(o.kernels)
		if err != nil {
			return nil, err
		}
		m.options.Sources = sources
	}
	required := []ir.PlacementRule{{Device: "cpu"}}
	auto := fallback == "" || fallback == "auto"
	if !auto {
		required = append(required, ir.PlacementRule{Device: fallback})
	}
	for _, r := range slices.Concat(required, pinned, rules) {
		if r.Device == "" {
			continue
		}
		if err := m.add(r.Device); err != nil {
			return nil, errors.Join(&missingDevice{r.Origin, err}, m.close())
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
	d, err := registry.Open(name, m.options)
	if err != nil {
		return err
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
		// Lower again, onto the devices that could be opened.
		o.Targets = m.targets()
	}
}

// targets describes the open devices to lowering.
func (m *machine) targets() []lower.Target {
	var targets []lower.Target
	for _, d := range m.devices {
		targets = append(targets, d.Info())
	}
	return targets
}

// candidates are the devices that auto may choose besides those that are open. One
// that failed to open is missing.
func (m *machine) candidates() (candidates []lower.Target) {
	for _, info := range registry.Devices(false) {
		if info.Auto && m.index(info.Name) < 0 {
			info.Missing = m.failed[info.Name]
			candidates = append(candidates, info)
		}
	}
	return candidates
}

func (m *machine) close() error {
	var err error
	for _, d := range m.devices {
		err = errors.Join(err, d.Close())
	}
	return err
}

// checkedOverlay gives the kernels' sources with a folder of the user's over them. They
// are checked at every start, as far as that can be done without compiling them.
func checkedOverlay(folder string) (*kernels.Sources, error) {
	sources, err := kernels.Overlay(folder)
	if err != nil {
		return nil, err
	}
	m, err := kernels.Load()
	if err != nil {
		return nil, err
	}
	return sources, m.CheckOverlay(sources)
}
