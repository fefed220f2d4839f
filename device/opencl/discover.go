package opencl

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/flowrun/flowrun/device"
)

// properties are what a driver reports about a device.
type properties struct {
	device.Info
	platform string // the driver's own name: "NVIDIA CUDA"
	version  string // the platform's: "OpenCL 3.0 CUDA 13.0.84"
	driver   string // the driver's version
	vendor   string
	id       handle
	shared   bool // it shares the host's memory
	maxAlloc int64
	maxGroup int
	options  string // for every program
}

// Discover lists the machine's OpenCL devices: GPUs, then accelerators, then CPUs, each
// in the loader's order. missing says why there is none.
func Discover() (devices []device.Info, missing string) {
	l, err := load()
	if err != nil {
		return nil, err.Error()
	}
	found, missing := l.discover()
	for _, p := range found {
		devices = append(devices, p.Info)
	}
	return devices, missing
}

// asking serializes discovery: some drivers (PoCL) list no devices to a thread that asks
// while another is the first to do so.
var asking sync.Mutex

func (l *library) discover() (devices []properties, missing string) {
	asking.Lock()
	defer asking.Unlock()
	platforms, err := l.list(func(n uint32, to *handle, count *uint32) error {
		return l.call(clGetPlatformIDs, uintptr(n), uintptr(unsafe.Pointer(to)), uintptr(unsafe.Pointer(count)))
	})
	switch {
	case is(err, platformNotFound) || err == nil && len(platforms) == 0:
		return nil, l.name + " is installed, but no driver is registered with it"
	case err != nil:
		return nil, fmt.Sprintf("%s can't list platforms: %v", l.name, err)
	}
	ranks := map[handle]int{}
	var reasons []string
	for _, p := range platforms {
		found, reason := l.platform(p, ranks)
		devices = append(devices, found...)
		reasons = append(reasons, reason...)
	}
	slices.SortStableFunc(devices, func(a, b properties) int { return ranks[a.id] - ranks[b.id] })
	for i := range devices {
		devices[i].Name = fmt.Sprintf("opencl:%d", i)
	}
	if len(devices) == 0 {
		return nil, fmt.Sprintf("%s is installed, but has no usable device: %s", l.name, strings.Join(reasons, "; "))
	}
	return devices, ""
}

// platform lists a platform's devices, and the reasons why others can't be used.
func (l *library) platform(p handle, ranks map[handle]int) (devices []properties, reasons []string) {
	name, err := l.text(clGetPlatformInfo, platformName, p)
	if err != nil {
		return nil, []string{err.Error()}
	}
	version, err := l.text(clGetPlatformInfo, platformVersion, p)
	if err != nil {
		return nil, []string{fmt.Sprintf("%s: %v", name, err)}
	}
	ids, err := l.list(func(n uint32, to *handle, count *uint32) error {
		return l.call(clGetDeviceIDs, uintptr(p), deviceTypeAll, uintptr(n), uintptr(unsafe.Pointer(to)), uintptr(unsafe.Pointer(count)))
	})
	if is(err, deviceNotFound) || err == nil && len(ids) == 0 {
		return nil, []string{name + " has none"}
	}
	if err != nil {
		return nil, []string{fmt.Sprintf("%s: %v", name, err)}
	}
	for _, id := range ids {
		info := properties{platform: name, version: version, id: id}
		rank, err := l.describe(&info)
		if err != nil {
			reasons = append(reasons, fmt.Sprintf("%s: %v", name, err))
			continue
		}
		ranks[id] = rank
		devices = append(devices, info)
	}
	return devices, reasons
}

// list queries the number of handles, then the handles.
func (l *library) list(get func(n uint32, to *handle, count *uint32) error) ([]handle, error) {
	var n uint32
	if err := get(0, nil, &n); err != nil || n == 0 {
		return nil, err
	}
	all := make([]handle, n)
	return all, get(n, &all[0], nil)
}

