// Queues and their command buffers. queue.mm executes them.

#pragma once

#include "metal.h"

#include <condition_variable>
#include <deque>

struct Commands;

// The contents of an MTLCommandQueue.
struct Queue {
    FakeMTLDevice *device;
    NSUInteger most;             // limit of uncompleted command buffers
    NSUInteger alive;            // number of uncompleted command buffers
    std::deque<Commands *> order; // enqueued command buffers, in execution order
};

// A part of a command buffer. It doesn't run before its event has the required value.
struct Step {
    std::function<std::string()> run; // returns the error or ""
    FakeMTLSharedEvent *waits;
    uint64_t value;
};

enum Status { NOT_ENQUEUED, ENQUEUED, COMMITTED, SCHEDULED, COMPLETED, ERROR }; // MTLCommandBufferStatus

// The contents of a command buffer.
struct Commands {
    Queue *queue = nullptr;
    Status status = NOT_ENQUEUED;
    id self = nil;    // the command buffer, while its queue retains it
    id encoder = nil; // the open one
    std::vector<Step> steps;
    size_t next = 0;
    std::set<id> uses; // retained until it has completed
    NSError *error = nil;
    bool seen = false; // somebody has checked the error
    double start = 0, end = 0; // seconds
    unsigned looks = 0;
    long fails = 0; // it will fail with this MTLCommandBufferError
};

id newCommandBuffer(FakeMTLCommandQueue *);
// Retains an object until a command buffer has completed.
void use(Commands *, id);
// Passes a command buffer to its queue's device.
void submit(Commands *);
// Waits until a command buffer has completed, executing work.
void wait(Commands *, const std::string &who);
// Polling doesn't wait, but time passes: sometimes work is executed.
void look(Commands *);
void lookAround();
// Wakes threads that wait for something to happen.
void notice();
