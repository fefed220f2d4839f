// Package opencl drives OpenCL devices: GPUs, and CPUs through PoCL.
//
// The vendor-neutral loader (libOpenCL.so.1, OpenCL.framework, OpenCL.dll) is
// opened at run time; no C compiler and no header is needed to build this
// package, and a machine without the loader gets a reason, not an error. Builds
// with the tag nogpu, and those for systems whose libraries can't be opened so,
// have the package without the loading, and give that as the reason.
//
// A [Device] is one context with one in-order queue. Launches and copies within
// the device are queued and run later; a copy to the host waits for all that
// was queued before it. A copy from the host has read its source when Run
// returns. What is queued is bounded, so a host that never looks can't run ahead
// for ever. The C API may be called from any thread and calls nothing back, so no
// thread is locked; a device's calls take turns.
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
// to the device must wait for the last kernel that reads what it overwrites, and the
// kernels that come next in the plan read what it brings; a copy to the host is
// waited for by the host, which queues nothing meanwhile. So the copies of a second
// queue would have to wait for the first one and it for them, at each, and little
// could overlap that staging doesn't already. Two values in turn would change that;
// the engine doesn't have them, as docs/architecture.md says.
//
// # Failures
//
// A call that fails gives an [Error] with the function's and the code's names
// from the C API. Work that fails on the device can't tell the call that queued
// it: it is a [device.Late], given by the next call that notices, with the names
// of what was queued since the device was last known to be well. When a call
// fails while work is queued, the driver waits for that work first: if the wait
// succeeds, the failure is the call's own, and nothing before it is in doubt.
//
// # Handles
//
// Every handle has one owner, which releases it: the device its context, queue
// and programs; a buffer its memory, the parts of it that launches use, and
// those launches' kernels. So a freed buffer leaves no launch that could touch
// it, and after Close nothing is left.
package opencl
