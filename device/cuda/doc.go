// Package cuda drives NVIDIA GPUs.
//
// Two libraries are opened at run time; building needs neither a C compiler nor the CUDA
// toolkit. Without the driver (libcuda.so.1, nvcuda.dll) there is no device. Without
// NVRTC, which compiles kernels, a device runs the precompiled kernels, as PTX. Builds
// with the tag nogpu open nothing, and report that as the reason.
//
// A [Device] is a GPU's primary context with one stream. Launches and copies within the
// device are queued; a copy to the host waits for everything queued before it. A copy
// from the host has read its source when Run returns. A copy between two GPUs is queued
// on both, synchronized by events.
//
// # Threads
//
// The C API has a current context per thread, and goroutines change threads. So each
// method of a device locks its goroutine to a thread and makes the context current first,
// which takes some 100 ns. Calls of a device are serialized.
//
// # Captures
//
// [Device.Capture] builds a CUDA graph of launches and copies within the device. The
// memory that each command reads and writes is known, so its node waits only for nodes
// that share memory with it; the rest may run concurrently. A freed graph is kept: if the
// next one differs only in arguments, it is updated instead of built.
//
// # Failures
//
// A failed call returns an [Error] with the names of the function and of the code in the
// C API. Package queue distinguishes its failure from that of earlier work.
//
// After some failures, mainly invalid memory accesses, CUDA no longer lets the process
// use the device. The device is then lost: every further call returns the cause, and
// freeing and closing release the host's resources.
//
// # Handles
//
// Every handle has one owner, which releases it: the device its context, stream, event,
// modules, staging memory and graphs; a buffer its memory. Launches have none. A command
// that uses a freed buffer fails, by itself and in a capture. After Close nothing is
// left.
package cuda
