// NVRTC: compiles kernels for the emulator with the C++ compiler.

#include "compiling.h"

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>

using compiling::contents, compiling::hash, compiling::run;

struct Program {
    std::string source, log, image;
};

enum { SUCCESS = 0, INVALID_PROGRAM = 4, INVALID_OPTION = 5, COMPILATION = 6 };

static std::mutex lock;
static std::set<Program *> programs;

static void wrong(const char *what) {
    fprintf(stderr, "fake libnvrtc: %s\n", what);
    abort();
}

// The entry points: the word between "__global__ void", or the launch bounds after it,
// and a parenthesis. The parts of a fused kernel, between "#ifndef FUSED" and "#endif",
// don't count; it defines its own name.
static std::string entries(const std::string &source) {
    std::string lines;
    const std::string before = "__global__ void ", bounds = "__launch_bounds__(";
    for (size_t at = 0; (at = source.find(before, at)) != std::string::npos;) {
        at += before.size();
        size_t left = source.rfind("#ifndef FUSED", at), end = source.rfind("#endif", at);
        bool out = left != std::string::npos && (end == std::string::npos || end < left);
        if (out && source.find("#define FUSED") < at) continue;
        if (source.compare(at, bounds.size(), bounds) == 0) at = source.find_first_not_of(") \n", source.find(')', at));
        std::string name = source.substr(at, source.find('(', at) - at), define = "#define " + name + " ";
        size_t defined = source.find(define);
        if (defined != std::string::npos) {
            defined += define.size();
            name = source.substr(defined, source.find('\n', defined) - defined);
        }
        lines += "EMULATE(" + name + ")\n";
    }
    return lines;
}

extern "C" {

int nvrtcVersion(int *major, int *minor) {
    *major = 0; // not a real version; differs for each build of the fake
    *minor = BUILD;
    return SUCCESS;
}

int nvrtcGetNumSupportedArchs(int *count) {
    *count = 3;
    return SUCCESS;
}

int nvrtcGetSupportedArchs(int *known) {
    known[0] = 75, known[1] = 80, known[2] = 90;
    return SUCCESS;
}

int nvrtcCreateProgram(Program **p, const char *source, const char *, int headers, const char *const *, const char *const *) {
    if (headers) wrong("nvrtcCreateProgram: headers");
    std::lock_guard<std::mutex> guard(lock);
    *p = new Program{source, "", ""};
    programs.insert(*p);
    return SUCCESS;
}

int nvrtcDestroyProgram(Program **p) {
    std::lock_guard<std::mutex> guard(lock);
    if (!programs.erase(*p)) wrong("nvrtcDestroyProgram: not a program");
    delete *p;
    *p = nullptr;
    return SUCCESS;
}

int nvrtcCompileProgram(Program *p, int count, const char *const *options) {
    std::lock_guard<std::mutex> guard(lock);
    if (!programs.count(p)) wrong("nvrtcCompileProgram: not a program");
    std::vector<std::string> command = {COMPILER, "-x", "c++", "-std=c++17", "-O1", "-g1", "-fPIC", "-shared", "-fno-strict-aliasing",
                                        "-ffp-contract=off", TARGET, "-include", EMULATOR "/cuda.h"};
    for (int i = 0; i < count; i++) {
        std::string o = options[i];
        if (o.rfind("-D", 0) == 0) command.push_back(o);
        else if (o != "--std=c++17" && o != "-fmad=false" && o != "--gpu-architecture=sm_90") return INVALID_OPTION;
    }
    std::string text = p->source + "\n" + entries(p->source), all = text;
    for (auto &c : command) all += "\n" + c;
    std::string kept = std::string(FOLDER "/") + hash(all) + ".so";
    p->image = contents(kept);
    if (!p->image.empty()) return SUCCESS;
    char folder[] = "/tmp/flowrun-nvrtc-XXXXXX";
    if (!mkdtemp(folder)) wrong("no temporary folder");
    std::string in = std::string(folder) + "/module.cc", out = std::string(folder) + "/module.so", log = std::string(folder) + "/log";
    std::ofstream(in) << text;
    for (auto more : {in, std::string("-x"), std::string("none"), std::string(FOLDER "/emulator.o"), std::string("-o"), out}) command.push_back(more);
    bool built = run(command, log);
    p->log = contents(log);
    p->image = contents(out);
    if (built) { // first to a temporary file: others may be reading
        std::string fresh = kept + "." + std::to_string(getpid());
        std::ofstream(fresh, std::ios::binary) << p->image;
        rename(fresh.c_str(), kept.c_str());
    }
    for (auto &f : {in, out, log}) unlink(f.c_str());
    rmdir(folder);
    return built ? SUCCESS : COMPILATION;
}

// Zero-terminated, as NVRTC returns them.
static int text(const std::string &s, char *to) {
    memcpy(to, s.c_str(), s.size() + 1);
    return SUCCESS;
}

int nvrtcGetProgramLogSize(Program *p, size_t *bytes) { return *bytes = p->log.size() + 1, SUCCESS; }
int nvrtcGetProgramLog(Program *p, char *to) { return text(p->log, to); }
int nvrtcGetPTXSize(Program *, size_t *) { return INVALID_PROGRAM; }
int nvrtcGetPTX(Program *, char *) { return INVALID_PROGRAM; }
int nvrtcGetCUBINSize(Program *p, size_t *bytes) { return *bytes = p->image.size(), SUCCESS; }
int nvrtcGetCUBIN(Program *p, char *to) {
    memcpy(to, p->image.data(), p->image.size());
    return SUCCESS;
}
}
