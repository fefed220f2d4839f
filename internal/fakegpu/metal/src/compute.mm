// MTLComputeCommandEncoder: bindings and dispatches.

#include "queue.h"

static const NSUInteger slots = 31, inlineBytes = 4096, threadgroupMemory = 32768;

// The alignment of a buffer that a kernel has as constant: 32 on Mac2, 4 on Apple
// silicon.
static const NSUInteger constantAlignment = 32;

// The binding at an index.
struct Slot {
    FakeMTLBuffer *buffer = nil;
    NSUInteger offset = 0;
    std::shared_ptr<std::vector<char>> bytes; // set by setBytes
    bool fresh = false; // set since the last dispatch

    bool empty() const { return !buffer && !bytes; }
    NSUInteger length() const { return buffer ? buffer->bytes - offset : bytes->size(); }
    char *at() const { return buffer ? buffer->at + offset : bytes->data(); }
};

struct Table {
    FakeMTLComputePipelineState *pipeline = nil;
    Slot slot[slots];
    NSUInteger threadgroup[slots] = {};
};

static std::string size(MTLSize s) { return std::to_string(s.width) + "x" + std::to_string(s.height) + "x" + std::to_string(s.depth); }

// Checks the binding of a kernel's index. Returns the error or "".
static std::string problem(const Binding &b, const Slot &s) {
    if (s.empty()) return "is missing";
    if (s.length() < b.bytes) return "has " + std::to_string(s.length()) + " bytes where the kernel has " + std::to_string(b.bytes);
    NSUInteger alignment = b.alignment;
    if (b.constant && s.buffer && alignment < constantAlignment) alignment = constantAlignment;
    if (s.offset % alignment) return "begins at byte " + std::to_string(s.offset) + ", which is not a multiple of " + std::to_string(alignment);
    if (s.bytes && b.written) return "was set with setBytes, and the kernel writes it";
    return "";
}

// Returns a kernel's bindings, in the kernel's order.
static std::vector<Slot> take(id self, SEL op, const Kernel &k, Table *table) {
    auto refuse = [&](NSUInteger index, const std::string &why) {
        wrong(messageName(self, op), k.name + ": the buffer at index " + std::to_string(index) + " " + why);
    };
    std::vector<Slot> bound;
    for (auto &b : k.bindings) {
        Slot &s = table->slot[b.index];
        std::string why = problem(b, s);
        if (!why.empty()) refuse(b.index, why);
        s.fresh = false;
        bound.push_back(s);
    }
    // An earlier kernel's bindings may remain.
    for (NSUInteger i = 0; i < slots; i++)
        if (table->slot[i].fresh && !table->slot[i].empty()) refuse(i, "was set, but the kernel has no buffer there");
    return bound;
}

// Checks a dispatch and adds it to the command buffer.
static void dispatch(FakeMTLComputeCommandEncoder *self, SEL op, MTLSize groups, MTLSize threads) {
    open(self, op);
    Table *table = self->table;
    FakeMTLComputePipelineState *p = table->pipeline;
    if (!p) wrong(messageName(self, op), "there is no pipeline: setComputePipelineState: comes first");
    const Kernel &k = *p->kernel;
    auto refuse = [&](const std::string &why) { wrong(messageName(self, op), k.name + ": " + why); };
    NSUInteger total = threads.width * threads.height * threads.depth;
    if (groups.width * groups.height * groups.depth == 0 || total == 0) refuse(size(groups) + " threadgroups of " + size(threads) + " threads are empty");
    if (total > p->threads || threads.width > 1024 || threads.height > 1024 || threads.depth > 1024)
        refuse("threadgroups of " + size(threads) + " threads, but the pipeline allows " + std::to_string(p->threads) + ": Metal silently drops such a dispatch");
    if (p->width != 32) refuse("the emulator has simdgroups of 32 threads, but the pipeline is set to " + std::to_string(p->width));
    // Nor is [[threadgroup(n)]] supported.
    for (NSUInteger i = 0; i < slots; i++)
        if (table->threadgroup[i]) refuse("the kernel has no threadgroup memory at index " + std::to_string(i));
    std::vector<Slot> bound = take(self, op, k, table);
    Commands *commands = self->buffer->commands;
    use(commands, p);
    for (auto &s : bound)
        if (s.buffer) use(commands, s.buffer);
    commands->steps.push_back({[&k, groups, threads, bound] {
                                   std::vector<void *> pointers;
                                   for (auto &s : bound) pointers.push_back(s.at());
                                   std::string problem = launch(k, groups, threads, pointers), who = "the kernel " + k.name;
                                   for (auto &s : bound)
                                       if (s.buffer) checkEnd(s.buffer, who);
                                   return problem;
                               },
                               nil, 0});
}

