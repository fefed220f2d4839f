// Package cuda drives NVIDIA's GPUs.
//
// Two libraries are opened at run time; building needs neither a C compiler nor
// CUDA's toolkit. Without the driver (libcuda.so.1, nvcuda.dll) there is no device.
// Without NVRTC, the compiler of kernels, a device runs the kernels that are built in
// as PTX. Builds with the tag nogpu open nothing, and give that as the reason.
//
// A [Device] is a GPU's primary context with one stream. Launches and copies within
// the device are queued; a copy to the host waits for all that was queued before it.
// A copy from the host has read its source when Run returns. A copy between two GPUs
// is queued on both, each waiting for the other by an event.
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
// from the C API. Package queue tells its own failures from those of earlier work.
//
// After some failures, an access to memory that isn't there above all, CUDA lets
// the process use the device no more. Then the device is lost: every further call
// gives the cause, and freeing and closing give back what is the host's.
//
// # Handles
//
// Every handle has one owner, which releases it: the device its context, stream,
// event, modules, staging memory and graphs; a buffer its memory. Launches have
// none. A command that uses a freed buffer fails, by itself and in a capture,
// and after Close nothing is left.
package cuda
