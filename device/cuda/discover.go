package cuda

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/flowrun/flowrun/device"
)

// properties are what the driver reports about a GPU.
type properties struct {
	device.Info
	capability int    // its architecture: 90 means 9.0
	driver     string // the newest CUDA that the driver supports: "CUDA 13.0"
	compiler   string // "NVRTC 13.0"; "" if there is none
	noCompiler string // why there is none

	id            handle
	maxBlock      int
	maxGrid       [3]int
	pools         bool  // supports stream-ordered allocation from pools
	architectures []int // those that NVRTC compiles for, in ascending order
}

// Discover lists the machine's GPUs in the driver's order, or says why there is none.
func Discover() (devices []device.Info, missing string) {
	l, err := load()
	if err != nil {
		return nil, err.Error()
	}
	return l.discover()
}

func (l *library) discover() (devices []device.Info, missing string) {
	count, common, err := l.survey()
	if err != nil {
		return nil, err.Error()
	}
	var reasons []string
	for i := range count {
		info := common
		if err := l.describe(&info, i); err != nil {
			reasons = append(reasons, err.Error())
			continue
		}
		devices = append(devices, info.Info)
	}
	if len(devices) == 0 {
		return nil, fmt.Sprintf("%s is installed, but has no usable device: %s", l.name, strings.Join(reasons, "; "))
	}
	return devices, ""
}

// survey counts the devices, and returns their common properties.
func (l *library) survey() (count int, common properties, err error) {
	var n, version int32
	if err = l.call(cuDeviceGetCount, uintptr(unsafe.Pointer(&n))); err == nil {
		err = l.call(cuDriverGetVersion, uintptr(unsafe.Pointer(&version)))
	}
	switch {
	case err != nil && !is(err, errorNoDevice):
		return 0, common, fmt.Errorf("%s can't list devices: %w", l.name, err)
	case n <= 0:
		return 0, common, errors.New(l.name + " is installed, but there is no device")
	}
	common.driver = fmt.Sprintf("CUDA %d.%d", version/1000, version%1000/10)
	if err := l.describeCompiler(&common); err != nil {
		common.compiler, common.noCompiler = "", err.Error()
	}
	return int(n), common, nil
}

// describeCompiler fills in the properties of NVRTC.
func (l *library) describeCompiler(info *properties) error {
	if l.compiler == "" {
		return fmt.Errorf("no NVRTC was found: %s", l.missing)
	}
	var major, minor, count int32
	if err := l.call(nvrtcVersion, uintptr(unsafe.Pointer(&major)), uintptr(unsafe.Pointer(&minor))); err != nil {
		return err
	}
	if err := l.call(nvrtcGetNumSupportedArchs, uintptr(unsafe.Pointer(&count))); err != nil {
		return err
	}
	if count <= 0 {
		return fmt.Errorf("%s compiles for no architecture", l.compiler)
	}
	known := make([]int32, count)
	if err := l.call(nvrtcGetSupportedArchs, uintptr(unsafe.Pointer(&known[0]))); err != nil {
		return err
	}
	for _, a := range known {
		info.architectures = append(info.architectures, int(a))
	}
	info.compiler = fmt.Sprintf("NVRTC %d.%d", major, minor)
	return nil
}

// describe fills in a device's properties. The error says why it can't be used.
func (l *library) describe(info *properties, index int) error {
	info.Name, info.Kind, info.Language = fmt.Sprintf("cuda:%d", index), "cuda", "cuda"
	info.Auto, info.Alignment, info.Async = true, alignment, true
	if err := l.ask(info, index); err != nil {
		return fmt.Errorf("%s: %w", info.Name, err)
	}
	if len(info.architectures) > 0 && info.architectures[0] > info.capability {
		info.noCompiler = fmt.Sprintf("%s compiles for compute capability %.1f and newer", info.compiler, float64(info.architectures[0])/10)
		info.compiler = ""
	}
	compiler := info.compiler
	info.Fuses = compiler != ""
	if !info.Fuses {
		compiler = "no compiler of kernels (" + info.noCompiler + "), so only those that are built in"
	}
	info.Description = fmt.Sprintf("%s, compute capability %.1f (driver for %s, %s)", info.Description, float64(info.capability)/10, info.driver, compiler)
	return nil
}

