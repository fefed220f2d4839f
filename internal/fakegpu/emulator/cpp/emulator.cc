// The emulator's scheduler: fibers, barriers, warp operations. See doc.go.

#include "emulator.h"
#include "processor.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER 1
extern "C" {
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned);
void __tsan_destroy_fiber(void *);
void __tsan_switch_to_fiber(void *, unsigned);
void __tsan_acquire(void *);
void __tsan_release(void *);
}
#else
#define THREAD_SANITIZER 0
static void __tsan_acquire(void *) {}
static void __tsan_release(void *) {}
#endif

#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER 1
extern "C" {
void __sanitizer_start_switch_fiber(void **, const void *, size_t);
void __sanitizer_finish_switch_fiber(void *, const void **, size_t *);
}
#else
#define ADDRESS_SANITIZER 0
#endif

// The scheduler's own memory accesses aren't watched by sanitizers.
#define UNWATCHED __attribute__((no_sanitize("thread", "address"), noinline))

namespace {

const unsigned most_threads = 1024, warp_size = 32;
const size_t stack_size = 64 << 10;

// Sanitizers need a separate stack for each thread, to tell them apart.
const bool own_stacks = THREAD_SANITIZER || ADDRESS_SANITIZER;

enum state { fresh, ready, at_barrier, in_exchange, done, failed };

// A position in a kernel's source where a thread waits.
struct place {
    const char *file;
    int line;
    bool operator==(place other) const { return line == other.line && strcmp(file, other.file) == 0; }
};

// A thread of the block, as a fiber: a stack and the saved position on it.
struct fiber {
    emulator_thread self; // first, so that emulator_current is the fiber
    void *stack_pointer;
    char *stack;
    state is;
    place waits;
    unsigned barriers, exchanges; // how many it has passed
    void *watched;      // ThreadSanitizer's fiber
    void *fake_stack;   // AddressSanitizer's
};

fiber threads[most_threads], scheduler;
unsigned count; // threads in the block
char *stacks;
const emulator_kernel *kernel;
void **parameters;
bool backwards;
char message[512];

// Values that lanes exchange: exchange number n uses slot n % 2, so that nobody
// overwrites what others have yet to read. A lane at exchange n + 2 has left n + 1, in
// which all took part, so all had left n.
unsigned exchanged[2][most_threads];
unsigned gathered[2][most_threads][emulator_gathered];

// Synchronization objects reported to ThreadSanitizer: two that alternate, since a thread
// may reach the next barrier before another has left this one.
char started, ended, barriers[2], exchanges[2][most_threads / warp_size];

// resume switches to another fiber, until something switches back.
UNWATCHED void resume(fiber *to) {
    fiber *from = (fiber *)emulator_current;
    emulator_current = &to->self;
#if THREAD_SANITIZER
    __tsan_switch_to_fiber(to->watched, 1);
#endif
#if ADDRESS_SANITIZER
    __sanitizer_start_switch_fiber(from->is == done ? nullptr : &from->fake_stack, to->stack, stack_size);
#endif
    emulator_switch(&from->stack_pointer, to->stack_pointer);
#if ADDRESS_SANITIZER
    __sanitizer_finish_switch_fiber(from->fake_stack, nullptr, nullptr);
#endif
}

void run_kernel() { kernel->call(parameters); }

// after is the next thread, or the scheduler.
UNWATCHED fiber *after(fiber *f) {
    unsigned next = f - threads + (backwards ? -1 : 1);
    return next < count ? &threads[next] : &scheduler;
}

// enter is where a fiber starts. When a thread has ended without waiting, the next one
// starts on its stack.
UNWATCHED void enter() {
#if ADDRESS_SANITIZER
    __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
    for (;;) {
        __tsan_acquire(&started);
        run_kernel();
        __tsan_release(&ended);
        fiber *self = (fiber *)emulator_current, *next = after(self);
        self->is = done;
        if (own_stacks || next->is != fresh) {
            resume(&scheduler);
            __builtin_trap(); // a finished fiber is never resumed
        }
        emulator_current = &next->self;
    }
}

// wait switches to the scheduler until all threads have arrived. At a meeting, if not
// null, each thread publishes its writes.
UNWATCHED void wait(state is, place at, void *meeting) {
    fiber *self = (fiber *)emulator_current;
    self->is = is;
    self->waits = at;
    if (meeting) {
        __tsan_release(meeting);
    }
    resume(&scheduler);
    if (meeting) {
        __tsan_acquire(meeting);
    }
}

UNWATCHED void prepare(fiber *f, unsigned number) {
    f->self.thread = {number % emulator_threads.x, number / emulator_threads.x % emulator_threads.y,
                      number / emulator_threads.x / emulator_threads.y};
    f->self.lane = number % warp_size;
    f->is = fresh;
    f->barriers = f->exchanges = 0;
#if THREAD_SANITIZER
    f->watched = __tsan_create_fiber(0);
#endif
}

// begin gives a thread a stack, on which it starts when resumed.
UNWATCHED void begin(fiber *f) {
    f->stack = stacks + (f - threads) * stack_size;
    void **saved = (void **)(f->stack + stack_size) - saved_words;
    for (int i = 0; i < saved_words; i++) {
        saved[i] = i == begins_at ? (void *)enter : nullptr;
    }
    f->stack_pointer = saved;
    f->is = ready;
}

// fail records an error in a block.
__attribute__((format(printf, 1, 2))) bool fail(const char *format, ...) {
    int n = snprintf(message, sizeof message, "%s: block %u,%u,%u: ", kernel->name, emulator_block.x, emulator_block.y,
                     emulator_block.z);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message + n, sizeof message - n, format, arguments);
    va_end(arguments);
    return false;
}

