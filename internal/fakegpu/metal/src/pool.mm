// Autorelease pools: each thread has its own stack of them.

#include "objc.h"

#include <vector>

struct Pool {
    uintptr_t token;
    std::vector<id> objects;
};

static thread_local std::vector<Pool> pools;

void autoreleased(id object) {
    // On a Mac the object would leak, with at most a line on stderr if enabled.
    if (pools.empty()) wrong(messageName(object, sel_registerName("autorelease")), "the thread has no autorelease pool");
    pools.back().objects.push_back(object);
}

EXPORT void *objc_autoreleasePoolPush(void) {
    static uintptr_t last;
    Locked locked;
    pools.push_back({++last, {}});
    return (void *)last;
}

// Pops a pool and all that were pushed after it.
EXPORT void objc_autoreleasePoolPop(void *token) {
    Locked locked;
    size_t at = 0;
    while (at < pools.size() && pools[at].token != (uintptr_t)token) at++;
    if (at == pools.size()) wrong("objc_autoreleasePoolPop", "not a pool of this thread, or it has been popped");
    while (pools.size() > at) {
        std::vector<id> &objects = pools.back().objects;
        while (!objects.empty()) {
            id object = objects.back();
            objects.pop_back();
            if (!alive(object)) wrong(messageName(object, sel_registerName("release")), "an autoreleased object was released more often than it was retained");
            [object release];
        }
        pools.pop_back();
    }
}

EXPORT id objc_msgSend(id, SEL, ...);

EXPORT id objc_retain(id object) { return objc_msgSend(object, sel_registerName("retain")); }

EXPORT void objc_release(id object) { objc_msgSend(object, sel_registerName("release")); }
