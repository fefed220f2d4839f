// Package opencl drives OpenCL devices: GPUs, and CPUs through PoCL.
//
// The vendor-neutral loader (libOpenCL.so.1, OpenCL.framework, OpenCL.dll) is
// opened at run time; building needs no C compiler and no header. Builds with the
// tag nogpu, and those for systems whose libraries can't be opened so, open nothing,
// and give that as the reason.
//
// A [Device] is one context with one in-order queue. Launches and copies within
// the device are queued; a copy to the host waits for all that was queued before it.
// A copy from the host has read its source when Run returns. The C API may be called
// from any thread and calls nothing back, so no thread is locked; a device's calls
// take turns.
//
// # Copies
//
// A copy from the host goes through staging memory, which is pinned where the device
// has memory of its own, and is queued from there: the host needn't wait for the
// kernels before it, and goes on while the device fetches. Copies too large for
// that, and those to the host, are one blocking call, which on a device that shares
// the host's memory is a memcpy.
//
// Buffers aren't a [device.HostBuffer], even where the device shares the host's
// memory: the host would read what kernels that are still queued are about to
// write, and the API lets it touch a buffer only between a map and an unmap, while
// no kernel may. That way is two calls for one: on PoCL 16 µs instead of 9 for up to
// 64 KiB, as long for 1 MiB, a fifth less for 16 MiB.
//
// There is no second queue for copies. A plan's values have one place each: a copy
// to the device waits for the last kernel that reads what it overwrites, and the next
// kernels read what it brings; the host waits for a copy to it. So the two queues
// would wait for each other at each copy, and little could overlap that staging
// doesn't already.
//
// # Failures
//
// A call that fails gives an [Error] with the function's and the code's names
// from the C API. Package queue tells its own failures from those of earlier work.
//
// # Handles
//
// Every handle has one owner, which releases it: the device its context, queue
// and programs; a buffer its memory, the parts of it that launches use, and
// those launches' kernels. So a freed buffer leaves no launch that could touch
// it, and after Close nothing is left.
package opencl
