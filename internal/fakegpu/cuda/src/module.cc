// Modules, which are shared libraries linked with the emulator, and kernel launches.

#include "fake.h"

#include "emulator.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <unistd.h>

struct Module {
    Context *context;
    void *library;
    decltype(&emulator_find) find;
    decltype(&emulator_launch) launch;
    std::map<std::string, std::unique_ptr<Function>> functions;
};

struct Function {
    Module *module;
    const emulator_kernel *kernel;
};

static Handles<Module> modules{"module", {}};
static std::set<Function *> functions;

static Function *checked(const char *name, Function *f) {
    if (!functions.count(f)) wrong(name, "not a function, or its module has been unloaded");
    if (f->module->context != current(name)) wrong(name, "the function is another context's");
    return f;
}

// The size of a shared library, which ends with its section headers.
static size_t size(const char *image) {
    const Elf64_Ehdr *head = (const Elf64_Ehdr *)image;
    return head->e_shoff + size_t(head->e_shentsize) * head->e_shnum;
}

Launch launch(const char *name, Function *f, const unsigned grid[3], const unsigned block[3], unsigned shared, void **parameters) {
    checked(name, f);
    Launch l{f, {}, {}, {}};
    size_t threads = 1;
    for (int i = 0; i < 3; i++) {
        l.grid[i] = grid[i];
        l.block[i] = block[i];
        threads *= block[i];
        if (grid[i] == 0 || grid[i] > (i ? 65535u : 2147483647u)) wrong(name, "a grid of " + std::to_string(grid[i]) + " blocks in a dimension");
    }
    if (threads == 0 || threads > 1024) wrong(name, "blocks of " + std::to_string(threads) + " threads");
    if (shared) wrong(name, "dynamic shared memory is not supported here");
    for (int i = 0; i < f->kernel->parameters; i++) {
        const char *value = (const char *)parameters[i];
        l.values.emplace_back(value, value + f->kernel->sizes[i]);
    }
    l.check(name, QUEUED);
    return l;
}

void Launch::check(const char *name, When when) const {
    for (auto &v : values) {
        const char *at;
        if (v.size() != sizeof at) continue;
        memcpy(&at, v.data(), sizeof at);
        // Anything but a device address is a number. The size of the access is unknown,
        // perhaps 0.
        if (isDevices(at)) usable(name, at, 0, function->module->context, when);
    }
}

void Launch::run() const {
    check(function->kernel->name, RUNNING);
    std::vector<void *> pointers;
    for (auto &v : values) pointers.push_back((void *)v.data());
    const char *failed = function->module->launch(function->kernel, grid, block, 0, pointers.data(), int(random(2)));
    if (failed) {
        fprintf(stderr, "fake libcuda: %s\n", failed);
        function->module->context->lost = LAUNCH_FAILED;
    }
}

extern "C" {

Result cuModuleLoadDataEx(Module **m, const char *image, unsigned, const int *, void **) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    Context *c = current("cuModuleLoadDataEx");
    if (memcmp(image, ELFMAG, SELFMAG) != 0) return INVALID_IMAGE;
    // Under a unique name: dlopen returns the same library for equal names.
    char name[] = "/tmp/flowrun-module-XXXXXX";
    int file = mkstemp(name);
    size_t bytes = size(image);
    if (file < 0 || write(file, image, bytes) != ssize_t(bytes)) wrong("cuModuleLoadDataEx", "no space for the module");
    close(file);
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    unlink(name);
    if (!library) return fprintf(stderr, "fake libcuda: %s\n", dlerror()), INVALID_IMAGE;
    *m = modules.add(new Module{c, library, (decltype(&emulator_find))dlsym(library, "emulator_find"),
                                (decltype(&emulator_launch))dlsym(library, "emulator_launch"), {}});
    return SUCCESS;
}

Result cuModuleGetFunction(Function **f, Module *m, const char *name) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    modules.check("cuModuleGetFunction", m);
    const emulator_kernel *kernel = m->find(name);
    if (!kernel) return NOT_FOUND;
    auto &known = m->functions[name];
    if (!known) {
        known.reset(new Function{m, kernel});
        functions.insert(known.get());
    }
    *f = known.get();
    return SUCCESS;
}

Result cuModuleUnload(Module *m) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    current("cuModuleUnload");
    modules.check("cuModuleUnload", m);
    for (Stream *s : streams.live)
        if (s->context == m->context) drain(s);
    for (auto &f : m->functions) functions.erase(f.second.get());
    dlclose(m->library);
    modules.remove("cuModuleUnload", m);
    return SUCCESS;
}

Result cuFuncGetAttribute(int *value, int attribute, Function *f) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    checked("cuFuncGetAttribute", f);
    if (attribute != 0) wrong("cuFuncGetAttribute", "the attribute " + std::to_string(attribute) + " is not supported here");
    *value = 1024;
    return SUCCESS;
}

Result cuFuncGetParamInfo(Function *f, size_t index, size_t *offset, size_t *bytes) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    checked("cuFuncGetParamInfo", f);
    if (index >= size_t(f->kernel->parameters)) return INVALID_VALUE;
    *offset = 0;
    for (size_t i = 0; i < index; i++) *offset += f->kernel->sizes[i];
    *bytes = f->kernel->sizes[index];
    return SUCCESS;
}

Result cuLaunchKernel(Function *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                      Stream *s, void **parameters, void **extra) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    stream("cuLaunchKernel", s);
    if (extra) wrong("cuLaunchKernel", "only kernelParams is supported here");
    const unsigned grid[] = {gx, gy, gz}, block[] = {bx, by, bz};
    Launch l = launch("cuLaunchKernel", f, grid, block, shared, parameters);
    enqueue(s, f->kernel->name, [l] { l.run(); });
    return s->context->lost;
}
}
