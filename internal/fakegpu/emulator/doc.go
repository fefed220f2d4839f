// Package emulator runs CUDA and Metal kernels on a machine without a GPU, for tests:
// a kernel's source is compiled as C++ by clang, and the threads of a block are
// fibers of one thread of the CPU, so that barriers and what warps do together
// behave as on a GPU. Metal's threadgroups and simdgroups are blocks and warps here.
//
// The C++ is in the folder cpp:
//
//   - cuda.h, before a CUDA kernel's source, gives CUDA's keywords and built-ins a
//     meaning;
//   - metal/shim.h does so for Metal. What no header can give a meaning to, entry
//     points with their attributes and variables of threadgroups, a program makes
//     C++ of, out of the preprocessed source (metal/to_cpp.h);
//   - emulator.cc schedules. A fiber runs until it ends or waits: at a barrier for
//     all threads of its block, in a shuffle for all lanes of its warp. When none
//     can run, those that wait are looked at: if all that must come have come, to
//     one and the same place, they go on; if one has ended, or waits elsewhere,
//     that is divergence, undefined on a GPU, and an error that names the kernel
//     and the places here. Blocks and threads run forwards or [Backwards], and a
//     kernel must give the same bits either way; shared memory is full of NaN when a
//     block begins. [Flushing] is how some of Metal's devices take small numbers;
//   - runner.cc is the process in which kernels run, so that one that crashes fails
//     a test by name and doesn't end it. [Start] starts it, and a [Process] has the
//     memory and runs the kernels that [Build] has compiled.
//
// With [Undefined], memory has exactly the bytes that were asked for, and what is
// read or written beyond, shared memory included, ends the process with a report; so
// does overflow, or whatever else C++ leaves undefined. With [Thread],
// ThreadSanitizer knows every fiber as a thread and every barrier, and reports
// accesses that no barrier puts in an order: a shuffle doesn't. It remembers the last
// few accesses of each place only: in blocks of more than 64 threads it may miss a
// race.
//
// Metal's compiler isn't there, so [Check] stands for what it would say: it reads a
// source as C++ whose pointers have address spaces, by two of clang's kinds of them.
// The program that makes C++ of Metal refuses what Metal lacks of C++, by file and
// line. Recursion, which Metal lacks too, nobody finds.
//
// What the emulator can't show: another order of the threads of one warp than theirs
// by number, forwards or backwards; another order of a matrix product's terms than
// one by one; a Metal barrier that orders less memory than is needed; the time that
// anything takes, and what the vendors' compilers make of a source.
package emulator
