// Queues and what is in their command buffers. queue.mm runs it.

#pragma once

#include "metal.h"

#include <condition_variable>
#include <deque>

struct Commands;

// The queue's own part of an MTLCommandQueue.
struct Queue {
    FakeMTLDevice *device;
    NSUInteger most;             // command buffers that haven't completed
    NSUInteger alive;            // how many there are of them
    std::deque<Commands *> order; // those enqueued, which run in this order
};

// A part of a command buffer. It doesn't run before its event has its value.
struct Step {
    std::function<std::string()> run; // what went wrong, or ""
    FakeMTLSharedEvent *waits;
    uint64_t value;
};

enum Status { NOT_ENQUEUED, ENQUEUED, COMMITTED, SCHEDULED, COMPLETED, ERROR }; // MTLCommandBufferStatus

// What is in a command buffer.
struct Commands {
    Queue *queue = nullptr;
    Status status = NOT_ENQUEUED;
    id self = nil;    // the command buffer, while its queue holds it
    id encoder = nil; // that is open
    std::vector<Step> steps;
    size_t next = 0;
    std::set<id> uses; // retained until it has completed
    NSError *error = nil;
    bool seen = false; // somebody has looked at the error
    double start = 0, end = 0; // seconds
    unsigned looks = 0;
    long fails = 0; // it will, with this MTLCommandBufferError
};

id newCommandBuffer(FakeMTLCommandQueue *);
// Keeps an object until a command buffer has completed.
void use(Commands *, id);
// Hands a command buffer to its queue's device.
void submit(Commands *);
// Waits until a command buffer has completed, and so lets work be done.
void wait(Commands *, const std::string &who);
// Looking doesn't wait, but time goes by: now and then something has been done.
void look(Commands *);
void lookAround();
// Wakes those that wait for something to happen.
void notice();
