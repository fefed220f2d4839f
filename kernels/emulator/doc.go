// Package emulator runs CUDA kernels on a machine without a GPU, for tests: a
// kernel's source is compiled as C++ by clang, and the threads of a block are
// fibers of one thread of the CPU, so that barriers and what warps do together
// behave as on a GPU.
//
// The C++ is in the folder cpp, in three parts:
//
//   - cuda.h, before a kernel's source, gives CUDA's keywords and built-ins a
//     meaning;
//   - emulator.cc schedules. A fiber runs until it ends or waits: at a barrier for
//     all threads of its block, in a shuffle for all lanes of its warp. When none
//     can run, those that wait are looked at: if all that must come have come, to
//     one and the same place, they go on; if one has ended, or waits elsewhere,
//     that is divergence, undefined on a GPU, and an error that names the kernel
//     and the places here. Blocks and threads run forwards or backwards, and a
//     kernel must give the same bits either way; shared memory is full of NaN when a
//     block begins;
//   - runner.cc is the process in which kernels run, so that one that crashes fails
//     a test by name and doesn't end it. [Start] starts it, and a [Process] has the
//     memory and runs the kernels that [Build] has compiled.
//
// With [Address], AddressSanitizer watches: memory has exactly the bytes that
// were asked for, and what is read or written beyond, shared memory included,
// ends the process with a report. With [Thread], ThreadSanitizer knows every
// fiber as a thread and every barrier, and reports accesses that no barrier puts
// in an order. It remembers the last few accesses of each place only: in blocks of
// more than 64 threads it may miss a race.
//
// What it can't show: another order of the threads of one warp than theirs by
// number, forwards or backwards, the time that anything takes, and what NVIDIA's
// compiler makes of a source.
package emulator
