// Package device is the engine's interface to devices: memory spaces, and queues of bound
// kernel launches and copies.
//
// A buffer belongs to the device that allocated it; calls with another device's buffer
// fail. Work is bound once ([Device.Bind], [BindCopy]) and run many times
// ([Command.Run]); a queue runs its commands in order. So the engine's hot loop decides
// and allocates nothing, and a device can capture the commands.
//
// The contents of a buffer are undefined until written. The package knows neither ops nor
// graphs: kernels are named by the manifest.
package device

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/flowrun/flowrun/kernels"
)

// Device is a memory space and an in-order queue of work on it.
type Device interface {
	// Name is the device's name in specs and messages: "cpu", "cuda:0".
	Name() string
	Info() Info
	// Alloc reserves memory; an error says how much was requested and how much is free.
	// Zero bytes are allowed.
	Alloc(bytes int64) (Buffer, error)
	// Bind prepares a kernel launch on fixed memory. It checks everything that can be
	// checked, so that Run fails only if the device does.
	Bind(call *Call) (Command, error)
	// BindFromHost and BindToHost prepare copies between the device's memory and the
	// host's. The host slice must live as long as the command. When Run returns, a copy
	// from the host has read it; a copy to the host is complete, as is everything queued
	// before it.
	BindFromHost(dst Slice, src []byte) (Command, error)
	BindToHost(dst []byte, src Slice) (Command, error)
	// BindWithin prepares a copy inside the device's memory.
	BindWithin(dst, src Slice) (Command, error)
	// Sync waits until all work has ended, and returns the first failure not yet
	// reported, as a *[Late].
	Sync() error
	// Close releases everything. Buffers and commands can't be used afterwards. A second
	// call does nothing.
	Close() error
}

// Info describes a device: drivers fill it in, lowering uses it to place nodes, and
// flowrun devices prints it.
type Info struct {
	Name        string `json:"name"`         // "cpu", "cuda:0"
	Kind        string `json:"kind"`         // of its driver: "cuda"
	Description string `json:"description"`  // the vendor's name of the hardware
	Memory      int64  `json:"memory_bytes"` // total; 0 if unknown
	// Missing says why the device can't be used; it is empty if it can.
	Missing string `json:"missing,omitempty"`
	// Auto says that auto may choose the device if its Speed is known.
	Auto  bool  `json:"auto"`
	Speed Speed `json:"speed,omitzero"`

	Language  string   `json:"-"` // of its kernels' sources: a folder under kernels/; empty for Go
	Alignment int64    `json:"-"` // of the slices that kernels take, in bytes, a power of two; 0 means [Alignment]
	Async     bool     `json:"-"` // it has a queue: a command may still be running when its Run returns
	Fuses     bool     `json:"-"` // it has fused kernels, as it compiles kernels when they are bound or runs their parts block by block
	Unified   bool     `json:"-"` // it shares memory with the host: its buffers are [SharedBuffer]s
	Lacks     []string `json:"-"` // dtypes that its kernels don't support: "f64"
}

// Speed is an estimate of a device's speed, by which auto decides. It is derived from
// what the driver reports, not measured, so that the same machine always decides alike.
// The zero Speed means unknown.
type Speed struct {
	Flops  float64       `json:"flops"`                // floating-point operations per second that kernels reach in f32
	Bytes  float64       `json:"bytes"`                // bytes per second that kernels read and write
	Launch time.Duration `json:"launch_ns"`            // from the start of one small kernel to the start of the next
	Link   float64       `json:"link_bytes,omitempty"` // bytes per second between its memory and the host's; 0 for the host

	// Threads reach Flops together if there are several. A kernel is split among as many of
	// them as work for at least the time of Part on it.
	Threads int           `json:"threads,omitempty"`
	Part    time.Duration `json:"part_ns,omitempty"`
}

// Options are the options for opening a device.
type Options struct {
	// Sources are the kernels' sources; nil means the built-in ones.
	Sources *kernels.Sources
	// Threads is how many threads share a kernel on the CPU; 0 means as many as Go uses.
	Threads int
	// Fault, for tests, is called with the function's name before each call of the
	// driver's library. A result other than 0 replaces the call and becomes its error
	// code.
	Fault func(function string) (code int32)
}

// Buffer is a block of a device's memory.
type Buffer interface {
	Device() Device
	Bytes() int64
	// Free releases the memory; a second call does nothing, even if the first failed.
	Free() error
}

// HostBuffer is a buffer that the host can address: the CPU's own, and those of
// devices that share its memory.
type HostBuffer interface {
	Buffer
	// Host returns the memory; nil once freed.
	Host() []byte
}

// SharedBuffer is a buffer of a device with a queue, in memory shared with the host. The
// host may read it when no queued work writes it, and write it when no queued work uses
// it, such as after [Device.Sync].
type SharedBuffer interface {
	Buffer
	// Shared returns the memory; nil once freed.
	Shared() []byte
}

// Viewer is the host as a device: it can wrap another device's memory.
type Viewer interface {
	Device
	// View returns a buffer of this device in another device's memory. Freeing either
	// frees both.
	View(SharedBuffer) HostBuffer
}

// Slice is a part of a buffer.
type Slice struct {
	Buffer        Buffer
	Offset, Bytes int64
}

