// The common part of all encoders, and MTLBlitCommandEncoder.

#include "queue.h"

#include <cstring>

id newEncoder(FakeMTLCommandBuffer *buffer, const char *className) {
    FakeMTLCommandEncoder *e = create(objc_getClass(className));
    e->buffer = [buffer retain];
    buffer->commands->encoder = e;
    return [[e init] autorelease];
}

void open(FakeMTLCommandEncoder *e, SEL op) {
    if (e->ended) wrong(messageName(e, op), "the encoder's endEncoding has been sent");
}

@implementation FakeMTLCommandEncoder

- (void)endEncoding {
    Locked locked;
    open(self, _cmd);
    ended = true;
    buffer->commands->encoder = nil;
}

- (void)dealloc {
    if (!ended) wrong(messageName(self, sel_registerName("release")), "the encoder's endEncoding was never sent");
    [buffer release];
    [super dealloc];
}

@end

// Checks a range of a buffer that a blit uses.
static FakeMTLBuffer *part(id self, SEL op, id buffer, NSUInteger offset, NSUInteger size) {
    FakeMTLBuffer *b = expect(self, op, buffer, "MTLBuffer");
    std::string bytes = "bytes " + std::to_string(offset) + " to " + std::to_string(offset + size);
    if (offset % 4 || size % 4) wrong(messageName(self, op), bytes + ": on macOS offsets and sizes are multiples of 4");
    if (size == 0) wrong(messageName(self, op), "the size is 0");
    if (offset > b->bytes || size > b->bytes - offset) wrong(messageName(self, op), bytes + " are outside a buffer of " + std::to_string(b->bytes));
    return b;
}

@implementation FakeMTLBlitCommandEncoder

- (void)copyFromBuffer:(id)from sourceOffset:(NSUInteger)fromOffset toBuffer:(id)to destinationOffset:(NSUInteger)toOffset size:(NSUInteger)size {
    Locked locked;
    open(self, _cmd);
    FakeMTLBuffer *f = part(self, _cmd, from, fromOffset, size), *t = part(self, _cmd, to, toOffset, size);
    if (f->device != buffer->queue->queue->device || t->device != f->device) WRONG("a buffer is another device's");
    if (f == t && fromOffset < toOffset + size && toOffset < fromOffset + size) WRONG("source and destination overlap");
    use(buffer->commands, f);
    use(buffer->commands, t);
    buffer->commands->steps.push_back({[=] {
                                           memmove(t->at + toOffset, f->at + fromOffset, size);
                                           return "";
                                       },
                                       nil, 0});
}

- (void)fillBuffer:(id)to range:(NSRange)range value:(uint8_t)value {
    Locked locked;
    open(self, _cmd);
    FakeMTLBuffer *t = part(self, _cmd, to, range.location, range.length);
    if (t->device != buffer->queue->queue->device) WRONG("the buffer is another device's");
    use(buffer->commands, t);
    buffer->commands->steps.push_back({[=] {
                                           memset(t->at + range.location, value, range.length);
                                           return "";
                                       },
                                       nil, 0});
}

@end
