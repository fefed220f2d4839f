// Memory of devices, pinned host memory, and copies.

#include "fake.h"

#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

// Device memory comes from one address range and is never reused, so an address tells
// whether it is a device's, and use after free is detected.
static const size_t range = size_t(1) << 42;
static char *base, *top;
static std::map<char *, Memory> all; // by address
static std::map<char *, size_t> pinned;

extern "C" Result cuMemGetInfo_v2(size_t *, size_t *);

// Memory freed in stream order: only work queued before may use it.
static std::set<char *> leaving;

static bool inRange(const void *at) { return base && at >= base && at < base + range; }

// The memory that contains an address or ends there, or null.
static Memory *find(const char *at) {
    auto next = all.upper_bound((char *)at);
    if (next == all.begin()) return nullptr;
    Memory &m = std::prev(next)->second;
    return at <= m.at + m.bytes ? &m : nullptr;
}

bool isDevices(const void *at) { return inRange(at); }

void usable(const char *function, const void *at, size_t bytes, Context *context, When when) {
    Memory *m = find((const char *)at);
    if (!m && !inRange(at)) wrong(function, "not device memory");
    if (!m || (when == QUEUED && leaving.count(m->at))) wrong(function, "the memory has been freed or was never allocated");
    if ((char *)at + bytes > m->at + m->bytes) wrong(function, "the access goes beyond the end of the memory");
    if (m->context != context) wrong(function, "this is another device's memory");
}

static Result allocate(Context *c, char **at, size_t bytes) {
    if (bytes == 0) return INVALID_VALUE;
    size_t free, total;
    cuMemGetInfo_v2(&free, &total);
    if (bytes > free) return OUT_OF_MEMORY;
    if (!base) {
        void *got = mmap(nullptr, range, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (got == MAP_FAILED) wrong("cuMemAlloc", "no address space is left");
        base = top = (char *)got;
    }
    size_t pages = (bytes + 4095) / 4096 * 4096;
    *at = top;
    top += pages + 4096; // the memory behind can't be accessed
    if (top > base + range || mprotect(*at, pages, PROT_READ | PROT_WRITE)) wrong("cuMemAlloc", "no address space is left");
    memset(*at, 0xCD, bytes);
    all[*at] = {c, *at, bytes};
    c->used += bytes;
    return SUCCESS;
}

static void release(char *at) {
    Memory &m = all.at(at);
    m.context->used -= m.bytes;
    size_t pages = (m.bytes + 4095) / 4096 * 4096;
    mmap(at, pages, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    all.erase(at);
}

static void owned(const char *function, char *at, Context *c) {
    auto found = all.find(at);
    if (found == all.end() || leaving.count(at)) wrong(function, "the memory has been freed or was never allocated");
    if (found->second.context != c) wrong(function, "this is another device's memory");
}

extern "C" {

Result cuMemAlloc_v2(char **at, size_t bytes) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    return allocate(current("cuMemAlloc"), at, bytes);
}

Result cuMemFree_v2(char *at) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    Context *c = current("cuMemFree");
    owned("cuMemFree", at, c);
    for (Stream *s : streams.live)
        if (s->context == c) drain(s);
    release(at);
    return c->lost;
}

Result cuDeviceGetDefaultMemPool(void **pool, int id) {
    *pool = (void *)(intptr_t)(id + 1);
    return SUCCESS;
}

Result cuMemPoolSetAttribute(void *pool, int attribute, void *) {
    if (!pool || attribute != 4) wrong("cuMemPoolSetAttribute", "not the release threshold of a pool");
    return SUCCESS;
}

Result cuMemAllocAsync(char **at, size_t bytes, Stream *s) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    return allocate(stream("cuMemAllocAsync", s)->context, at, bytes);
}

Result cuMemFreeAsync(char *at, Stream *s) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    stream("cuMemFreeAsync", s);
    owned("cuMemFreeAsync", at, s->context);
    leaving.insert(at);
    enqueue(s, "cuMemFreeAsync", [at] {
        leaving.erase(at);
        release(at);
    });
    return s->context->lost;
}

Result cuMemHostAlloc(char **at, size_t bytes, unsigned) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    current("cuMemHostAlloc");
    *at = (char *)aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    memset(*at, 0xCD, bytes);
    pinned[*at] = bytes;
    return SUCCESS;
}

Result cuMemFreeHost(char *at) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    current("cuMemFreeHost");
    if (!pinned.erase(at)) wrong("cuMemFreeHost", "not memory from cuMemHostAlloc");
    free(at);
    return SUCCESS;
}

// The source and destination of a copy must be valid both when it is queued and when it
// runs. Host memory is read and written as late as possible.

Result cuMemcpyHtoDAsync_v2(char *to, const char *from, size_t bytes, Stream *s) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    stream("cuMemcpyHtoDAsync", s);
    usable("cuMemcpyHtoDAsync", to, bytes, s->context, QUEUED);
    enqueue(s, "cuMemcpyHtoDAsync", [=] { memcpy(to, from, bytes); });
    return s->context->lost;
}

Result cuMemcpyDtoHAsync_v2(char *to, const char *from, size_t bytes, Stream *s) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    stream("cuMemcpyDtoHAsync", s);
    usable("cuMemcpyDtoHAsync", from, bytes, s->context, QUEUED);
    enqueue(s, "cuMemcpyDtoHAsync", [=] { memcpy(to, from, bytes); });
    return s->context->lost;
}

Result cuMemcpyDtoDAsync_v2(char *to, const char *from, size_t bytes, Stream *s) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    stream("cuMemcpyDtoDAsync", s);
    usable("cuMemcpyDtoDAsync", to, bytes, s->context, QUEUED);
    usable("cuMemcpyDtoDAsync", from, bytes, s->context, QUEUED);
    if (to < from + bytes && from < to + bytes) wrong("cuMemcpyDtoDAsync", "source and destination overlap");
    enqueue(s, "cuMemcpyDtoDAsync", [=] { memcpy(to, from, bytes); });
    return s->context->lost;
}

Result cuMemcpyPeerAsync(char *to, Context *toContext, const char *from, Context *fromContext, size_t bytes, Stream *s) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    stream("cuMemcpyPeerAsync", s);
    usable("cuMemcpyPeerAsync", to, bytes, toContext, QUEUED);
    usable("cuMemcpyPeerAsync", from, bytes, fromContext, QUEUED);
    enqueue(s, "cuMemcpyPeerAsync", [=] { memcpy(to, from, bytes); });
    return s->context->lost;
}
}