// Check returns an error if the slice lies outside its buffer or on another device.
func (s Slice) Check(d Device) error {
	switch {
	case s.Buffer == nil:
		return errors.New("device: no buffer")
	case s.Buffer.Device() != d:
		return fmt.Errorf("device: %s was handed memory of %s", d.Name(), s.Buffer.Device().Name())
	case s.Offset < 0 || s.Bytes < 0 || s.Offset > s.Buffer.Bytes()-s.Bytes:
		return fmt.Errorf("device: bytes %d to %d are outside a buffer of %d", s.Offset, s.Offset+s.Bytes, s.Buffer.Bytes())
	}
	return nil
}

// Host returns the slice's memory; nil if it is freed or the host can't address it.
func (s Slice) Host() []byte {
	if b, ok := s.Buffer.(HostBuffer); ok {
		if memory := b.Host(); memory != nil {
			return memory[s.Offset : s.Offset+s.Bytes]
		}
	}
	return nil
}

// Call is a kernel launch: a manifest entry and its arguments.
type Call struct {
	Kernel  *kernels.Kernel
	Buffers []Arg // inputs, then the output, in the manifest's order
	Scalars []any // in the manifest's order, typed as kernels.ScalarTypes says; see Kernel.EvalScalars
}

// Arg is a typed tensor argument.
type Arg struct {
	Slice Slice
	DType string // "f32"
	Shape []int
}

// Command is bound work. Run queues it on its device; without a queue the work is
// complete when Run returns. A command that failed may be run again.
type Command interface {
	Run() error
}

// CommandFunc makes a function a Command.
type CommandFunc func() error

// Run calls f.
func (f CommandFunc) Run() error { return f() }

// Capturer is a device that can combine many commands into one, at the cost of one.
type Capturer interface {
	Device
	// Captures reports whether a command can be part of a capture: it belongs to this
	// device, and doesn't involve the host.
	Captures(Command) bool
	// Capture captures commands, in this order, without running them. Captures must be
	// true for all of them.
	Capture([]Command) (Capture, error)
}

// Capture is a captured sequence of commands. Running it has the same result as running
// them in order, bit for bit. If Run fails with anything but a *[Late], none of them has
// run.
type Capture interface {
	Command
	// Free releases the capture, but not the commands in it. Queued work still runs. A
	// second call does nothing.
	Free()
}

// Peer is a device that can copy from some other devices without the host.
type Peer interface {
	Device
	// BindFromPeer prepares a copy from another device's memory. The command is nil,
	// without an error, if that device can't be reached.
	BindFromPeer(dst, src Slice) (Command, error)
}

// Late is the failure of work that was queued earlier and hadn't reported yet. Any later
// call on the device may return it instead of its own error. The outputs of that work and
// of everything queued after it are undefined: nothing computed on the device since the
// last call that waited for it (Sync, or a copy to the host) can be trusted.
type Late struct {
	Device string
	Work   []string // kernels and copies that were queued, each name once
	Err    error
}

// Error names the device and what may have failed.
func (e *Late) Error() string {
	const most = 8
	work := e.Work
	more := ""
	if len(work) > most {
		more = fmt.Sprintf(" and %d more", len(work)-most)
		work = work[:most]
	}
	among := "the work that was queued"
	if len(work) > 0 {
		among = fmt.Sprintf("one of %s%s", strings.Join(work, ", "), more)
	}
	return fmt.Sprintf("device %s: %s has failed: %v", e.Device, among, e.Err)
}

// Unwrap returns the device's own error.
func (e *Late) Unwrap() error { return e.Err }

// Distinct lists each name once, in the order of first appearance.
func Distinct(lists ...[]string) (once []string) {
	for _, name := range slices.Concat(lists...) {
		if !slices.Contains(once, name) {
			once = append(once, name)
		}
	}
	return once
}

// Alignment is the alignment of host memory that drivers allocate: a cache line, and the
// widest vector register.
const Alignment = 64

// HostMemory returns aligned, zeroed host memory. The caller has checked that enough is
// available.
func HostMemory(bytes int64) []byte {
	raw := make([]byte, bytes+Alignment-1)
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(raw))) % Alignment
	return raw[skip : int64(skip)+bytes : int64(skip)+bytes]
}

// Budget accounts for a device's memory.
type Budget struct {
	Limit int64 // bytes; 0 means none
	InUse int64
	Peak  int64 // the most in use at one time
	Live  int   // buffers not freed
}

// Take accounts for a new buffer, or says why it doesn't fit.
func (b *Budget) Take(device string, bytes int64) error {
	if bytes < 0 {
		return fmt.Errorf("device %s: a buffer can't have %d bytes", device, bytes)
	}
	if b.Limit > 0 && bytes > b.Limit-b.InUse {
		return fmt.Errorf("device %s: out of memory: %d bytes requested, %d of %d free",
			device, bytes, b.Limit-b.InUse, b.Limit)
	}
	b.InUse += bytes
	b.Peak = max(b.Peak, b.InUse)
	b.Live++
	return nil
}

// Give accounts for a freed buffer.
func (b *Budget) Give(bytes int64) {
	b.InUse -= bytes
	b.Live--
}
