// A CUDA driver without a GPU, for tests: the functions that device/cuda calls,
// over memory of the host and the emulator of kernels.
//
// It is as lazy as the real one may be, and stricter. What is queued on a stream
// runs when something waits for it, or at some other time, so a host that doesn't
// wait sees old contents. The nodes of a graph run in any order that their edges
// allow. New memory holds garbage, and freed memory can't be touched. Whatever a
// right program never does (an invalid handle, a call without a context or with
// another one's handle, memory that has been freed) ends the process with a
// message. What may happen to a right program is an error's code.

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

// The functions are called from several threads; the fake does one thing at a time.
extern std::recursive_mutex lock;

// Ends the process: the program has done what it never may.
[[noreturn]] void wrong(const char *function, const std::string &what);

// Objects of one kind, by the handles that stand for them.
template <class T> struct Handles {
    const char *kind;
    std::set<T *> live;

    T *add(T *t) {
        live.insert(t);
        return t;
    }
    T *check(const char *function, T *t) {
        if (!live.count(t)) wrong(function, std::string("this is no ") + kind + ", or one that has been destroyed");
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
    Result lost = SUCCESS; // what every call gives after a kernel has failed
};

// The thread's context, which must be there.
Context *current(const char *function);

// A piece of a device's memory.
struct Memory {
    Context *context;
    char *at;
    size_t bytes;
};

// Whether work is being queued or runs.
enum When { QUEUED, RUNNING };

// Whether an address is, or was, one of a device's memory.
bool isDevices(const void *at);
// Makes sure that bytes can be used: they are in memory of a context.
void usable(const char *function, const void *at, size_t bytes, Context *context, When when);

// Something that a stream does.
struct Work {
    std::string name;
    std::function<void()> run;
};

struct Stream {
    Context *context;
    std::deque<Work> queue;
    bool lazy = true; // until something waits, nothing runs
};

extern Handles<Stream> streams;

// Appends work to a stream, and perhaps runs some of it.
void enqueue(Stream *, std::string name, std::function<void()> run);
void drain(Stream *);
// A stream that is there, and is the current context's.
Stream *stream(const char *function, Stream *);
// A number from 0 up to n.
unsigned random(unsigned n);

struct Function;

// A kernel with the values of its parameters.
struct Launch {
    Function *function;
    unsigned grid[3], block[3];
    std::vector<std::vector<char>> values;

    void check(const char *function, When when) const; // that its memory can be used
    void run() const;
};

// Takes what a call launches; the values are copied.
Launch launch(const char *function, Function *, const unsigned grid[3], const unsigned block[3], unsigned shared, void **parameters);
