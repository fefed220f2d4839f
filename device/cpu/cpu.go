// Package cpu drives the host: its memory, and the kernels in Go.
//
// Work is complete when Run returns, so Sync never waits. Buffers are host memory,
// aligned to cache lines. Everything about a launch is checked when it is bound; Run
// checks and allocates nothing.
package cpu

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/flowrun/flowrun/device"
	all "github.com/flowrun/flowrun/kernels"
	kernels "github.com/flowrun/flowrun/kernels/cpu"
	"github.com/flowrun/flowrun/kernels/cpu/asm"
)

// Device is the host's processor and memory.
type Device struct {
	info    device.Info
	threads int // that share a kernel; 0: GOMAXPROCS

	lock   sync.Mutex
	budget device.Budget
	closed bool
}

// Discover returns the host.
func Discover() (devices []device.Info, missing string) {
	return []device.Info{New("cpu").Info()}, ""
}

// Open returns the host, the only device of its kind. It is an error if the environment
// asks for instructions that it lacks.
func Open(index int, o device.Options) (*Device, error) {
	if asm.Err != nil {
		return nil, asm.Err
	}
	if index != 0 {
		return nil, fmt.Errorf("there is no device cpu:%d: the CPU is one device, cpu", index)
	}
	d := New("cpu")
	d.threads = o.Threads
	d.info.Speed = speed(o.Threads)
	return d, nil
}

// New returns the host as a device with that name, limited to the machine's memory.
func New(name string) *Device {
	total := totalMemory()
	limit := total
	if limit <= 0 {
		limit = fallbackLimit
	}
	return &Device{info: device.Info{Name: name, Kind: "cpu", Memory: total, Auto: true, Speed: speed(0), Fuses: true},
		budget: device.Budget{Limit: min(limit, math.MaxInt-device.Alignment)}}
}

// speed is that of the kernels if up to so many threads share one, or as many as Go uses if
// that is 0.
func speed(threads int) device.Speed {
	s := ofACore[asm.Chosen]
	s.Launch = 30 * time.Nanosecond
	most := runtime.GOMAXPROCS(0)
	if threads > 0 {
		most = min(most, threads)
	}
	if most > 1 && asm.Chosen != asm.Go { // matrix products in Go aren't split
		s.Flops *= float64(most)
		s.Threads, s.Part = most, kernels.PartCost
	}
	return s
}

// ofACore is what one core of a processor of about 2020 reaches (BenchmarkMatmul and
// BenchmarkElementwise in package kernels/cpu): a 512×512 matmul, and kernels that pass over
// a million elements, which aren't split. A launch is that of a kernel over 16 elements with
// the engine's part in it.
var ofACore = map[asm.Set]device.Speed{
	asm.Go:     {Flops: 5e9, Bytes: 10e9},
	asm.AVX2:   {Flops: 80e9, Bytes: 20e9},
	asm.AVX512: {Flops: 150e9, Bytes: 20e9},
}

// fallbackLimit is the memory limit if the machine's memory is unknown.
const fallbackLimit = 1 << 40

// Name returns the name passed to New.
func (d *Device) Name() string { return d.info.Name }

// Info describes the processor, and says which instruction set the kernels use, as their
// bits depend on it.
func (d *Device) Info() device.Info {
	info := d.info
	info.Description = processor() + ", kernels in " + instructions[asm.Chosen]
	return info
}

var instructions = map[asm.Set]string{asm.Go: "Go", asm.AVX2: "AVX2", asm.AVX512: "AVX-512"}

// Usage reports the memory in use.
func (d *Device) Usage() device.Budget {
	d.lock.Lock()
	defer d.lock.Unlock()
	return d.budget
}

// Alloc reserves zeroed host memory.
func (d *Device) Alloc(bytes int64) (device.Buffer, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	d.lock.Lock()
	defer d.lock.Unlock()
	if err := d.budget.Take(d.Name(), bytes); err != nil {
		return nil, err
	}
	return &buffer{device: d, memory: device.HostMemory(bytes), bytes: bytes}, nil
}

// View returns a buffer in memory that another device shares with the host.
func (d *Device) View(of device.SharedBuffer) device.HostBuffer { return &view{d, of} }

// Bind prepares a kernel launch.
func (d *Device) Bind(call *device.Call) (device.Command, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	if err := call.Check(d); err != nil {
		return nil, err
	}
	run, err := BindKernel(call, device.Slice.Host, d.threads)
	if err != nil {
		return nil, fmt.Errorf("device %s: %w", d.Name(), err)
	}
	return launch(run), nil
}

