// Compiles kernels for the emulator with the C++ compiler. COMPILER, TARGET (its
// argument for this processor), EMULATOR (the folder of its sources) and FOLDER (where
// the emulator's object is, and where what was compiled is kept) are defined when this
// is built.

#include "module.h"

#include "metal/to_cpp.h"

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

static std::string contents(const std::string &file) {
    std::ifstream in(file, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
}

// A name for a text: two hashes, FNV-1a from different beginnings.
static std::string hash(const std::string &text) {
    char name[40];
    uint64_t a = 14695981039346656037u, b = 1469598103934665603u;
    for (unsigned char c : text) {
        a = (a ^ c) * 1099511628211u;
        b = (b ^ (c + 1)) * 1099511628211u;
    }
    snprintf(name, sizeof name, "%016llx%016llx", (unsigned long long)a, (unsigned long long)b);
    return name;
}

// Runs a command and waits for it; its messages are appended to what is said.
static bool run(std::vector<std::string> command, const std::string &folder, std::string *said) {
    std::vector<char *> arguments;
    for (auto &c : command) arguments.push_back(c.data());
    arguments.push_back(nullptr);
    std::string messages = folder + "/messages";
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 2, messages.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t child;
    bool started = posix_spawn(&child, arguments[0], &actions, nullptr, arguments.data(), environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    int status = 1;
    while (started && waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    *said += contents(messages);
    return started && status == 0;
}

// Makes C++ of a preprocessed source and compiles it after Metal's library.
static bool translate(const std::string &folder, metal_purpose purpose, const std::vector<std::string> &flags, std::string *said) {
    std::string problem, cpp = folder + "/cpp", text = metal_to_cpp(contents(folder + "/preprocessed"), purpose, &problem);
    *said += problem;
    if (!problem.empty()) return false;
    std::ofstream(cpp) << text;
    std::vector<std::string> command = {COMPILER, "-Werror", "-Wno-tautological-compare", "-x", "c++", "-include", EMULATOR "/metal/shim.h", cpp};
    command.insert(command.end(), flags.begin(), flags.end());
    return run(command, folder, said);
}

// From the source in a folder to the shared library there: through the preprocessor,
// past a compiler that has Metal's address spaces, and through one that hasn't.
static bool build(const std::string &folder, const std::string &version, bool fast, std::string *said) {
    std::vector<std::string> flags = {
        "-std=c++14", "-pedantic-errors", "-O1", "-g1", "-fPIC", "-shared", "-fno-strict-aliasing",
        "-Xclang", "-ffloat16-excess-precision=none", TARGET, "-Wno-pass-failed",
        "-x", "none", FOLDER "/emulator.o", "-o", folder + "/module.so"};
    // Safe math contracts products and sums within an expression, unless the source
    // says that they are to be kept apart.
    if (fast) flags.insert(flags.end(), {"-ffast-math", "-Wno-nan-infinity-disabled"});
    else flags.push_back("-ffp-contract=on");
    return run({COMPILER, "-E", "-x", "c++", "-std=c++14", "-undef", "-nostdinc", "-nostdinc++", "-D__METAL_VERSION__=" + version,
                "-I", EMULATOR "/metal", folder + "/source", "-o", folder + "/preprocessed"}, folder, said) &&
           translate(folder, metal_purpose::checking_attributes, {"-std=c++23", "-fsyntax-only", "-DSTRICT_ATTRIBUTES"}, said) &&
           translate(folder, metal_purpose::running, flags, said);
}

std::string compiled(const std::string &source, const std::string &version, bool fast, std::string *said) {
    std::string kept = std::string(FOLDER "/") + hash(source + version + (fast ? "fast" : "safe")) + ".so";
    if (access(kept.c_str(), R_OK) == 0) return kept;
    char folder[] = FOLDER "/new-XXXXXX"; // others may read meanwhile
    if (!mkdtemp(folder)) return *said = "there is no folder for what is compiled", "";
    std::string in = folder;
    std::ofstream(in + "/source") << source;
    bool built = build(in, version, fast, said) && rename((in + "/module.so").c_str(), kept.c_str()) == 0;
    for (auto file : {"/source", "/preprocessed", "/cpp", "/messages", "/module.so"}) unlink((in + file).c_str());
    rmdir(folder);
    return built ? kept : "";
}
