// A block of GPU threads on one thread of a CPU: what hosts of it call, and what
// kernels compiled for it call. doc.go says how it works.

#pragma once

#ifdef __cplusplus
extern "C" {
#endif

// For hosts. A module is a shared library of compiled kernels with the emulator
// linked in; these are what it exports.

// What a parameter of a Metal kernel is bound to.
typedef struct {
    unsigned index;  // of [[buffer(index)]]
    int is_value;    // it is bytes of the constant address space by reference, else the address of a buffer
    int is_written;  // the kernel may write to the buffer: it is device memory, and not const
    unsigned alignment; // of the value, or of the buffer's elements
} emulator_binding;

typedef struct {
    const char *name;
    int parameters;        // how many
    const unsigned *sizes; // bytes of each
    void (*call)(void **); // one thread's run
    char *shared, *shared_end; // the shared memory of its module's kernels
    // Of a Metal kernel alone, NULL for CUDA's: what each parameter is bound to, in
    // the order of indices, and how much threadgroup memory it has.
    const emulator_binding *bindings;
    const unsigned *threadgroup_bytes;
} emulator_kernel;

// The kernel of a name, or NULL.
const emulator_kernel *emulator_find(const char *name);

// All kernels of the module, in an array of that many.
const emulator_kernel *const *emulator_kernels(unsigned *count);

// How a grid may be run: backwards, last block and last thread first; and with
// numbers below the normal ones taken for 0, as operands and as results.
enum { emulator_backwards = 1, emulator_flushes = 2 };

// Runs all blocks of a grid, one after the other, with pointers to the values of
// the parameters; backwards if `how` says so, which a kernel must not notice.
// NULL, or what went wrong, which stays readable until the next launch. A module
// runs one launch at a time. There is no dynamic shared memory, so shared_bytes
// must be 0.
const char *emulator_launch(const emulator_kernel *kernel, const unsigned grid[3], const unsigned block[3],
                            unsigned shared_bytes, void **parameters, int how);

// For kernels, by way of cuda.h and metal/shim.h.

typedef struct {
    unsigned x, y, z;
} emulator_index;

typedef struct {
    emulator_index thread;
    unsigned lane; // in its warp
} emulator_thread;

extern emulator_thread *emulator_current; // the thread that runs
extern emulator_index emulator_block, emulator_threads, emulator_blocks;

// Registers a kernel when its module is loaded.
void emulator_register(const emulator_kernel *kernel);

// Waits for all threads of the block, at a place in the source.
void emulator_barrier(const char *file, int line);

// What the lanes of a warp do together.
enum { emulator_from_lane, emulator_from_xor, emulator_from_above, emulator_from_below, emulator_from_all };

// Gives every lane of the caller's warp its value, and returns that of the lane
// which `how` and `by` name; the caller's own where there is none. For
// emulator_from_all it returns a bit for each lane whose value isn't 0. mask must
// name all lanes that the warp has. What lanes have written to memory before isn't
// made known to the others by it.
unsigned emulator_exchange(unsigned mask, unsigned value, int how, unsigned by, const char *file, int line);

// Waits for all lanes of the warp, which then know what the others have written.
void emulator_sync_lanes(const char *file, int line);

// Gives every lane of the caller's warp a few words, at most emulator_gathered, and
// gets those of all lanes: word i of lane l is all[l * words + i].
enum { emulator_gathered = 8 };
void emulator_gather(const unsigned *mine, unsigned words, unsigned *all, const char *file, int line);

// How many lanes the caller's warp has.
unsigned emulator_lanes(void);

// Ends the launch: what the thread has done at a place is wrong.
__attribute__((noreturn)) void emulator_refuse(const char *what, const char *file, int line);

#ifdef __cplusplus
}
#endif
