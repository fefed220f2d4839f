// Memory of buffers.

#include "metal.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <sys/mman.h>

// It comes from one address range and is never reused, so that use after free and
// accesses beyond the end are detected and named.
#if defined(__aarch64__)
static const size_t range = size_t(1) << 34; // QEMU keeps a note of every page
#else
static const size_t range = size_t(1) << 42;
#endif
static const size_t page = 4096;
static char *base, *top;

struct Piece {
    NSUInteger bytes;
    bool free;
};
static std::map<char *, Piece> pieces;

thread_local const char *running;

static size_t pages(NSUInteger bytes) { return (bytes + page - 1) / page * page; }

// The bytes of a buffer's last page behind its end; as floats they are NaN.
static const unsigned char beyond = 0xff;

static struct sigaction before[2]; // of SIGSEGV and SIGBUS

// Names an invalid access. All other faults are passed to Go's handler.
static void fault(int number, siginfo_t *info, void *context) {
    char *at = (char *)info->si_addr;
    const char *kernel = running;
    if (base && at >= base && at < base + range) {
        auto next = pieces.upper_bound(at);
        const char *what = "addresses that never were a buffer's";
        size_t bytes = 0, offset = 0;
        if (next != pieces.begin()) {
            auto &[start, piece] = *std::prev(next);
            what = piece.free ? "a buffer that has been deallocated" : "a buffer";
            bytes = piece.bytes, offset = at - start;
        }
        fprintf(stderr, "fake Metal: %s%s touched byte %zu of %s, which had %zu\n", kernel ? "the kernel " : "the host", kernel ? kernel : "", offset, what, bytes);
        abort();
    }
    if (kernel) {
        fprintf(stderr, "fake Metal: the kernel %s touched %p, which is no memory of a buffer\n", kernel, at);
        abort();
    }
    struct sigaction &old = before[number == SIGBUS];
    if (old.sa_flags & SA_SIGINFO) old.sa_sigaction(number, info, context);
    else if (old.sa_handler == SIG_DFL || old.sa_handler == SIG_IGN) signal(number, SIG_DFL);
    else old.sa_handler(number);
}

static void watchFaults() {
    struct sigaction action = {};
    action.sa_sigaction = fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART; // as Go wants it
    sigfillset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &before[0]);
    sigaction(SIGBUS, &action, &before[1]);
}

char *reserve(NSUInteger bytes) {
    if (!base) {
        void *got = mmap(nullptr, range, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (got == MAP_FAILED) wrong("newBuffer", "no address space is left");
        base = top = (char *)got;
        watchFaults();
    }
    char *at = top;
    if (bytes > size_t(base + range - top) || mprotect(at, pages(bytes), PROT_READ | PROT_WRITE)) return nullptr;
    memset(at + bytes, beyond, pages(bytes) - bytes);
    pieces[at] = {bytes, false};
    top += pages(bytes) + page;
    return at;
}

void giveBack(char *at) {
    Piece &piece = pieces.at(at);
    piece.free = true;
    mmap(at, pages(piece.bytes), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

void checkEnd(FakeMTLBuffer *buffer, const std::string &who) {
    static const std::string untouched(page, char(beyond));
    size_t rest = pages(buffer->bytes) - buffer->bytes;
    if (!buffer->mine || memcmp(buffer->at + buffer->bytes, untouched.data(), rest) == 0) return;
    NSUInteger i = buffer->bytes;
    while ((unsigned char)buffer->at[i] == beyond) i++;
    wrong(who, "byte " + std::to_string(i) + " of a buffer of " + std::to_string(buffer->bytes) + " was written");
}

@implementation FakeMTLBuffer

- (void *)contents {
    return secret ? nullptr : at;
}

- (NSUInteger)length {
    return bytes;
}

- (void)dealloc {
    checkEnd(self, "-[MTLBuffer release]");
    device->used -= bytes;
    if (mine) giveBack(at);
    [device release];
    [super dealloc];
}

@end
