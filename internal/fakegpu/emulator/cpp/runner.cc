// A device for tests: it loads modules, has memory, and runs kernels, controlled through
// its standard input. A kernel that crashes ends this process and not the test's.
//
// A request is a byte and its arguments; all numbers are little-endian; a text or block
// of bytes is its length in 64 bits followed by its contents. The answer is a text, empty
// on success, followed by the result.
//
//  l path                       load a module
//  a bytes                      allocate; the result is an address
//  f address                    free
//  w address block              write
//  r address bytes              read; the result is a block
//  x name 3×grid 3×block how count and that many blocks of parameters
//                               run a kernel

#include "emulator.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <string>
#include <vector>

static void get(void *to, size_t bytes) {
    if (bytes > 0 && fread(to, 1, bytes, stdin) != bytes) {
        exit(0); // the test has ended
    }
}

static uint64_t number() {
    uint64_t v;
    get(&v, sizeof v);
    return v;
}

static std::string block() {
    std::string s(number(), 0);
    get(&s[0], s.size());
    return s;
}

static void put(const void *from, uint64_t bytes) {
    fwrite(&bytes, sizeof bytes, 1, stdout);
    fwrite(from, 1, bytes, stdout);
}

static void answer(const char *error) { put(error ? error : "", error ? strlen(error) : 0); }

static void run() {
    std::string name = block();
    unsigned grid[3], threads[3];
    for (unsigned &v : grid) {
        v = number();
    }
    for (unsigned &v : threads) {
        v = number();
    }
    int how = number();
    std::vector<std::string> parameters(number());
    std::vector<void *> pointers;
    for (std::string &p : parameters) {
        p = block();
        pointers.push_back(&p[0]);
    }
    const emulator_kernel *kernel = emulator_find(name.c_str());
    if (!kernel) {
        return answer(("there is no kernel " + name).c_str());
    }
    bool fits = kernel->parameters == (int)parameters.size();
    for (int i = 0; fits && i < kernel->parameters; i++) {
        fits = kernel->sizes[i] == parameters[i].size();
    }
    if (!fits) {
        return answer((name + " doesn't take these parameters").c_str());
    }
    fprintf(stderr, "kernel %s\n", name.c_str()); // the output after it is this kernel's
    answer(emulator_launch(kernel, grid, threads, 0, pointers.data(), how));
}

int main() {
    for (;;) {
        switch (getchar()) {
        case 'l':
            answer(dlopen(block().c_str(), RTLD_NOW | RTLD_LOCAL) ? nullptr : dlerror());
            break;
        case 'a': {
            // Exactly that many bytes, so that AddressSanitizer detects accesses beyond.
            void *p = nullptr;
            int failed = posix_memalign(&p, 256, number());
            answer(failed ? strerror(failed) : nullptr);
            uint64_t address = (uint64_t)p;
            fwrite(&address, sizeof address, 1, stdout);
            break;
        }
        case 'f':
            free((void *)number());
            answer(nullptr);
            break;
        case 'w': {
            void *to = (void *)number();
            std::string bytes = block();
            memcpy(to, bytes.data(), bytes.size());
            answer(nullptr);
            break;
        }
        case 'r': {
            void *from = (void *)number();
            uint64_t bytes = number();
            answer(nullptr);
            put(from, bytes);
            break;
        }
        case 'x':
            run();
            break;
        default:
            return 0;
        }
        fflush(stdout);
    }
}
