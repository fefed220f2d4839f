// Package cuda drives NVIDIA's GPUs.
//
// Two libraries are opened at run time, and neither a C compiler nor CUDA's
// toolkit is needed to build this package: the driver (libcuda.so.1, nvcuda.dll),
// without which there is no device, and NVRTC, the compiler of kernels
// (libnvrtc.so.13, nvrtc64_130_0.dll, … whichever there is). Without NVRTC a
// device runs the kernels that are built in as PTX. Builds with the tag
// nogpu have the package without the loading, and say so where a reason is asked
// for.
//
// A [Device] is a GPU's primary context with one stream. Launches and copies
// within the device are queued and run later; a copy to the host waits for all
// that was queued before it. A copy from the host has read its source when Run
// returns. What is queued is bounded, so a host that never looks can't run ahead
// for ever. A copy between two GPUs is queued on both, each waiting for the other
// by an event, and not for the host.
//
// # Threads
//
// The C API keeps its current context per thread, and goroutines change threads.
// So each of a device's methods keeps its goroutine on its thread while it runs,
// and makes the context current first: one call of some 100 ns, and nothing that
// could be forgotten. A device's calls take turns.
//
// # Captures
//
// [Device.Capture] makes a CUDA graph of launches and copies within the device.
// What a command reads and writes is known, so its node waits for those nodes
// only whose memory it shares, and the rest may run side by side. A graph that is
// freed is kept: if the next one differs from it in nothing but arguments, it is
// updated instead of built.
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
// After some failures, an access to memory that isn't there above all, CUDA lets
// the process use the device no more. Then the device is lost: every further call
// says since when, and freeing and closing give back what is the host's.
//
// # Handles
//
// Every handle has one owner, which releases it: the device its context, stream,
// event, modules, staging memory and graphs; a buffer its memory. Launches have
// none. A command that uses a freed buffer fails, by itself and in a capture,
// and after Close nothing is left.
package cuda
