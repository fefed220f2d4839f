// How the fake drivers compile kernels at run time. Their build (internal/fakegpu/build)
// defines
//
//   COMPILER  the C++ compiler's path
//   TARGET    its argument for this processor
//   EMULATOR  the folder of this file
//   FOLDER    the folder of emulator.o, the emulator's object, and of compiled kernels
//   BUILD     a hash of everything that the fake is built from

#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace compiling {

inline std::string contents(const std::string &file) {
    std::ifstream in(file, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
}

// A hash of a text: FNV-1a twice, with different start values.
inline std::string hash(const std::string &text) {
    char name[40];
    uint64_t a = 14695981039346656037u, b = 1469598103934665603u;
    for (unsigned char c : text) {
        a = (a ^ c) * 1099511628211u;
        b = (b ^ (c + 1)) * 1099511628211u;
    }
    snprintf(name, sizeof name, "%016llx%016llx", (unsigned long long)a, (unsigned long long)b);
    return name;
}

// Runs a command and waits for it; its messages go to a file.
inline bool run(std::vector<std::string> command, const std::string &messages) {
    std::vector<char *> arguments;
    for (auto &c : command) arguments.push_back(c.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 2, messages.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t child;
    bool started = posix_spawn(&child, arguments[0], &actions, nullptr, arguments.data(), environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    int status = 1;
    while (started && waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    return started && status == 0;
}

} // namespace compiling
