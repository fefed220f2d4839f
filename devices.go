package flowrun

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cpu"
	"github.com/flowrun/flowrun/device/cuda"
	"github.com/flowrun/flowrun/device/metal"
	"github.com/flowrun/flowrun/device/opencl"
	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/device/trial"
	"github.com/flowrun/flowrun/kernels"
)

// DeviceReport says of a device that it is there, or of a kind of devices why
// none is.
type DeviceReport struct {
	Name        string `json:"name"` // "cpu", "sim:0"
	Kind        string `json:"kind"`
	Description string `json:"description"`
	Memory      int64  `json:"memory_bytes"`      // 0 if unknown
	Missing     string `json:"missing,omitempty"` // why it isn't there; "" if it is
	// Auto says that auto may choose it. Estimates are made with Speed; one that
	// isn't known is nil.
	Auto  bool         `json:"auto"`
	Speed *DeviceSpeed `json:"speed,omitempty"`
}

// DeviceSpeed is about how fast a device is, from what its driver says and what
// is known of its kind; nothing of it is measured.
type DeviceSpeed struct {
	Flops  float64       `json:"flops"`                // operations a second that kernels reach in f32
	Bytes  float64       `json:"bytes"`                // bytes a second that kernels read and write
	Launch time.Duration `json:"launch_ns"`            // from the start of one small kernel to that of the next
	Link   float64       `json:"link_bytes,omitempty"` // bytes a second between its memory and the host's
}

// speedOf gives a device's speed, nil if it isn't known.
func speedOf(info device.Info) *DeviceSpeed {
	if info.Speed == (device.Speed{}) {
		return nil
	}
	s := DeviceSpeed(info.Speed)
	return &s
}

// Devices looks for the machine's devices. Each driver is asked in a process of its own
// first, whatever is remembered of it: one that dies of it is missing, and its report
// says how it died.
func Devices() []DeviceReport {
	for _, kind := range []string{"cuda", "metal", "opencl"} {
		_ = trial.Anew(kind) // what came of it is asked for below
	}
	host := cpu.New("cpu")
	defer host.Close()
	info := host.Info()
	reports := []DeviceReport{
		{Name: "cpu", Kind: "cpu", Description: info.Description, Memory: info.Memory, Auto: true, Speed: speedOf(info)},
		{Name: "sim:0", Kind: "sim", Description: "an address space of its own inside this process, to try out placement without a GPU; any number: sim:0, sim:1, …"},
	}
	gpus, missing := trial.Discover("cuda", cuda.Discover)
	for _, d := range gpus {
		reports = append(reports, DeviceReport{Name: d.Name, Kind: d.Kind, Description: d.Description, Memory: d.Memory, Auto: true, Speed: speedOf(d.Info)})
	}
	if missing != "" {
		reports = append(reports, DeviceReport{Name: "cuda", Kind: "cuda", Missing: missing})
	}
	apples, missing := trial.Discover("metal", metal.Discover)
	for _, d := range apples {
		reports = append(reports, DeviceReport{Name: d.Name, Kind: d.Kind, Description: d.Description, Memory: d.Memory, Auto: d.Speed != device.Speed{}, Speed: speedOf(d.Info)})
	}
	if missing != "" {
		reports = append(reports, DeviceReport{Name: "metal", Kind: "metal", Missing: missing})
	}
	found, missing := trial.Discover("opencl", opencl.Discover)
	for _, d := range found {
		reports = append(reports, DeviceReport{Name: d.Name, Kind: d.Kind, Description: d.Description, Memory: d.Memory, Auto: d.GPU, Speed: speedOf(d.Info)})
	}
	if missing != "" {
		reports = append(reports, DeviceReport{Name: "opencl", Kind: "opencl", Missing: missing})
	}
	return reports
}

// startSources gives the sources of a run. Those of the user's are checked at every
// start, as far as that can be done without compiling them.
func startSources(overlay string) (*kernels.Sources, error) {
	sources, err := kernels.Overlay(overlay)
	if err != nil || overlay == "" {
		return sources, err
	}
	m, err := kernels.Load()
	if err != nil {
		return nil, err
	}
	return sources, m.CheckOverlay(sources)
}

// open opens a device by name: "cpu", "sim", "sim:1", "cuda:0", "metal:0",
// "opencl:0".
func open(name string, with drivers) (device.Device, error) {
	kind, number, numbered := strings.Cut(name, ":")
	if numbered && !isNumber(number) {
		return nil, fmt.Errorf("there is no device %q: after the colon stands its number, as in %s:0", name, kind)
	}
	switch kind {
	case "cuda", "metal", "opencl":
		if err := trial.Passed(kind); err != nil {
			return nil, fmt.Errorf("there is no device %s: %w (flowrun devices asks it anew)", name, err)
		}
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
		return sim.New(name, with.sim), nil
	case "opencl":
		index, _ := strconv.Atoi(number) // none is 0
		d, err := opencl.Open(index, with.opencl)
		if err != nil {
			return nil, err
		}
		return d, nil
	case "cuda":
		index, _ := strconv.Atoi(number) // none is 0
		d, err := cuda.Open(index, with.cuda)
		if err != nil {
			return nil, err
		}
		return d, nil
	case "metal":
		index, _ := strconv.Atoi(number) // none is 0
		d, err := metal.Open(index, with.metal)
		if err != nil {
			return nil, err
		}
		return d, nil
	}
	return nil, fmt.Errorf("there is no device %q: the devices are cpu, sim:N, cuda:N, metal:N and opencl:N (flowrun devices lists them)", name)
}

func isNumber(s string) bool {
	return s != "" && len(s) < 4 && strings.Trim(s, "0123456789") == "" && (s == "0" || s[0] != '0')
}
