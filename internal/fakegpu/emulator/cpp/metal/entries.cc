// Entry points: the bindings of their parameters, and their registration.

#include "translator.h"

#include <stdlib.h>

#include <algorithm>
#include <set>

namespace metal_source {

// The built-ins with one to three components, and those with one.
static const std::set<std::string> positions = {"thread_position_in_grid", "thread_position_in_threadgroup", "threadgroup_position_in_grid",
                                                "threads_per_threadgroup", "threadgroups_per_grid", "threads_per_grid"};
static const std::set<std::string> numbers = {"thread_index_in_threadgroup", "thread_index_in_simdgroup", "simdgroup_index_in_threadgroup",
                                              "threads_per_simdgroup", "simdgroups_per_threadgroup"};

static const unsigned most_buffers = 31; // Metal's limit

namespace {

// A parameter of an entry point.
struct parameter {
    std::string name, attribute, argument;
    size_t at;
    std::string source; // the code that registers it
    unsigned index = 0;
    bool is_buffer = false, is_value = false;
};

} // namespace

void translator::entry(size_t name_at, size_t brace, const std::vector<std::string> &memory) {
    std::vector<parameter> all;
    std::string function = s.tokens[name_at].text, components, first_position;
    size_t open = name_at + 1, close = s.mate[open];
    for (size_t i = open + 1; i < close;) {
        size_t end = i;
        while (end < close && !s.is(end, ",")) {
            end = s.is(end, "<") ? after_angles(end, close) : s.mate[end] > end ? s.mate[end] + 1 : end + 1;
        }
        size_t a = i;
        while (a < end && !(s.is(a, "[") && s.is(a + 1, "["))) {
            a++;
        }
        parameter p;
        p.at = a;
        p.name = a > i ? s.tokens[a - 1].text : "";
        if (a == end) {
            s.wrong(i, "the parameter " + s.tokens[end - 1].text + " of the kernel " + function + " has no attribute [[…]]");
            return;
        }
        p.attribute = s.tokens[a + 2].text;
        p.argument = s.is(a + 3, "(") ? written(a + 4, s.mate[a + 3]) : "";
        bool is_pointer = false, is_reference = false, in_device = false, in_constant = false;
        for (size_t j = i; j < a; j++) {
            is_pointer = is_pointer || s.is(j, "*");
            is_reference = is_reference || s.is(j, "&");
            in_device = in_device || s.is(j, "IN_DEVICE");
            in_constant = in_constant || s.is(j, "IN_CONSTANT");
        }
        if (p.attribute == "buffer") {
            p.is_buffer = true;
            p.is_value = is_reference;
            p.index = strtoul(p.argument.c_str(), nullptr, 10);
            if (p.argument.empty() || p.argument.find_first_not_of("0123456789") != std::string::npos || p.index >= most_buffers) {
                s.wrong(a, "[[buffer(" + p.argument + ")]]: a buffer's index is a number from 0 to 30");
            } else if (!(is_pointer && (in_device || in_constant)) && !(is_reference && in_constant)) {
                s.wrong(a, "the buffer " + p.name + " must be a pointer to device or constant memory, or a reference to constant memory");
            }
        } else if (positions.count(p.attribute) || numbers.count(p.attribute)) {
            std::string type = a == i + 2 ? s.tokens[i].text : "";
            bool is_number = type == "uint" || type == "ushort";
            bool is_position = is_number || type == "uint2" || type == "uint3" || type == "ushort2" || type == "ushort3";
            if (!is_number && !(is_position && positions.count(p.attribute))) {
                s.wrong(a, p.name + " [[" + p.attribute + "]] must be of type " + (numbers.count(p.attribute) ? "uint or ushort" : "uint, uint2, uint3, or as many ushort"));
            } else if (positions.count(p.attribute)) {
                std::string has = is_number ? "1" : type.substr(type.size() - 1);
                if (first_position.empty()) {
                    first_position = p.name;
                    components = has;
                } else if (has != components) {
                    s.wrong(a, "the positions of a kernel have the same number of components: " + first_position + " has " + components + ", and " + p.name + " " + has);
                }
            }
            p.source = "::emulator::" + p.attribute;
        } else {
            s.wrong(a, "[[" + p.attribute + "]] is not a parameter attribute that the emulator supports");
        }
        for (size_t j = a; j < end; j++) {
            s.tokens[j].text = "";
        }
        all.push_back(p);
        i = end + 1;
    }
    if (purpose != metal_purpose::running) {
        return;
    }
    std::set<unsigned> indices;
    for (const parameter &p : all) {
        if (p.is_buffer && !indices.insert(p.index).second) {
            s.wrong(p.at, "two parameters of the kernel " + function + " are buffer(" + std::to_string(p.index) + ")");
        }
    }
    std::string sources, sum;
    for (const parameter &p : all) {
        std::string source = p.source;
        if (p.is_buffer) {
            unsigned position = std::distance(indices.begin(), indices.find(p.index));
            source = std::string(p.is_value ? "::emulator::bytes<" : "::emulator::buffer<") + std::to_string(position) + ", " + std::to_string(p.index) + ">";
        }
        sources += ", " + source;
    }
    std::string counted = "emulated_memory_of_" + function;
    for (const std::string &m : memory) {
        sum += (sum.empty() ? "" : " + ") + ("(unsigned)::emulator::stepped<decltype(" + m + ")>::bytes");
    }
    if (!sum.empty()) {
        s.tokens[s.mate[brace]].before += "(void)&::emulator::memory<&" + counted + ", " + sum + ">::noted; ";
    }
    // Before the whole declaration, which may begin with other words than `kernel`.
    size_t first = name_at;
    while (first > 0 && (s.is_word(first - 1))) {
        first--;
    }
    s.tokens[first].before = "static unsigned " + counted + "; " + s.tokens[first].before;
    s.tokens[s.mate[brace]].after += " static ::emulator::registration<decltype(&" + function + "), &" + function + sources + "> emulated_" + function + "(\"" +
                                     (name.empty() ? function : name) + "\", &" + counted + ");";
}

} // namespace metal_source