// give_up ends the launch in the running thread, after an error.
UNWATCHED __attribute__((noreturn)) void give_up() {
    ((fiber *)emulator_current)->is = failed;
    resume(&scheduler);
    __builtin_trap(); // a failed launch isn't continued
}

// copy_words replaces memcpy, which sanitizers would watch.
UNWATCHED void copy_words(unsigned *to, const unsigned *from, unsigned words) {
    for (unsigned i = 0; i < words; i++) {
        ((volatile unsigned *)to)[i] = from[i];
    }
}

// gathering counts the threads of a set by state.
struct gathering {
    unsigned members, waiting, done;
    fiber *first;   // a waiting thread
    fiber *another; // one that waits elsewhere
};

UNWATCHED gathering gather(unsigned from, unsigned to, state is) {
    gathering g = {to - from, 0, 0, nullptr, nullptr};
    for (unsigned i = from; i < to; i++) {
        fiber *f = &threads[i];
        g.done += f->is == done;
        if (f->is == is) {
            g.waiting++;
            if (!g.first) {
                g.first = f;
            } else if (!(f->waits == g.first->waits)) {
                g.another = f;
            }
        }
    }
    return g;
}

UNWATCHED void release(unsigned from, unsigned to) {
    for (unsigned i = from; i < to; i++) {
        threads[i].is = ready;
    }
}

// meet releases threads that all wait at the same position. It is called when no thread
// is ready; false means that some would wait forever.
UNWATCHED bool meet(unsigned from, unsigned to, state is, const char *what, bool *released) {
    gathering g = gather(from, to, is);
    if (g.waiting == 0) {
        return true;
    }
    if (g.another) {
        return fail("divergence: of %u threads some wait at the %s at %s:%d and others at %s:%d", g.members, what,
                    g.first->waits.file, g.first->waits.line, g.another->waits.file, g.another->waits.line);
    }
    if (g.waiting == g.members) {
        release(from, to);
        *released = true;
        return true;
    }
    if (g.done > 0) {
        return fail("divergence: %u of %u threads have ended, and %u wait for them at the %s at %s:%d", g.done, g.members,
                    g.waiting, what, g.first->waits.file, g.first->waits.line);
    }
    return true;
}

