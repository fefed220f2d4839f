// A block of GPU threads on one CPU thread: the interface for hosts and for compiled
// kernels. See doc.go.

#pragma once

#ifdef __cplusplus
extern "C" {
#endif

// For hosts. A module is a shared library of compiled kernels, linked with the emulator;
// it exports these functions.

// What a parameter of a Metal kernel is bound to.
typedef struct {
    unsigned index;  // of [[buffer(index)]]
    int is_value;    // bytes in constant memory, by reference; otherwise the address of a buffer
    int is_written;  // the kernel may write to the buffer: it is device memory, and not const
    unsigned alignment; // of the value, or of the buffer's elements
} emulator_binding;

typedef struct {
    const char *name;
    int parameters;        // how many
    const unsigned *sizes; // bytes of each
    void (*call)(void **); // one thread's run
    char *shared, *shared_end; // the shared memory of its module's kernels
    // For Metal kernels only, otherwise NULL: the binding of each parameter in the order
    // of indices, and the size of the threadgroup memory.
    const emulator_binding *bindings;
    const unsigned *threadgroup_bytes;
} emulator_kernel;

// The kernel with that name, or NULL.
const emulator_kernel *emulator_find(const char *name);

// All kernels of the module, in an array of that length.
const emulator_kernel *const *emulator_kernels(unsigned *count);

// How to run a grid: backwards (last block and last thread first), or with subnormal
// operands and results flushed to 0.
enum { emulator_backwards = 1, emulator_flushes = 2 };

// Runs all blocks of a grid, one after the other, with pointers to the parameters'
// values. Returns NULL or an error, which is valid until the next launch. A module runs
// one launch at a time. Dynamic shared memory is not supported, so shared_bytes must be
// 0.
const char *emulator_launch(const emulator_kernel *kernel, const unsigned grid[3], const unsigned block[3],
                            unsigned shared_bytes, void **parameters, int how);

// For kernels, through cuda.h and metal/shim.h.

typedef struct {
    unsigned x, y, z;
} emulator_index;

typedef struct {
    emulator_index thread;
    unsigned lane; // within its warp
} emulator_thread;

extern emulator_thread *emulator_current; // the running thread
extern emulator_index emulator_block, emulator_threads, emulator_blocks;

// Registers a kernel when its module is loaded.
void emulator_register(const emulator_kernel *kernel);

// Waits for all threads of the block, at a source position.
void emulator_barrier(const char *file, int line);

// Operations of a warp.
enum { emulator_from_lane, emulator_from_xor, emulator_from_above, emulator_from_below, emulator_from_all };

// Passes a value to all lanes of the caller's warp, and returns the value of the lane
// that `how` and `by` specify, or the caller's own if there is no such lane. For
// emulator_from_all it returns a bit for each lane whose value isn't 0. mask must include
// all lanes of the warp. It doesn't order memory accesses.
unsigned emulator_exchange(unsigned mask, unsigned value, int how, unsigned by, const char *file, int line);

// Waits for all lanes of the warp, and orders their memory accesses.
void emulator_sync_lanes(const char *file, int line);

// Passes a few words, at most emulator_gathered, to all lanes of the caller's warp, and
// returns those of all lanes: word i of lane l is all[l * words + i].
enum { emulator_gathered = 8 };
void emulator_gather(const unsigned *mine, unsigned words, unsigned *all, const char *file, int line);

// The number of lanes in the caller's warp.
unsigned emulator_lanes(void);

// Ends the launch with an error at a source position.
__attribute__((noreturn)) void emulator_refuse(const char *what, const char *file, int line);

#ifdef __cplusplus
}
#endif
