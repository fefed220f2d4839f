// MTLDevice: its properties and the objects that it creates.

#include "metal.h"

#include <unistd.h>

// MTLResourceOptions
static const NSUInteger writeCombined = 1, storage = 0xf0, shared = 0x00, secret = 0x20, hazards = 0x300, untracked = 0x100;

static FakeMTLDevice *devices[16];

static id deviceAt(long index) {
    if (!devices[index]) {
        devices[index] = create(objc_getClass("FakeMTLDevice"));
        devices[index]->index = index;
        owned(devices[index]); // devices live as long as the process
    }
    return [devices[index] retain];
}

static long howMany() { return play.devices < 16 ? play.devices : 16; }

EXPORT id MTLCreateSystemDefaultDevice(void) {
    Locked locked;
    return howMany() ? deviceAt(0) : nil;
}

EXPORT id MTLCopyAllDevices(void) {
    Locked locked;
    std::vector<id> all;
    for (long i = 0; i < howMany(); i++) all.push_back(deviceAt(i));
    id array = newArray(all);
    for (id d : all) [d release];
    return array;
}

// Restores devices that had failed.
EXPORT long fake_metal_restore(const char *, long) {
    Locked locked;
    for (FakeMTLDevice *d : devices)
        if (d) d->revoked = false;
    return 0;
}

// A new buffer without memory; nil where Metal returns nil.
static FakeMTLBuffer *newBuffer(FakeMTLDevice *device, SEL op, NSUInteger length, NSUInteger options) {
    std::string where = messageName(device, op);
    if (options & ~(writeCombined | storage | hazards)) wrong(where, "there are no MTLResourceOptions " + std::to_string(options));
    if ((options & storage) != shared && (options & storage) != secret) wrong(where, "only shared and private storage are modelled here, not managed or memoryless");
    if ((options & hazards) == untracked) wrong(where, "hazards that Metal doesn't track are not modelled here");
    if (length == 0) wrong(where, "a buffer can't have 0 bytes");
    if (length > NSUInteger(play.buffer) || device->used + length > NSUInteger(play.memory)) return nil;
    if (play.allocation_fails && --play.allocation_fails == 0) return nil;
    FakeMTLBuffer *b = create(objc_getClass("FakeMTLBuffer"));
    b->device = [device retain];
    b->bytes = length;
    b->secret = (options & storage) == secret;
    device->used += length;
    return b;
}

@implementation FakeMTLDevice

- (NSString *)name {
    return [newString("an emulated GPU") autorelease];
}

- (uint64_t)registryID {
    return 0x100000000 + index;
}

- (Flag)hasUnifiedMemory {
    return flag(play.unified);
}

- (Flag)isLowPower {
    return flag(false);
}

- (Flag)isRemovable {
    return flag(false);
}

- (Flag)isHeadless {
    return flag(false);
}

- (uint64_t)recommendedMaxWorkingSetSize {
    return play.memory;
}

- (NSUInteger)currentAllocatedSize {
    return used;
}

- (NSUInteger)maxBufferLength {
    return play.buffer;
}

- (MTLSize)maxThreadsPerThreadgroup {
    return {1024, 1024, 1024};
}

- (NSUInteger)maxThreadgroupMemoryLength {
    return 32768;
}

// MTLGPUFamily: Apple1 is 1001 and so on, Mac2 is 2002, Common1 to 3 are 3001 to
// 3003, Metal3 is 5001. simdgroup_matrix came with Apple7.
- (Flag)supportsFamily:(NSInteger)family {
    return flag((play.matrix && family >= 1001 && family <= 1007) || family == 2002 || (family >= 3001 && family <= 3003) || family == 5001);
}

- (id)newCommandQueue {
    return newQueue(self, 64);
}

- (id)newCommandQueueWithMaxCommandBufferCount:(NSUInteger)most {
    if (most == 0) WRONG("a queue needs at least one command buffer");
    return newQueue(self, most);
}

- (id)newBufferWithLength:(NSUInteger)length options:(NSUInteger)options {
    Locked locked;
    FakeMTLBuffer *b = newBuffer(self, _cmd, length, options);
    if (!b) return nil;
    b->at = reserve(length);
    if (!b->at) return [b release], nil;
    b->mine = true;
    return b;
}

- (id)newBufferWithBytesNoCopy:(void *)bytes length:(NSUInteger)length options:(NSUInteger)options deallocator:(id)deallocator {
    Locked locked;
    NSUInteger page = sysconf(_SC_PAGESIZE);
    if (deallocator) WRONG("blocks are not modelled here: the deallocator must be nil");
    if ((NSUInteger)bytes % page || length % page) WRONG("the address and the length must be multiples of a page of " + std::to_string(page) + " bytes");
    if ((options & storage) != shared) WRONG("host memory must be shared");
    FakeMTLBuffer *b = newBuffer(self, _cmd, length, options);
    if (b) b->at = (char *)bytes;
    return b;
}

- (id)newLibraryWithSource:(id)source options:(id)options error:(id *)error {
    // Not locked: compiling takes long, and runs on several threads at a time.
    std::string s = text(self, _cmd, source);
    MTLCompileOptions *o = EXPECT(options, "MTLCompileOptions");
    if (o->version == 0) WRONG("the options have no languageVersion: the default depends on macOS and on the program");
    return newLibrary(self, s, o, error);
}

- (id)newComputePipelineStateWithFunction:(id)function error:(id *)error {
    Locked locked;
    FakeMTLFunction *f = EXPECT(function, "MTLFunction");
    if (f->device != self) WRONG("the function is another device's");
    return newPipeline(self, f, error);
}

- (id)newSharedEvent {
    return newSharedEvent();
}

@end
