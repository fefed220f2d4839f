// Modules: shared libraries of kernels, linked with the emulator.

#include "metal.h"

#include "emulator.h"
#include "module.h"

#include <cstring>
#include <dlfcn.h>

struct Module {
    void *library;
    decltype(&emulator_find) find;
    decltype(&emulator_kernels) kernels;
    decltype(&emulator_launch) launch;

    ~Module() { dlclose(library); }
};

template <class T> static void symbol(void *library, const char *name, T *function) {
    *function = (T)dlsym(library, name);
    if (!*function) wrong("newLibraryWithSource", std::string("the module has no ") + name);
}

std::shared_ptr<Module> compile(const std::string &source, NSUInteger version, bool safe, std::string *said) {
    std::string path = compiled(source, std::to_string((version >> 16) * 100 + (version & 0xffff) * 10), !safe, said);
    if (path.empty()) return nullptr;
    // A source is loaded once, however often it is compiled: the emulator runs one kernel
    // at a time, as does the fake.
    void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) wrong("newLibraryWithSource", dlerror());
    auto m = std::make_shared<Module>();
    m->library = library;
    symbol(library, "emulator_find", &m->find);
    symbol(library, "emulator_kernels", &m->kernels);
    symbol(library, "emulator_launch", &m->launch);
    return m;
}

std::vector<std::string> functionNames(const std::shared_ptr<Module> &module) {
    std::vector<std::string> names;
    unsigned count;
    const emulator_kernel *const *kernels = module->kernels(&count);
    for (unsigned i = 0; i < count; i++) names.push_back(kernels[i]->name);
    return names;
}

Kernel kernelOf(const std::shared_ptr<Module> &module, const std::string &name) {
    const emulator_kernel *k = module->find(name.c_str());
    if (!k) return {};
    Kernel kernel = {module, name, {}, *k->threadgroup_bytes, k};
    for (int i = 0; i < k->parameters; i++) {
        const emulator_binding &b = k->bindings[i];
        // An element has at least as many bytes as its alignment.
        kernel.bindings.push_back({b.index, b.is_value != 0, b.is_written != 0, b.is_value ? k->sizes[i] : b.alignment, b.alignment});
    }
    return kernel;
}

std::string launch(const Kernel &kernel, MTLSize groups, MTLSize threads, const std::vector<void *> &bound) {
    // A value is passed in place, a buffer by its address.
    std::vector<void *> addresses = bound, values;
    for (size_t i = 0; i < bound.size(); i++) values.push_back(kernel.bindings[i].constant ? bound[i] : (void *)&addresses[i]);
    const unsigned grid[] = {unsigned(groups.width), unsigned(groups.height), unsigned(groups.depth)};
    const unsigned block[] = {unsigned(threads.width), unsigned(threads.height), unsigned(threads.depth)};
    running = kernel.name.c_str();
    const char *failed = kernel.module->launch((const emulator_kernel *)kernel.emulated, grid, block, 0, values.data(), random(2) ? emulator_backwards : 0);
    running = nullptr;
    return failed ? failed : "";
}
