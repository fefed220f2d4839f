package opencl

import (
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/internal/calls"
	"github.com/flowrun/flowrun/kernels"
)

// launch is a kernel with its arguments and work size.
type launch struct {
	device        *Device
	names         []string // its one name
	kernel        handle   // 0 once a buffer that it uses has been freed
	global, local [3]uintptr
	arguments     [9]uintptr // of clEnqueueNDRangeKernel
}

// Bind prepares a kernel launch, and builds the kernel if necessary.
func (d *Device) Bind(call *device.Call) (device.Command, error) {
	if err := call.Check(d); err != nil {
		return nil, err
	}
	d.lock.Lock()
	defer d.lock.Unlock()
	if err := d.usable(); err != nil {
		return nil, err
	}
	launches, err := d.bind(call)
	if err != nil {
		for _, l := range launches {
			l.release()
		}
		return nil, fmt.Errorf("device %s: kernel %s: %w", d.Name(), call.Kernel.Name, err)
	}
	for _, arg := range call.Buffers {
		b := arg.Slice.Buffer.(*buffer)
		b.launches = append(b.launches, launches...)
	}
	return calls.Command(launches), nil
}

// bind prepares a call's launches. With an error it returns those made so far.
func (d *Device) bind(call *device.Call) ([]*launch, error) {
	for _, arg := range call.Buffers {
		if slices.Contains(d.info.Lacks, arg.DType) {
			return nil, fmt.Errorf("the device doesn't compute in f64 (it has no cl_khr_fp64)")
		}
		if _, err := d.own(arg.Slice); err != nil {
			return nil, err
		}
	}
	k := call.Kernel
	p, err := d.program(k, k.Defines(call.DTypes()))
	if err != nil {
		return nil, err
	}
	return calls.Launches(call, k, p.group, func(part kernels.Launch) (*launch, error) { return d.launch(call, p, part) })
}

// launch prepares one launch of a call.
func (d *Device) launch(call *device.Call, p *program, part kernels.Launch) (*launch, error) {
	k := call.Kernel
	if n := len(part.Inputs) + 1 + len(part.Args); n != p.parameters {
		return nil, fmt.Errorf("%s has %d parameters in its source, but %d in the manifest", k.Entry(), p.parameters, n)
	}
	kernel, err := d.kernel(p, k.Entry())
	if err != nil {
		return nil, err
	}
	l := &launch{device: d, names: []string{k.Name}, kernel: kernel}
	if err := l.set(call, part); err != nil {
		l.release()
		return nil, err
	}
	return l, nil
}

// release releases the kernel after a failure, which is the error to report.
func (l *launch) release() { _ = l.device.cl.release(clReleaseKernel, &l.kernel) }

// set sets the kernel's arguments and the work size.
func (l *launch) set(call *device.Call, part kernels.Launch) error {
	d, k := l.device, call.Kernel
	at := 0
	set := func(what string, bytes uintptr, value unsafe.Pointer) error {
		err := d.cl.call(clSetKernelArg, uintptr(l.kernel), uintptr(at), bytes, uintptr(value))
		at++
		if err != nil {
			return fmt.Errorf("parameter %d of %s (%s): %w", at, k.Entry(), what, err)
		}
		return nil
	}
	for _, slice := range calls.Slices(call, part) {
		mem, err := slice.Buffer.(*buffer).part(slice)
		if err == nil {
			err = set("a buffer", unsafe.Sizeof(mem), unsafe.Pointer(&mem))
		}
		if err != nil {
			return err
		}
	}
	for _, value := range part.Args {
		if err := set(fmt.Sprintf("%d bytes", len(value)), uintptr(len(value)), unsafe.Pointer(&value[0])); err != nil {
			return err
		}
	}
	return l.size(part)
}

// size sets the work size, and prepares the arguments of clEnqueueNDRangeKernel.
func (l *launch) size(part kernels.Launch) error {
	dims := len(part.Global)
	if dims < 1 || dims > 3 || len(part.Local) != dims {
		return fmt.Errorf("%v work-items in groups of %v can't be launched", part.Global, part.Local)
	}
	for i := range dims {
		l.global[i], l.local[i] = uintptr(part.Global[i]), uintptr(part.Local[i])
	}
	l.arguments = [9]uintptr{uintptr(l.device.queue), uintptr(l.kernel), uintptr(dims), 0,
		uintptr(unsafe.Pointer(&l.global)), uintptr(unsafe.Pointer(&l.local)), 0, 0, 0}
	return nil
}

// Run queues the kernel.
func (l *launch) Run() error {
	d := l.device
	d.lock.Lock()
	defer d.lock.Unlock()
	if l.kernel == 0 {
		if err := d.usable(); err != nil {
			return err
		}
		return calls.Freed(d, "kernel "+l.names[0])
	}
	if err := d.queued.Note(l.names); err != nil {
		return err
	}
	err := d.cl.call(clEnqueueNDRangeKernel, l.arguments[:]...)
	runtime.KeepAlive(l) // its arguments point to its sizes
	if err != nil {
		return d.queued.Failed("kernel "+l.names[0], err)
	}
	return nil
}
