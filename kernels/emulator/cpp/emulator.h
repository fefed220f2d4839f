// A block of GPU threads on one thread of a CPU: what hosts of it call, and what
// kernels compiled for it call. doc.go says how it works.

#pragma once

#ifdef __cplusplus
extern "C" {
#endif

// For hosts. A module is a shared library of compiled kernels with the emulator
// linked in; these are what it exports.

typedef struct {
    const char *name;
    int parameters;        // how many
    const unsigned *sizes; // bytes of each
    void (*call)(void **); // one thread's run
    char *shared, *shared_end; // the shared memory of its module's kernels
} emulator_kernel;

// The kernel of a name, or NULL.
const emulator_kernel *emulator_find(const char *name);

// Runs all blocks of a grid, one after the other, with pointers to the values of
// the parameters; backwards if reverse isn't 0, which a kernel must not notice.
// NULL, or what went wrong, which stays readable until the next launch. A module
// runs one launch at a time. There is no dynamic shared memory, so shared_bytes
// must be 0.
const char *emulator_launch(const emulator_kernel *kernel, const unsigned grid[3], const unsigned block[3],
                            unsigned shared_bytes, void **parameters, int reverse);

// For kernels, by way of cuda.h.

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
// name all lanes that the warp has.
unsigned emulator_exchange(unsigned mask, unsigned value, int how, unsigned by, const char *file, int line);

#ifdef __cplusplus
}
#endif
