// Package opencl drives OpenCL devices: GPUs, and CPUs through PoCL.
//
// The vendor-neutral loader (libOpenCL.so.1, OpenCL.framework, OpenCL.dll) is opened at
// run time; building needs no C compiler and no header. With the tag nogpu, and on
// unsupported systems, nothing is opened, and that is reported as the reason.
//
// A [Device] is one context with one in-order queue. Launches and copies within the
// device are queued; a copy to the host waits for everything queued before it. A copy
// from the host has read its source when Run returns. The C API is thread-safe and has no
// callbacks here, so no goroutine is locked to a thread. Calls of a device are
// serialized.
//
// # Copies
//
// A copy from the host is queued from staging memory, which is pinned if the device has
// its own memory: the host needn't wait for earlier kernels, and continues while the
// device reads. Copies too large for that, and copies to the host, are one blocking call,
// which is a memcpy on a device that shares the host's memory.
//
// Buffers aren't a [device.HostBuffer], even if the device shares the host's memory: the
// host would read what queued kernels are about to write, and the API allows access only
// between map and unmap, while no kernel may. Mapping takes two calls instead of one: on
// PoCL 16 µs instead of 9 for up to 64 KiB, the same for 1 MiB, 20 % less for 16 MiB.
//
// There is no second queue for copies. Each value of a plan has fixed memory: a copy to
// the device waits for the last kernel that reads what it overwrites, and the next
// kernels read its result; the host waits for a copy to it. So two queues would wait for
// each other at each copy, and overlap little that staging doesn't already.
//
// # Failures
//
// A failed call returns an [Error] with the names of the function and of the code in the
// C API. Package queue distinguishes its failure from that of earlier work.
//
// # Handles
//
// Every handle has one owner, which releases it: the device its context, queue and
// programs; a buffer its memory, the sub-buffers that launches use, and those launches'
// kernels. So a freed buffer leaves no launch that could access it. After Close nothing
// is left.
package opencl
