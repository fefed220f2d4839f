// MTLCommandBuffer.

#include "queue.h"

id newCommandBuffer(FakeMTLCommandQueue *queue) {
    FakeMTLCommandBuffer *b = create(objc_getClass("FakeMTLCommandBuffer"));
    b->queue = [queue retain];
    b->commands = new Commands;
    b->commands->queue = queue->queue;
    queue->queue->alive++;
    return [b autorelease];
}

void use(Commands *c, id object) {
    if (c->uses.insert(object).second) [object retain];
}

// Terminates the process if nothing may be encoded now.
static void open(FakeMTLCommandBuffer *b, SEL op) {
    if (b->commands->status >= COMMITTED) wrong(messageName(b, op), "the command buffer has been committed");
    if (b->commands->encoder) wrong(messageName(b, op), "another encoder is open: its endEncoding comes first");
}

@implementation FakeMTLCommandBuffer

- (id)computeCommandEncoder {
    Locked locked;
    open(self, _cmd);
    return newEncoder(self, "FakeMTLComputeCommandEncoder");
}

- (id)blitCommandEncoder {
    Locked locked;
    open(self, _cmd);
    return newEncoder(self, "FakeMTLBlitCommandEncoder");
}

- (void)encodeSignalEvent:(id)event value:(uint64_t)value {
    Locked locked;
    open(self, _cmd);
    FakeMTLSharedEvent *e = EXPECT(event, "MTLSharedEvent");
    use(commands, e);
    commands->steps.push_back({[e, value] {
                                   if (value > e->value) e->value = value;
                                   notice();
                                   return "";
                               },
                               nil, 0});
}

- (void)encodeWaitForEvent:(id)event value:(uint64_t)value {
    Locked locked;
    open(self, _cmd);
    FakeMTLSharedEvent *e = EXPECT(event, "MTLSharedEvent");
    use(commands, e);
    commands->steps.push_back({nullptr, e, value});
}

- (void)enqueue {
    Locked locked;
    if (commands->status != NOT_ENQUEUED) WRONG("the command buffer has been enqueued already");
    commands->status = ENQUEUED;
    commands->self = [self retain];
    commands->queue->order.push_back(commands);
}

- (void)commit {
    Locked locked;
    if (commands->status >= COMMITTED) WRONG("the command buffer has been committed already");
    if (commands->encoder) WRONG("an encoder is open: its endEncoding comes first");
    if (commands->status == NOT_ENQUEUED) [self enqueue];
    submit(commands);
}

- (void)waitUntilScheduled {
    Locked locked;
    if (commands->status < COMMITTED) WRONG("the command buffer hasn't been committed: it would wait for ever");
}

- (void)waitUntilCompleted {
    Locked locked;
    [self retain]; // released by its queue
    wait(commands, messageName(self, _cmd));
    [self release];
}

- (NSUInteger)status {
    Locked locked;
    look(commands);
    commands->seen = true;
    return commands->status;
}

- (NSError *)error {
    Locked locked;
    look(commands);
    commands->seen = true;
    return [[commands->error retain] autorelease];
}

// In seconds; 0 until it has completed.
- (double)GPUStartTime {
    return commands->status >= COMPLETED ? commands->start : 0;
}

- (double)GPUEndTime {
    return commands->status >= COMPLETED ? commands->end : 0;
}

- (Flag)retainedReferences {
    return flag(true);
}

- (void)dealloc {
    if (commands->encoder) wrong("-[MTLCommandBuffer release]", "an encoder is open: its endEncoding comes first");
    // Metal would release the command buffer; the encoded work would never run.
    if (!commands->steps.empty() && commands->status < COMMITTED) wrong("-[MTLCommandBuffer release]", "what was encoded was never committed");
    if (commands->status == ERROR && !commands->seen) wrong("-[MTLCommandBuffer release]", "it failed, and nobody has checked its status or error since");
    if (commands->status < COMMITTED) commands->queue->alive--;
    for (id u : commands->uses) [u release];
    [commands->error release];
    delete commands;
    [queue release];
    [super dealloc];
}

@end