// run_block runs the threads of a block until all have ended.
UNWATCHED bool run_block() {
    if (kernel->shared != kernel->shared_end) {
        memset(kernel->shared, 0xff, kernel->shared_end - kernel->shared); // NaN, or -1
    }
    for (unsigned i = 0; i < count; i++) {
        prepare(&threads[i], i);
    }
    __tsan_release(&started);
    for (;;) {
        for (unsigned i = 0; i < count; i++) {
            fiber *f = &threads[backwards ? count - 1 - i : i];
            if (f->is == fresh) {
                begin(f);
            }
            if (f->is == ready) {
                resume(f);
            }
            if (f->is == failed) {
                return false;
            }
        }
        if (gather(0, count, at_barrier).done == count) {
            break;
        }
        bool released = false;
        for (unsigned first = 0; first < count; first += warp_size) {
            unsigned end = first + warp_size < count ? first + warp_size : count;
            if (!meet(first, end, in_exchange, "collective operation of the warp", &released)) {
                return false;
            }
        }
        if (!released && !meet(0, count, at_barrier, "barrier", &released)) {
            return false;
        }
        if (!released) {
            gathering b = gather(0, count, at_barrier), e = gather(0, count, in_exchange);
            return fail("divergence: %u threads wait at the barrier at %s:%d and %u in a collective operation of their warp at %s:%d",
                        b.waiting, b.first ? b.first->waits.file : "-", b.first ? b.first->waits.line : 0, e.waiting,
                        e.first ? e.first->waits.file : "-", e.first ? e.first->waits.line : 0);
        }
    }
    __tsan_acquire(&ended);
    return true;
}

void forget_fibers() {
#if THREAD_SANITIZER
    for (unsigned i = 0; i < count; i++) {
        __tsan_destroy_fiber(threads[i].watched);
    }
#endif
}

bool run_grid() {
    unsigned blocks = emulator_blocks.x * emulator_blocks.y * emulator_blocks.z;
    for (unsigned i = 0; i < blocks; i++) {
        unsigned number = backwards ? blocks - 1 - i : i;
        emulator_block = {number % emulator_blocks.x, number / emulator_blocks.x % emulator_blocks.y,
                          number / emulator_blocks.x / emulator_blocks.y};
        bool ok = run_block();
        forget_fibers();
        if (!ok) {
            return false;
        }
    }
    return true;
}

// take_over makes the caller's stack the scheduler's.
void take_over() {
    scheduler.is = ready;
    emulator_current = &scheduler.self;
#if THREAD_SANITIZER
    scheduler.watched = __tsan_get_current_fiber();
#endif
#if ADDRESS_SANITIZER
    pthread_attr_t attributes;
    void *low;
    size_t size;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &low, &size);
    pthread_attr_destroy(&attributes);
    scheduler.stack = (char *)low + size - stack_size;
#endif
}

// A module may be closed and reopened.
__attribute__((destructor)) void give_back_stacks() {
    if (stacks) {
        munmap(stacks, most_threads * stack_size);
    }
}

const emulator_kernel *registered[8192];
unsigned registrations;

} // namespace

