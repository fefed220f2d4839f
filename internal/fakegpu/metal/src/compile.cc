// Compiles kernels for the emulator with the C++ compiler.

#include "module.h"

#include "compiling.h"
#include "metal/to_cpp.h"

#include <cstdlib>

using compiling::contents;

// Runs a command; its messages are appended to `said`.
static bool run(const std::vector<std::string> &command, const std::string &folder, std::string *said) {
    bool done = compiling::run(command, folder + "/messages");
    *said += contents(folder + "/messages");
    return done;
}

// Translates a preprocessed source to C++ and compiles it after Metal's library.
static bool translate(const std::string &folder, metal_purpose purpose, const std::vector<std::string> &flags, std::string *said) {
    std::string problem, cpp = folder + "/cpp", text = metal_to_cpp(contents(folder + "/preprocessed"), purpose, &problem);
    *said += problem;
    if (!problem.empty()) return false;
    std::ofstream(cpp) << text;
    std::vector<std::string> command = {COMPILER, "-Werror", "-Wno-tautological-compare", "-x", "c++", "-include", EMULATOR "/metal/shim.h", cpp};
    command.insert(command.end(), flags.begin(), flags.end());
    return run(command, folder, said);
}

// Compiles the source in a folder to a shared library there: preprocesses it, checks it
// with a compiler that has Metal's address spaces, and compiles it with one that doesn't.
static bool build(const std::string &folder, const std::string &version, bool fast, std::string *said) {
    std::vector<std::string> flags = {
        "-std=c++14", "-pedantic-errors", "-O1", "-g1", "-fPIC", "-shared", "-fno-strict-aliasing",
        "-Xclang", "-ffloat16-excess-precision=none", TARGET, "-Wno-pass-failed",
        "-x", "none", FOLDER "/emulator.o", "-o", folder + "/module.so"};
    // Safe math contracts products and sums within an expression, unless the source
    // forbids it.
    if (fast) flags.insert(flags.end(), {"-ffast-math", "-Wno-nan-infinity-disabled"});
    else flags.push_back("-ffp-contract=on");
    return run({COMPILER, "-E", "-x", "c++", "-std=c++14", "-undef", "-nostdinc", "-nostdinc++", "-D__METAL_VERSION__=" + version,
                "-I", EMULATOR "/metal", folder + "/source", "-o", folder + "/preprocessed"}, folder, said) &&
           translate(folder, metal_purpose::checking_attributes, {"-std=c++23", "-fsyntax-only", "-DSTRICT_ATTRIBUTES"}, said) &&
           translate(folder, metal_purpose::running, flags, said);
}

std::string compiled(const std::string &source, const std::string &version, bool fast, std::string *said) {
    std::string kept = std::string(FOLDER "/") + compiling::hash(source + version + (fast ? "fast" : "safe")) + ".so";
    if (access(kept.c_str(), R_OK) == 0) return kept;
    char folder[] = FOLDER "/new-XXXXXX"; // others may be reading
    if (!mkdtemp(folder)) return *said = "there is no folder for what is compiled", "";
    std::string in = folder;
    std::ofstream(in + "/source") << source;
    bool built = build(in, version, fast, said) && rename((in + "/module.so").c_str(), kept.c_str()) == 0;
    for (auto file : {"/source", "/preprocessed", "/cpp", "/messages", "/module.so"}) unlink((in + file).c_str());
    rmdir(folder);
    return built ? kept : "";
}
