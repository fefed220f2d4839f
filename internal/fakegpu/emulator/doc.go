// Package emulator runs CUDA and Metal kernels without a GPU, for tests: clang compiles a
// kernel's source as C++, and the threads of a block are fibers on one CPU thread, so
// that barriers and warp operations behave as on a GPU. Metal's threadgroups and
// simdgroups are blocks and warps here.
//
// The C++ is in the folder cpp:
//
//   - cuda.h precedes a CUDA kernel's source and implements CUDA's keywords and
//     built-ins;
//   - metal/shim.h does the same for Metal. What no header can implement, entry points
//     with attributes and threadgroup variables, is translated from the preprocessed
//     source by a program (metal/to_cpp.h);
//   - emulator.cc schedules. A fiber runs until it ends or waits: at a barrier for all
//     threads of its block, in a shuffle for all lanes of its warp. When none can run,
//     the waiting ones are checked: if all have arrived at the same source position, they
//     continue; if one has ended or waits elsewhere, that is divergence, undefined on a
//     GPU, and an error here with the kernel and the positions. Blocks and threads run
//     forwards or [Backwards], and a kernel must produce the same bits either way; shared
//     memory is full of NaN when a block begins. [Flushing] flushes subnormals, as some
//     Metal devices do;
//   - runner.cc is the process in which kernels run, so that a crash fails a test by name
//     without ending it. [Start] starts it; a [Process] has memory and runs the kernels
//     compiled by [Build].
//
// With [Undefined], memory has exactly the requested size, and any access beyond it,
// shared memory included, ends the process with a report; so does overflow and other
// undefined behaviour. With [Thread], ThreadSanitizer treats fibers as threads and
// reports accesses that no barrier orders; a shuffle orders nothing. It remembers only
// the last few accesses of each address: in blocks of more than 64 threads it may miss a
// race.
//
// [Check] replaces the checks of Metal's compiler: it compiles a source as C++ with
// address spaces, in two of clang's dialects. The translator reports what Metal lacks of
// C++, with file and line. Recursion, which Metal lacks too, isn't detected.
//
// The emulator can't show: other orders of a warp's threads than forwards and backwards;
// other orders of a matrix product's terms; a Metal barrier that orders less memory than
// needed; speed; and what the vendors' compilers make of a source.
package emulator
