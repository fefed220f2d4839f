// A CUDA driver without a GPU, for tests: the functions that device/cuda calls,
// implemented with host memory and the kernel emulator.
//
// It is as lazy as the real one may be, and stricter. Queued work runs when something
// waits for it, or at some random time, so a host that doesn't wait sees old contents.
// The nodes of a graph run in a random order that the edges allow. New memory contains
// garbage, and freed memory can't be accessed. Anything that a correct program never does
// (an invalid handle, a call without a context or with another context's handle, use
// after free) terminates the process with a message. What can happen to a correct program
// is an error code.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

typedef int Result;

enum {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    INVALID_IMAGE = 200,
    NOT_FOUND = 500,
    LAUNCH_FAILED = 719,
    GRAPH_EXEC_UPDATE_FAILURE = 910,
};

// The functions are called from several threads; the fake serializes them.
extern std::recursive_mutex lock;

// Terminates the process: the program has broken a rule.
[[noreturn]] void wrong(const char *function, const std::string &what);

// Objects of one kind, by handle.
template <class T> struct Handles {
    const char *kind;
    std::set<T *> live;

    T *add(T *t) {
        live.insert(t);
        return t;
    }
    T *check(const char *function, T *t) {
        if (!live.count(t)) wrong(function, std::string("not a valid ") + kind + ", or it has been destroyed");
        return t;
    }
    void remove(const char *function, T *t) {
        check(function, t);
        live.erase(t);
        delete t;
    }
};

struct Context {
    int device;
    int retained = 0;
    size_t used = 0; // bytes
    Result lost = SUCCESS; // what every call returns after a kernel has failed
};

// The thread's context, which must exist.
Context *current(const char *function);

// A block of device memory.
struct Memory {
    Context *context;
    char *at;
    size_t bytes;
};

// Whether work is being queued or executed.
enum When { QUEUED, RUNNING };

// Whether an address is, or was, in a device's memory.
bool isDevices(const void *at);
// Checks that the bytes are in memory of the context.
void usable(const char *function, const void *at, size_t bytes, Context *context, When when);

// An item of work on a stream.
struct Work {
    std::string name;
    std::function<void()> run;
};

struct Stream {
    Context *context;
    std::deque<Work> queue;
    bool lazy = true; // nothing runs until something waits
};

extern Handles<Stream> streams;

// Appends work to a stream, and perhaps runs some of it.
void enqueue(Stream *, std::string name, std::function<void()> run);
void drain(Stream *);
// Checks that a stream exists and belongs to the current context.
Stream *stream(const char *function, Stream *);
// A random number from 0 to n-1.
unsigned random(unsigned n);

struct Function;

// A kernel with the values of its parameters.
struct Launch {
    Function *function;
    unsigned grid[3], block[3];
    std::vector<std::vector<char>> values;

    void check(const char *function, When when) const; // checks the memory that its parameters point to
    void run() const;
};

// Captures the arguments of a launch; the values are copied.
Launch launch(const char *function, Function *, const unsigned grid[3], const unsigned block[3], unsigned shared, void **parameters);
