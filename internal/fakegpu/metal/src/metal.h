// A Metal without a GPU, for tests: the part of Apple's host API that a program of
// compute kernels needs, as Objective-C classes over memory of the host and the
// emulator of kernels. It is written from Apple's documentation; no Mac has seen it.
//
// It is as late as the real one may be. Nothing of a command buffer runs when it is
// committed; it runs when something waits for it, or looks at it often enough, or at
// some other time that play.mm's pace says. So a host that reads before it has
// waited sees old contents, and one that writes too early changes what kernels read.
// Nothing but this lateness guards a buffer's bytes, since a host may use one part of
// a buffer while kernels use another.
//
// And it is stricter. Whatever a right program never does, be it undefined on a Mac,
// found by its validation layer or dropped in silence, ends the process with a line
// that names the class, the selector and the rule. What may happen to a right program
// (memory runs out, a source doesn't compile, the GPU fails) is nil or an NSError.

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

// Their objects, with one reference that is the caller's.
NSString *newString(const std::string &text);
NSArray *newArray(const std::vector<id> &objects);
NSError *newError(const char *domain, NSInteger code, const std::string &description);
// The text of a string that was passed.
const std::string &text(id self, SEL op, id string);

// What is faked (play.mm): a Mac, what goes wrong with it, and when its GPU works.

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
    long threads = 1024;           // the most that a pipeline takes in a threadgroup
    long width = 32;               // threads of a simdgroup, as pipelines tell
    long warnings = 0;             // the compiler warns of every source
    long memory = 4l << 30;        // bytes of a device's working set
    long buffer = 2l << 30;        // bytes of the largest buffer
    long pace = LATE;
    long allocation_fails = 0;     // the so many-th from now gives nil; 0 for none
    long command_buffer_fails = 0; // the so many-th commit from now fails
    long failure = 1;              // with this MTLCommandBufferError
};
extern Play play;
// A number from 0 up to n.
unsigned random(unsigned n);

// Devices and their memory

@interface FakeMTLDevice : NSObject {
  @public
    long index;
    size_t used;  // bytes of its buffers
    bool revoked; // it runs nothing any more
}
@end

@interface FakeMTLBuffer : NSObject {
  @public
    FakeMTLDevice *device;
    char *at;
    NSUInteger bytes;
    bool mine, secret; // the memory is the buffer's; the host can't see it
}
@end

// Memory for a buffer, all zeros, with a page behind it that nobody may touch. NULL
// if there is none. Its addresses are never used again.
char *reserve(NSUInteger bytes);
void giveBack(char *at);
// Ends the process if something has been written behind a buffer's end.
void checkEnd(FakeMTLBuffer *, const std::string &who);
// The kernel that the thread runs, for the message when it touches memory that it
// hasn't. A handler of signals reads it.
extern thread_local const char *running __attribute__((tls_model("initial-exec")));

// Libraries and kernels (library.mm; module.mm compiles and loads)

// What a kernel has at an index of its table of buffers.
struct Binding {
    NSUInteger index;
    bool constant;      // in the address space constant; else device
    bool written;       // the kernel may write it
    NSUInteger bytes;   // that must be there: of a constant all, of device memory those of an element
    NSUInteger alignment;
};

struct Module;

struct Kernel {
    std::shared_ptr<Module> module;
    std::string name;
    std::vector<Binding> bindings; // by index
    NSUInteger threadgroupBytes;   // that it declares itself
    const void *emulated;
};

// Compiles a source, or finds what it gave before. NULL, and the compiler's text, if
// it doesn't compile.
std::shared_ptr<Module> compile(const std::string &source, NSUInteger version, bool safe, std::string *said);
std::vector<std::string> functionNames(const std::shared_ptr<Module> &);
// A kernel of a module; its name is empty if there is none.
Kernel kernelOf(const std::shared_ptr<Module> &, const std::string &name);
// Runs a kernel with what is bound, in the bindings' order. What went wrong, or "".
std::string launch(const Kernel &, MTLSize groups, MTLSize threads, const std::vector<void *> &bound);

@interface MTLCompileOptions : NSObject {
  @public
    NSUInteger version; // 0 until it is set
    bool safe;          // arithmetic is IEEE 754's, not fast
    bool precise;       // functions are
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

// Queues, command buffers, events (queue.h has what is in them)

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

struct Table; // of what is bound

@interface FakeMTLComputeCommandEncoder : FakeMTLCommandEncoder {
  @public
    Table *table;
}
@end

@interface FakeMTLBlitCommandEncoder : FakeMTLCommandEncoder
@end

id newEncoder(FakeMTLCommandBuffer *, const char *className);
// Ends the process if an encoder has been ended.
void open(FakeMTLCommandEncoder *, SEL op);