// The binding at an index.
static Slot &slotAt(FakeMTLComputeCommandEncoder *self, SEL op, NSUInteger index) {
    open(self, op);
    if (index >= slots) wrong(messageName(self, op), "there are " + std::to_string(slots) + " indices, not " + std::to_string(index));
    return self->table->slot[index];
}

static void bind(FakeMTLComputeCommandEncoder *self, SEL op, id what, NSUInteger offset, NSUInteger index) {
    Slot &slot = slotAt(self, op, index);
    FakeMTLBuffer *b = expect(self, op, what, "MTLBuffer", true);
    if (b && b->device != self->buffer->queue->queue->device) wrong(messageName(self, op), "the buffer is another device's");
    if (b && offset >= b->bytes) wrong(messageName(self, op), "byte " + std::to_string(offset) + " is outside a buffer of " + std::to_string(b->bytes));
    if (b) use(self->buffer->commands, b);
    slot = Slot{b, offset, nullptr, true};
}

@implementation FakeMTLComputeCommandEncoder

- (id)init {
    table = new Table;
    return self;
}

- (void)setComputePipelineState:(id)state {
    Locked locked;
    open(self, _cmd);
    FakeMTLComputePipelineState *p = EXPECT(state, "MTLComputePipelineState");
    if (p->device != buffer->queue->queue->device) WRONG("the pipeline is another device's");
    use(buffer->commands, p);
    table->pipeline = p;
}

- (void)setBuffer:(id)what offset:(NSUInteger)offset atIndex:(NSUInteger)index {
    Locked locked;
    bind(self, _cmd, what, offset, index);
}

- (void)setBuffers:(const id *)buffers offsets:(const NSUInteger *)offsets withRange:(NSRange)range {
    Locked locked;
    for (NSUInteger i = 0; i < range.length; i++) bind(self, _cmd, buffers[i], offsets[i], range.location + i);
}

- (void)setBufferOffset:(NSUInteger)offset atIndex:(NSUInteger)index {
    Locked locked;
    Slot &slot = slotAt(self, _cmd, index);
    if (!slot.buffer) WRONG("no buffer is bound at index " + std::to_string(index));
    bind(self, _cmd, slot.buffer, offset, index);
}

- (void)setBytes:(const void *)bytes length:(NSUInteger)length atIndex:(NSUInteger)index {
    Locked locked;
    Slot &slot = slotAt(self, _cmd, index);
    if (length == 0 || length > inlineBytes) WRONG(std::to_string(length) + " bytes: setBytes takes 1 to 4096; more need a buffer");
    const char *b = (const char *)bytes;
    slot = Slot{nil, 0, std::make_shared<std::vector<char>>(b, b + length), true};
}

- (void)setThreadgroupMemoryLength:(NSUInteger)length atIndex:(NSUInteger)index {
    Locked locked;
    slotAt(self, _cmd, index);
    if (length % 16) WRONG(std::to_string(length) + " bytes: the length must be a multiple of 16");
    if (length > threadgroupMemory) WRONG(std::to_string(length) + " bytes: the limit is 32768");
    table->threadgroup[index] = length;
}

- (void)dispatchThreadgroups:(MTLSize)groups threadsPerThreadgroup:(MTLSize)threads {
    Locked locked;
    dispatch(self, _cmd, groups, threads);
}

- (void)dispatchThreads:(MTLSize)grid threadsPerThreadgroup:(MTLSize)threads {
    Locked locked;
    if (threads.width == 0 || threads.height == 0 || threads.depth == 0) WRONG("threadgroups of " + size(threads) + " threads");
    if (grid.width % threads.width || grid.height % threads.height || grid.depth % threads.depth)
        WRONG("threadgroups of different sizes are not modelled here: a grid of " + size(grid) + " and threadgroups of " + size(threads));
    dispatch(self, _cmd, {grid.width / threads.width, grid.height / threads.height, grid.depth / threads.depth}, threads);
}

// MTLBarrierScope: buffers 1, textures 2, render targets 4. The dispatches of an encoder
// run in order here, as they seem to with dispatchTypeSerial.
- (void)memoryBarrierWithScope:(NSUInteger)scope {
    Locked locked;
    open(self, _cmd);
    if (scope == 0 || scope > 7) WRONG("there is no MTLBarrierScope " + std::to_string(scope));
}

- (void)dealloc {
    delete table;
    [super dealloc];
}

@end
