// A Metal without a GPU, for tests: the part of Apple's host API that a compute program
// needs, as Objective-C classes with host memory and the kernel emulator. It was written
// from Apple's documentation, and has never been compared with a Mac.
//
// It is as lazy as the real one may be. A committed command buffer runs only when
// something waits for it, or polls it often enough, or at another time set by the pace
// (play.mm). So a host that reads before it has waited sees old contents, and one that
// writes too early changes what kernels read. Nothing else guards a buffer's bytes, since
// a host may use one part of a buffer while kernels use another.
//
// And it is stricter. Anything that a correct program never does, whether undefined on a
// Mac, reported by its validation layer or silently dropped, terminates the process with
// the class, the selector and the rule. What can happen to a correct program (out of
// memory, a compile error, a GPU failure) is nil or an NSError.

#pragma once

#include "objc.h"

#include <functional>
#include <memory>
#include <set>
#include <vector>

struct MTLSize {
    NSUInteger width, height, depth;
};

struct NSRange {
    NSUInteger location, length;
};

// Foundation

@interface NSString : NSObject {
  @public
    std::string *text; // null until it is initialised
}
+ (NSString *)stringWithUTF8String:(const char *)text;
- (id)initWithBytes:(const void *)bytes length:(NSUInteger)length encoding:(NSUInteger)encoding;
- (const char *)UTF8String;
- (NSUInteger)length;
@end

@interface NSArray : NSObject {
  @public
    std::vector<id> *objects;
}
@end

@interface NSError : NSObject {
  @public
    NSString *domain, *description;
    NSInteger code;
}
@end

// Create objects with one reference, owned by the caller.
NSString *newString(const std::string &text);
NSArray *newArray(const std::vector<id> &objects);
NSError *newError(const char *domain, NSInteger code, const std::string &description);
// The text of a string argument.
const std::string &text(id self, SEL op, id string);

// What is faked (play.mm): the Mac, its failures, and when its GPU works.

enum Pace {
    LATE,  // when something waits
    EAGER, // at once
    MIXED, // some of it, now and then
};

struct Play {
    long devices = 1;
    long macos = 15;
    long unified = 1;
    long matrix = 1;               // GPUs have simdgroup_matrix: they are Apple7
    long threads = 1024;           // limit per threadgroup of a pipeline
    long width = 32;               // threads per simdgroup, as reported by pipelines
    long warnings = 0;             // the compiler warns of every source
    long memory = 4l << 30;        // bytes of a device's working set
    long buffer = 2l << 30;        // bytes of the largest buffer
    long pace = LATE;
    long allocation_fails = 0;     // this allocation from now on returns nil; 0 for none
    long command_buffer_fails = 0; // this commit from now on fails
    long failure = 1;              // with this MTLCommandBufferError
};
extern Play play;
// A random number from 0 to n-1.
unsigned random(unsigned n);

// Devices and their memory

@interface FakeMTLDevice : NSObject {
  @public
    long index;
    size_t used;  // bytes of its buffers
    bool revoked; // it no longer runs anything
}
@end

@interface FakeMTLBuffer : NSObject {
  @public
    FakeMTLDevice *device;
    char *at;
    NSUInteger bytes;
    bool mine, secret; // owned by the buffer; not accessible to the host
}
@end

// Zeroed memory for a buffer, followed by an inaccessible page; NULL if there is none.
// Addresses are never reused.
char *reserve(NSUInteger bytes);
void giveBack(char *at);
// Terminates the process if something was written behind a buffer's end.
void checkEnd(FakeMTLBuffer *, const std::string &who);
// The kernel that the thread runs, for the message about an invalid access. A signal
// handler reads it.
extern thread_local const char *running __attribute__((tls_model("initial-exec")));

// Libraries and kernels (library.mm; module.mm compiles and loads)

// A kernel's binding at an index.
struct Binding {
    NSUInteger index;
    bool constant;      // constant memory; otherwise device memory
    bool written;       // the kernel may write it
    NSUInteger bytes;   // minimum size: the whole constant, or one element of device memory
    NSUInteger alignment;
};

struct Module;

struct Kernel {
    std::shared_ptr<Module> module;
    std::string name;
    std::vector<Binding> bindings; // by index
    NSUInteger threadgroupBytes;   // declared by the kernel
    const void *emulated;
};

// Compiles a source, or returns the cached result. NULL, and the compiler's messages, if
// it doesn't compile.
std::shared_ptr<Module> compile(const std::string &source, NSUInteger version, bool safe, std::string *said);
std::vector<std::string> functionNames(const std::shared_ptr<Module> &);
// A kernel of a module; its name is empty if there is none.
Kernel kernelOf(const std::shared_ptr<Module> &, const std::string &name);
// Runs a kernel with its bindings, in the kernel's order. Returns the error or "".
std::string launch(const Kernel &, MTLSize groups, MTLSize threads, const std::vector<void *> &bound);

@interface MTLCompileOptions : NSObject {
  @public
    NSUInteger version; // 0 until it is set
    bool safe;          // IEEE 754 arithmetic, not fast
    bool precise;       // the same for functions
}
@end

@interface FakeMTLLibrary : NSObject {
  @public
    FakeMTLDevice *device;
    std::shared_ptr<Module> *module;
}
@end

@interface FakeMTLFunction : NSObject {
  @public
    FakeMTLDevice *device;
    Kernel *kernel;
}
@end

@interface FakeMTLComputePipelineState : NSObject {
  @public
    FakeMTLDevice *device;
    Kernel *kernel;
    NSUInteger threads, width;
}
@end

id newLibrary(FakeMTLDevice *, const std::string &source, MTLCompileOptions *, id *error);
id newPipeline(FakeMTLDevice *, FakeMTLFunction *, id *error);

// Queues, command buffers, events (contents in queue.h)

@interface FakeMTLSharedEvent : NSObject {
  @public
    uint64_t value;
}
@end

struct Queue;
struct Commands;

@interface FakeMTLCommandQueue : NSObject {
  @public
    Queue *queue;
}
@end

@interface FakeMTLCommandBuffer : NSObject {
  @public
    FakeMTLCommandQueue *queue;
    Commands *commands;
}
@end

id newQueue(FakeMTLDevice *, NSUInteger most);
id newSharedEvent(void);
// Encoders

@interface FakeMTLCommandEncoder : NSObject {
  @public
    FakeMTLCommandBuffer *buffer;
    bool ended;
}
- (void)endEncoding;
@end

struct Table; // of bindings

@interface FakeMTLComputeCommandEncoder : FakeMTLCommandEncoder {
  @public
    Table *table;
}
@end

@interface FakeMTLBlitCommandEncoder : FakeMTLCommandEncoder
@end

id newEncoder(FakeMTLCommandBuffer *, const char *className);
// Terminates the process if an encoder has been ended.
void open(FakeMTLCommandEncoder *, SEL op);