// BindKernel binds a checked call to the kernel's Go function, for devices whose memory
// this process can address. memory returns a slice's bytes, or nil if they have been
// freed. Up to so many threads share the kernel, or as many as Go uses if that is 0.
func BindKernel(call *device.Call, memory func(device.Slice) []byte, threads int) (run func(), err error) {
	buffers := make([]kernels.Buffer, len(call.Buffers))
	for i, b := range call.Buffers {
		bytes := memory(b.Slice)
		if bytes == nil {
			return nil, fmt.Errorf("kernel %s: buffer %d has been freed", call.Kernel.Name, i)
		}
		buffers[i] = kernels.Buffer{Data: bytes, DType: b.DType, Shape: b.Shape}
	}
	last := len(buffers) - 1
	if recipe := call.Kernel.Fused(); recipe != nil {
		return bindFused(recipe, buffers[:last], buffers[last], call.Scalars)
	}
	kernel := kernels.Lookup(call.Kernel.Name)
	if kernel == nil {
		return nil, fmt.Errorf("there is no kernel %s", call.Kernel.Name)
	}
	return kernel(kernels.Args{Inputs: buffers[:last], Output: buffers[last], Scalars: call.Scalars, Threads: threads})
}

// bindFused binds a fused kernel. Its scalars are those of its parts, one after the
// other, and then the shape that a reduction is over.
func bindFused(recipe *all.Recipe, inputs []kernels.Buffer, output kernels.Buffer, scalars []any) (run func(), err error) {
	f := kernels.Fused{Inputs: inputs, Output: output, Reduced: recipe.Reduced}
	for _, p := range recipe.Parts {
		count := len(p.Kernel.Scalars)
		part := kernels.Part{Kernel: p.Kernel.Name, DType: p.DType, Scalars: scalars[:count]}
		scalars = scalars[count:]
		for _, o := range p.Operands {
			part.Operands = append(part.Operands, kernels.Operand(o))
		}
		f.Parts = append(f.Parts, part)
	}
	return f.Bind()
}

// launch is a bound kernel.
type launch func()

// Run runs the kernel.
func (l launch) Run() error {
	l()
	return nil
}

// transfer is a bound copy.
type transfer struct{ dst, src []byte }

// Run copies.
func (t *transfer) Run() error {
	copy(t.dst, t.src)
	return nil
}

// BindFromHost prepares a copy into the device's memory.
func (d *Device) BindFromHost(dst device.Slice, src []byte) (device.Command, error) {
	memory, err := d.memory(dst, len(src))
	if err != nil {
		return nil, err
	}
	return &transfer{memory, src}, nil
}

// BindToHost prepares a copy out of the device's memory.
func (d *Device) BindToHost(dst []byte, src device.Slice) (device.Command, error) {
	memory, err := d.memory(src, len(dst))
	if err != nil {
		return nil, err
	}
	return &transfer{dst, memory}, nil
}

// BindWithin prepares a copy inside the device's memory.
func (d *Device) BindWithin(dst, src device.Slice) (device.Command, error) {
	from, err := d.memory(src, int(dst.Bytes))
	if err != nil {
		return nil, err
	}
	return d.BindFromHost(dst, from)
}

// memory returns the memory of one side of a copy of that many bytes.
func (d *Device) memory(s device.Slice, bytes int) ([]byte, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	if err := s.CheckCopy(d, int64(bytes)); err != nil {
		return nil, err
	}
	memory := s.Host()
	if memory == nil {
		return nil, fmt.Errorf("device %s: the memory has been freed", d.Name())
	}
	return memory, nil
}

// usable returns an error if the device is closed.
func (d *Device) usable() error {
	d.lock.Lock()
	defer d.lock.Unlock()
	if d.closed {
		return fmt.Errorf("device %s: is closed", d.Name())
	}
	return nil
}

// Sync doesn't wait: work is complete when Run returns.
func (d *Device) Sync() error { return d.usable() }

// Close makes later allocations and bindings fail. Bound commands keep their memory alive
// and can still run: Run may take only nanoseconds, so it checks nothing.
func (d *Device) Close() error {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.closed = true
	return nil
}

// buffer is a block of host memory.
type buffer struct {
	device *Device
	memory []byte // nil once freed; guarded by the device's lock
	bytes  int64
}

func (b *buffer) Device() device.Device { return b.device }
func (b *buffer) Bytes() int64          { return b.bytes }

// Host returns the memory; nil once freed.
func (b *buffer) Host() []byte {
	b.device.lock.Lock()
	defer b.device.lock.Unlock()
	return b.memory
}

// Free releases the memory. Commands bound to it keep it alive.
func (b *buffer) Free() error {
	b.device.lock.Lock()
	defer b.device.lock.Unlock()
	if b.memory != nil {
		b.memory = nil
		b.device.budget.Give(b.bytes)
	}
	return nil
}

// view is another device's memory as a host buffer.
type view struct {
	device *Device
	of     device.SharedBuffer
}

func (v *view) Device() device.Device { return v.device }
func (v *view) Bytes() int64          { return v.of.Bytes() }
func (v *view) Host() []byte          { return v.of.Shared() }
func (v *view) Free() error           { return v.of.Free() }

// processor is the host's processor as named by /proc/cpuinfo, or else its architecture.
var processor = sync.OnceValue(func() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
})

// totalMemory returns the memory of the machine, or of the container that the program
// runs in, in bytes; 0 if unknown.
func totalMemory() int64 {
	total := machineMemory()
	if text, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		if limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && (total == 0 || limit < total) {
			total = limit
		}
	}
	return total
}