extern "C" {

emulator_thread *emulator_current;
emulator_index emulator_block, emulator_threads, emulator_blocks;

void emulator_register(const emulator_kernel *k) {
    if (registrations == sizeof registered / sizeof *registered) {
        __builtin_trap();
    }
    registered[registrations++] = k;
}

const emulator_kernel *const *emulator_kernels(unsigned *count) {
    *count = registrations;
    return registered;
}

const emulator_kernel *emulator_find(const char *name) {
    for (unsigned i = 0; i < registrations; i++) {
        if (strcmp(registered[i]->name, name) == 0) {
            return registered[i];
        }
    }
    return nullptr;
}

UNWATCHED void emulator_barrier(const char *file, int line) {
    fiber *self = (fiber *)emulator_current;
    wait(at_barrier, {file, line}, &barriers[self->barriers++ % 2]);
}

UNWATCHED unsigned emulator_lanes() {
    fiber *self = (fiber *)emulator_current;
    unsigned first = self - threads - self->self.lane;
    return count - first < warp_size ? count - first : warp_size;
}

UNWATCHED void emulator_sync_lanes(const char *file, int line) {
    fiber *self = (fiber *)emulator_current;
    unsigned slot = self->exchanges++ % 2;
    wait(in_exchange, {file, line}, &exchanges[slot][(self - threads) / warp_size]);
}

UNWATCHED void emulator_gather(const unsigned *mine, unsigned words, unsigned *all, const char *file, int line) {
    fiber *self = (fiber *)emulator_current;
    unsigned number = self - threads, slot = self->exchanges++ % 2, lanes = emulator_lanes();
    copy_words(gathered[slot][number], mine, words);
    wait(in_exchange, {file, line}, nullptr);
    for (unsigned i = 0; i < lanes; i++) {
        copy_words(all + i * words, gathered[slot][number - self->self.lane + i], words);
    }
}

UNWATCHED void emulator_refuse(const char *what, const char *file, int line) {
    emulator_index t = emulator_current->thread;
    fail("thread %u,%u,%u: %s at %s:%d", t.x, t.y, t.z, what, file, line);
    give_up();
}

UNWATCHED unsigned emulator_exchange(unsigned mask, unsigned value, int how, unsigned by, const char *file, int line) {
    fiber *self = (fiber *)emulator_current;
    unsigned number = self - threads, first = number - self->self.lane;
    unsigned lanes = emulator_lanes();
    unsigned all = lanes == warp_size ? ~0u : (1u << lanes) - 1, slot = self->exchanges++ % 2;
    if ((mask & all) != all) {
        fail("the mask 0x%x at %s:%d leaves out some of the warp's %u lanes", mask, file, line, lanes);
        give_up();
    }
    exchanged[slot][number] = value;
    wait(in_exchange, {file, line}, nullptr);
    unsigned lane = self->self.lane, from = lane;
    switch (how) {
    case emulator_from_lane:
        from = by % warp_size;
        break;
    case emulator_from_xor:
        from = lane ^ by;
        break;
    case emulator_from_above:
        from = lane + by;
        break;
    case emulator_from_below:
        from = lane - by;
        break;
    case emulator_from_all: {
        unsigned bits = 0;
        for (unsigned i = 0; i < lanes; i++) {
            bits |= (unsigned)(exchanged[slot][first + i] != 0) << i;
        }
        return bits & all;
    }
    }
    return exchanged[slot][first + (from < lanes ? from : lane)];
}

UNWATCHED const char *emulator_launch(const emulator_kernel *k, const unsigned grid[3], const unsigned block[3], unsigned shared_bytes,
                                      void **values, int how) {
    kernel = k;
    emulator_block = {0, 0, 0};
    count = block[0] * block[1] * block[2];
    if (count == 0 || count > most_threads || shared_bytes != 0) {
        fail("%ux%ux%u threads with %u bytes of dynamic shared memory can't be launched: the limits are 1 to %u threads and no dynamic shared memory",
             block[0], block[1], block[2], shared_bytes, most_threads);
        return message;
    }
    if (!stacks) {
        void *memory = mmap(nullptr, most_threads * stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) {
            fail("there is no memory for the stacks of %u threads", most_threads);
            return message;
        }
        stacks = (char *)memory;
    }
    parameters = values;
    backwards = how & emulator_backwards;
    emulator_threads = {block[0], block[1], block[2]};
    emulator_blocks = {grid[0], grid[1], grid[2]};
    take_over();
    auto mode = arithmetic();
    if (how & emulator_flushes) {
        set_arithmetic(mode | flushing);
    }
    bool ok = run_grid();
    set_arithmetic(mode);
    emulator_current = nullptr;
    return ok ? nullptr : message;
}

} // extern "C"