// describe fills in a device's properties, and returns its rank in Discover's order. The
// error says why it can't be used.
func (l *library) describe(info *properties) (rank int, err error) {
	var failed error
	number := func(property uintptr) uint64 {
		n, err := l.number(clGetDeviceInfo, property, info.id)
		failed = cmp.Or(failed, err)
		return n
	}
	text := func(property uintptr) string {
		s, err := l.text(clGetDeviceInfo, property, info.id)
		failed = cmp.Or(failed, err)
		return s
	}
	name := strings.TrimSpace(text(deviceName))
	info.Kind, info.Language, info.Async, info.Fuses = "opencl", "opencl", true, true
	info.vendor, info.driver = text(deviceVendor), text(driverVersion)
	info.Memory = int64(min(number(deviceGlobalMemSize), 1<<62))
	info.Alignment = int64(number(deviceMemBaseAddrAlign) / 8)
	kind, available := number(deviceType), number(deviceAvailable)
	units, clock := number(deviceMaxComputeUnits), number(deviceMaxClockFrequency)
	info.shared = number(deviceHostUnifiedMemory) != 0
	info.maxAlloc = int64(min(number(deviceMaxMemAllocSize), 1<<62))
	info.maxGroup = int(min(number(deviceMaxWorkGroupSize), 1<<20))
	info.options = "-cl-std=CL1.2"
	if number(deviceSingleFPConfig)&fpCorrectlyRoundedDivideSqrt != 0 {
		info.options += " -cl-fp32-correctly-rounded-divide-sqrt"
	}
	extensions := text(deviceExtensions)
	compiler, little := number(deviceCompilerAvailable), number(deviceEndianLittle)
	version := text(deviceVersion)
	switch {
	case failed != nil:
		return 0, failed
	case available == 0:
		return 0, fmt.Errorf("%s is not available", name)
	case compiler == 0:
		return 0, fmt.Errorf("%s has no compiler for kernels", name)
	case little == 0:
		return 0, fmt.Errorf("%s is big-endian", name)
	case strings.HasPrefix(version, "OpenCL 1.0") || strings.HasPrefix(version, "OpenCL 1.1"):
		return 0, fmt.Errorf("%s has %s; 1.2 is needed", name, version)
	}
	info.Auto = kind&deviceTypeGPU != 0
	if !strings.Contains(" "+extensions+" ", " cl_khr_fp64 ") {
		info.Lacks = []string{"f64"}
	}
	info.Speed = speed(info.Auto, units, clock, info.shared)
	sort, rank := "a CPU", 2
	switch {
	case info.Auto:
		sort, rank = "a GPU", 0
	case kind&deviceTypeCPU == 0:
		sort, rank = "an accelerator", 1
	}
	info.Description = fmt.Sprintf("%s, %s (%s, driver %s)", name, sort, info.platform, info.driver)
	return rank, nil
}

// Open opens a device by its number in Discover's list.
func Open(index int, o device.Options) (*Device, error) {
	l, err := load()
	if err != nil {
		return nil, fmt.Errorf("there is no device opencl:%d: %w", index, err)
	}
	if o.Fault != nil {
		l = l.faulty(func(f function) int32 { return o.Fault(f.String()) })
	}
	return l.start(index, o)
}

func (l *library) start(index int, o device.Options) (*Device, error) {
	devices, missing := l.discover()
	switch {
	case missing != "":
		return nil, fmt.Errorf("there is no device opencl:%d: %w", index, errors.New(missing))
	case index < 0 || index >= len(devices):
		return nil, fmt.Errorf("there is no device opencl:%d: the last is %s", index, devices[len(devices)-1].Name)
	}
	return l.begin(devices[index], o)
}

// speed guesses a device's speed from its compute units, its clock in MHz and whether it
// shares the host's memory. OpenCL reports neither the lanes of a unit (64 on AMD's GPUs,
// 128 on NVIDIA's newer ones) nor the memory bandwidth, so the figures are those of slow
// GPUs: a tenth of the arithmetic of 64 lanes; 100 GB/s and half of PCIe 3.0 with its own
// memory; 20 GB/s if shared. Anything but a GPU is assumed to be as fast as the kernels
// in Go (true for PoCL on two cores).
func speed(gpu bool, units, megahertz uint64, shared bool) device.Speed {
	const lanes, multiplyAndAdd, reached = 64, 2, 0.1
	s := device.Speed{Flops: 5e9, Bytes: 10e9, Launch: 5 * time.Microsecond, Link: 10e9}
	if gpu {
		s.Flops, s.Bytes = float64(units)*float64(megahertz)*1e6*lanes*multiplyAndAdd*reached, 20e9
		if !shared {
			s.Bytes, s.Link = 100e9, 6e9
		}
	}
	return s
}
