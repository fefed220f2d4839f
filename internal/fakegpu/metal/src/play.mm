// What is faked, and how tests set it.

#include "metal.h"

#include <cstring>

Play play;

static const struct {
    const char *name;
    long Play::*value;
} values[] = {
    {"devices", &Play::devices},
    {"macos", &Play::macos},
    {"unified", &Play::unified},
    {"matrix", &Play::matrix},
    {"threads", &Play::threads},
    {"width", &Play::width},
    {"warnings", &Play::warnings},
    {"memory", &Play::memory},
    {"buffer", &Play::buffer},
    {"pace", &Play::pace},
    {"allocation_fails", &Play::allocation_fails},
    {"command_buffer_fails", &Play::command_buffer_fails},
    {"failure", &Play::failure},
};

unsigned random(unsigned n) {
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return unsigned(state >> 33) % n;
}

long macos() { return play.macos; }

// What isn't listed is older than every imitated macOS.
long macosOf(const char *selector) {
    static const struct {
        const char *selector;
        long macos;
    } since[] = {{"setMathMode:", 15}, {"mathMode", 15}, {"setMathFloatingPointFunctions:", 15}, {"mathFloatingPointFunctions", 15}};
    for (auto &s : since)
        if (strcmp(s.selector, selector) == 0) return s.macos;
    return 0;
}

// Sets a parameter, and returns its previous value.
EXPORT long fake_metal_play(const char *name, long value) {
    Locked locked;
    for (auto &v : values)
        if (strcmp(v.name, name) == 0) {
            long before = play.*v.value;
            play.*v.value = value;
            return before;
        }
    wrong("fake_metal_play", std::string("there is no ") + name);
}

// The number of live objects of a class.
EXPORT long fake_metal_count(const char *className, long) {
    Locked locked;
    return count(className);
}
