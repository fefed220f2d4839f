// Queues, and the execution of committed work.

#include "queue.h"

#include <chrono>
#include <ctime>

static std::set<Queue *> queues;
static std::condition_variable_any changed;

// The time limit for waiting.
static const auto patience = std::chrono::seconds(2);

static double now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

// Metal's descriptions of its errors.
static NSError *failure(long code, const std::string &what) {
    static const struct {
        long code;
        const char *text;
    } known[] = {
        {1, "Internal Error (00000001:kIOGPUCommandBufferCallbackErrorInternal)"},
        {2, "Caused GPU Timeout Error (00000002:kIOGPUCommandBufferCallbackErrorTimeout)"},
        {3, "Caused GPU Address Fault Error (0000000b:kIOGPUCommandBufferCallbackErrorPageFault)"},
        {4, "Ignored (for causing prior/excessive GPU errors) (00000004:kIOGPUCommandBufferCallbackErrorSubmissionsIgnored)"},
        {8, "Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)"},
        {9, "Invalid Resource (00000009:kIOGPUCommandBufferCallbackErrorInvalidResource)"},
        {11, "The device was removed"},
    };
    std::string text = "Discarded";
    for (auto &k : known)
        if (k.code == code) text = k.text;
    return newError("MTLCommandBufferErrorDomain", code, what.empty() ? text : text + ": " + what);
}

static const long timeout = 2, revoked = 4, removed = 11;

// Completes a command buffer, successfully or with an error.
static void finish(Commands *c, long code, const std::string &what) {
    c->status = code ? ERROR : COMPLETED;
    c->end = now();
    if (code) c->error = failure(code, what), c->seen = false;
    if (code == revoked || code == removed) c->queue->device->revoked = true;
    c->queue->order.pop_front();
    c->queue->alive--;
    for (id u : c->uses) [u release];
    c->uses.clear();
    c->steps.clear();
    id self = c->self;
    c->self = nil; // the queue's reference
    changed.notify_all();
    [self release];
}

// Executes the next step of a queue. False if there is none, or if it waits.
static bool advance(Queue *q) {
    if (q->order.empty()) return false;
    Commands *c = q->order.front();
    if (c->status < COMMITTED) return false;
    if (c->status == COMMITTED) {
        c->status = SCHEDULED;
        c->start = now();
    }
    if (q->device->revoked) return finish(c, revoked, ""), true;
    // A failure happens in the middle, after some steps have run.
    if (c->fails && c->next >= c->steps.size() / 2) return finish(c, c->fails, ""), true;
    if (c->next == c->steps.size()) return finish(c, 0, ""), true;
    Step &step = c->steps[c->next];
    if (step.waits && step.waits->value < step.value) return false;
    std::string problem = step.run ? step.run() : "";
    c->next++;
    if (!problem.empty()) finish(c, timeout, problem);
    return true;
}

// Executes the next step of any queue.
static bool advanceAny() {
    for (Queue *q : queues)
        if (advance(q)) return true;
    return false;
}

// Lets time pass until something happens that a queue may wait for. False if nothing does
// for long.
static bool pass(Queue *q) {
    if (advance(q) || advanceAny()) return true;
    // Another thread may commit or signal what is missing.
    return changed.wait_for(lock, patience) != std::cv_status::timeout || advance(q) || advanceAny();
}

void wait(Commands *c, const std::string &who) {
    if (c->status < COMMITTED) wrong(who, "the command buffer hasn't been committed: it would wait for ever");
    while (c->status < COMPLETED) {
        if (pass(c->queue) || c->status >= COMPLETED) continue;
        Commands *first = c->queue->order.front();
        if (first->status < COMMITTED) wrong(who, "the command buffer before it was enqueued, and is never committed: it would wait for ever");
        finish(first, timeout, "it waited for an event that nobody signals");
    }
}

void notice() { changed.notify_all(); }

void look(Commands *c) {
    if (c->status >= COMMITTED && c->status < COMPLETED && ++c->looks % 4 == 0) advanceAny();
}

void lookAround() {
    static unsigned looks;
    if (++looks % 4 == 0) advanceAny();
}

void submit(Commands *c) {
    c->status = COMMITTED;
    if (play.command_buffer_fails && --play.command_buffer_fails == 0) c->fails = play.failure;
    changed.notify_all();
    if (play.pace == EAGER)
        while (advanceAny()) {}
    if (play.pace == MIXED)
        for (unsigned n = random(8); n > 0 && advanceAny();) n--;
}

id newQueue(FakeMTLDevice *device, NSUInteger most) {
    Locked locked;
    FakeMTLCommandQueue *q = create(objc_getClass("FakeMTLCommandQueue"));
    q->queue = new Queue{[device retain], most, 0, {}};
    queues.insert(q->queue);
    return q;
}

@implementation FakeMTLCommandQueue

- (id)commandBuffer {
    Locked locked;
    // A real queue blocks until one of its command buffers has completed.
    while (queue->alive >= queue->most)
        if (!pass(queue) && queue->alive >= queue->most)
            WRONG("all of the queue's " + std::to_string(queue->most) + " command buffers are in use, and none completes: it would wait for ever");
    return newCommandBuffer(self);
}

- (id)commandBufferWithUnretainedReferences {
    WRONG("what such a command buffer uses may be deallocated before it runs; commandBuffer retains it");
}

- (void)dealloc {
    // Its command buffers retain it: none is left.
    queues.erase(queue);
    [queue->device release];
    delete queue;
    [super dealloc];
}

@end

@implementation FakeMTLSharedEvent

- (uint64_t)signaledValue {
    Locked locked;
    lookAround();
    return value;
}

- (void)setSignaledValue:(uint64_t)to {
    Locked locked;
    if (to > value) value = to;
    notice();
}

@end

id newSharedEvent() { return create(objc_getClass("FakeMTLSharedEvent")); }
