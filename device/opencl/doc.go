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
