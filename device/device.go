// Package device is what the engine knows of a machine's devices: memory
// spaces, and queues of bound kernel launches and copies.
//
// A device owns its memory: a buffer belongs to the device that allocated it,
// and every call that is handed another device's buffer fails. Work is bound
// once ([Device.Bind], [BindCopy]) and run many times ([Command.Run]); a queue
// runs its commands in order. So the engine's hot loop makes no decisions and
// no garbage, and a device can record what it is handed.
//
// Buffers' contents are undefined until written. The package knows no op and no
// graph: kernels are named by the manifest.
package device

import (
	"errors"
	"fmt"
	"time"

	"github.com/flowrun/flowrun/kernels"
)

// Device is a memory space and an in-order queue of work on it.
type Device interface {
	// Name is how specs and messages call it: "cpu", "cuda:0".
	Name() string
	Info() Info
	// Alloc reserves memory; an error says how much was asked for and how much
	// there is. Zero bytes are fine.
	Alloc(bytes int64) (Buffer, error)
	// Bind prepares a kernel launch on fixed memory. It checks everything that
	// can be checked, so that Run can only fail for the device's own reasons.
	Bind(call *Call) (Command, error)
	// BindFromHost and BindToHost prepare copies between the device's memory
	// and the host's. The host slice must live as long as the command. A copy
	// to the host has happened when Run returns.
	BindFromHost(dst Slice, src []byte) (Command, error)
	BindToHost(dst []byte, src Slice) (Command, error)
	// BindWithin prepares a copy inside the device's memory.
	BindWithin(dst, src Slice) (Command, error)
	// Sync waits until all work has ended, and gives the first error of work
	// that had not reported yet: a *[Late].
	Sync() error
	// Close gives everything back. Buffers and commands are dead afterwards.
	Close() error
}

// Info says what a device is.
type Info struct {
	Name        string // "cpu"
	Kind        string // "cpu", "sim", "opencl", "cuda", "metal": names the kernels' language too
	Description string // the hardware, as its maker calls it
	Memory      int64  // bytes of memory in all; 0 if unknown
	Alignment   int64  // of the slices that kernels take, in bytes; 0 means [Alignment]
	Async       bool   // it has a queue: a command may still be at work when its Run returns
	Compiles    bool   // it compiles kernels when they are bound, those too that lowering makes
	Unified     bool   // its buffers lie in memory that the host has too: they are [SharedBuffer]s
	// Lacks names the dtypes that kernels can't have there: "f64".
	Lacks []string
	Speed Speed
}

// Speed is about how fast a device is, from what its driver says and what is
// known of its kind: it decides where auto runs a program. Nothing of it is
// timed, so that the same machine decides alike every time. The zero Speed is an
// unknown one, and auto doesn't choose the device.
type Speed struct {
	Flops  float64       // floating-point operations a second that kernels reach in f32
	Bytes  float64       // bytes a second that kernels read and write
	Launch time.Duration // from the start of one small kernel to that of the next
	Link   float64       // bytes a second between its memory and the host's; 0 for the host
}

// Buffer is a piece of a device's memory.
type Buffer interface {
	Device() Device
	Bytes() int64
	// Free gives the memory back; a second call does nothing, whether the first has
	// failed or not.
	Free() error
}

// HostBuffer is a buffer that the host can address: the CPU's own, and those of
// devices that share its memory.
type HostBuffer interface {
	Buffer
	// Host is the memory itself; nil once it has been freed.
	Host() []byte
}

// SharedBuffer is a buffer of a device with a queue in memory that the host has
// too. The host may read it when no queued work writes it, and write it when no
// queued work uses it: after [Device.Sync], that is.
type SharedBuffer interface {
	Buffer
	// Shared is the memory itself; nil once it has been freed.
	Shared() []byte
}

// Viewer is the host as a device: it can have another device's memory as its own.
type Viewer interface {
	Device
	// View gives a buffer of this device in the memory of another one's. Freeing
	// either frees both.
	View(SharedBuffer) HostBuffer
}

// Slice is a part of a buffer.
type Slice struct {
	Buffer        Buffer
	Offset, Bytes int64
}

// Check reports a slice that lies outside of its buffer or on another device.
func (s Slice) Check(d Device) error {
	switch {
	case s.Buffer == nil:
		return errors.New("device: no buffer")
	case s.Buffer.Device() != d:
		return fmt.Errorf("device: %s was handed memory of %s", d.Name(), s.Buffer.Device().Name())
	case s.Offset < 0 || s.Bytes < 0 || s.Offset > s.Buffer.Bytes()-s.Bytes:
		return fmt.Errorf("device: bytes %d to %d are outside of a buffer of %d", s.Offset, s.Offset+s.Bytes, s.Buffer.Bytes())
	}
	return nil
}

// Host gives the slice's memory if the host can address it, else nil; nil too
// if it has been freed.
func (s Slice) Host() []byte {
	b, ok := s.Buffer.(HostBuffer)
	if !ok {
		return nil
	}
	memory := b.Host()
	if memory == nil {
		return nil
	}
	return memory[s.Offset : s.Offset+s.Bytes]
}

// Call is a kernel launch: a manifest entry, and an argument for each of its
// buffers and scalars.
type Call struct {
	Kernel  *kernels.Kernel
	Buffers []Arg // inputs, then the output, in the manifest's order
	Scalars []any // in the manifest's order, typed as kernels.ScalarTypes tells; see Kernel.EvalScalars
}

// Arg is a typed tensor argument.
type Arg struct {
	Slice Slice
	DType string // "f32"
	Shape []int
}

// Command is bound work. Run puts it on its device's queue; on a device without
// a queue it has been done when Run returns. A command that failed may be run
// again.
type Command interface {
	Run() error
}

// CommandFunc is a function as a Command.
type CommandFunc func() error

// Run calls f.
func (f CommandFunc) Run() error { return f() }