// ask asks the driver for a device's properties.
func (l *library) ask(info *properties, index int) error {
	var id int32
	if err := l.call(cuDeviceGet, uintptr(unsafe.Pointer(&id)), uintptr(index)); err != nil {
		return err
	}
	info.id = handle(id)
	name := make([]byte, 256)
	if err := l.call(cuDeviceGetName, uintptr(unsafe.Pointer(&name[0])), uintptr(len(name)), uintptr(id)); err != nil {
		return err
	}
	info.Description, _, _ = strings.Cut(string(name), "\x00")
	var memory uintptr
	if err := l.call(cuDeviceTotalMem, uintptr(unsafe.Pointer(&memory)), uintptr(id)); err != nil {
		return err
	}
	info.Memory = int64(memory)
	var major, minor, mode, pools, processors, clock, integrated, memoryClock, bus int
	for _, a := range []struct {
		attribute int
		value     *int
	}{
		{deviceCapabilityMajor, &major}, {deviceCapabilityMinor, &minor}, {deviceComputeMode, &mode}, {deviceMemoryPools, &pools},
		{deviceProcessors, &processors}, {deviceClock, &clock}, {deviceIntegrated, &integrated}, {deviceMemoryClock, &memoryClock}, {deviceMemoryBus, &bus},
		{deviceMaxBlock, &info.maxBlock}, {deviceMaxGridX, &info.maxGrid[0]}, {deviceMaxGridX + 1, &info.maxGrid[1]}, {deviceMaxGridX + 2, &info.maxGrid[2]},
	} {
		var err error
		if *a.value, err = l.number(cuDeviceGetAttribute, a.attribute, info.id); err != nil {
			return err
		}
	}
	if mode == computeModeProhibited {
		return errors.New("its compute mode is \"prohibited\", which nvidia-smi -c changes")
	}
	info.capability, info.pools = 10*major+minor, pools != 0
	info.Speed = speed(processors, clock, memoryClock, bus, integrated != 0)
	return nil
}

// speed estimates a GPU's speed from its multiprocessors, its clocks in kHz and its
// memory bus in bits. It assumes that kernels reach a third of the arithmetic of 128
// lanes per multiprocessor, 70 % of the bandwidth of double-data-rate memory, 1 µs per
// small kernel in a capture, and half of PCIe 4.0 to the host unless the GPU is
// integrated. If the driver doesn't report a value, the speed is unknown.
func speed(processors, clock, memoryClock, bus int, integrated bool) device.Speed {
	const lanes, multiplyAndAdd, edges, reachedFlops, reachedBytes = 128, 2, 2, 0.33, 0.7
	if processors <= 0 || clock <= 0 || memoryClock <= 0 || bus <= 0 {
		return device.Speed{}
	}
	s := device.Speed{
		Flops:  float64(processors) * float64(clock) * 1e3 * lanes * multiplyAndAdd * reachedFlops,
		Bytes:  float64(memoryClock) * 1e3 * edges * float64(bus) / 8 * reachedBytes,
		Launch: time.Microsecond,
		Link:   12e9,
	}
	if integrated {
		s.Link = s.Bytes
	}
	return s
}

// alignment of the slices that kernels take: a memory transaction.
const alignment = 256

// Open opens a GPU by its number.
func Open(index int, o device.Options) (*Device, error) {
	l, err := load()
	if err != nil {
		return nil, fmt.Errorf("there is no device cuda:%d: %w", index, err)
	}
	if o.Fault != nil {
		l = l.faulty(func(f function) int32 { return o.Fault(f.String()) })
	}
	return l.start(index, o)
}

// faulty returns a copy of the library with its own faults and handle counts.
func (l *library) faulty(fault func(function) int32) *library {
	return &library{name: l.name, compiler: l.compiler, missing: l.missing, address: l.address,
		live: make([]atomic.Int64, len(functions)), fault: fault}
}

func (l *library) start(index int, o device.Options) (*Device, error) {
	none := func(err error) error { return fmt.Errorf("there is no device cuda:%d: %w", index, err) }
	count, info, err := l.survey()
	if err != nil {
		return nil, none(err)
	}
	if index < 0 || index >= count {
		return nil, none(fmt.Errorf("the last is cuda:%d", count-1))
	}
	if err := l.describe(&info, index); err != nil {
		return nil, none(err)
	}
	return l.begin(info, o)
}
