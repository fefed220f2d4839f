// The parts of to_cpp.h's translation: words.cc, declarations.cc, entries.cc.

#pragma once

#include "to_cpp.h"
#include "tokens.h"

#include <set>

namespace metal_source {

bool is_space(const std::string &word); // an address space

// A data member of a struct: tokens of its type, its name, and of its [size].
struct member {
    size_t type, type_end;
    std::string name;
    size_t size, size_end;
};

// A struct whose body is being read.
struct record {
    std::string name;
    std::vector<member> members;
    bool plain = true; // it has no constructor
};

struct translator {
    source s;
    metal_purpose purpose;
    std::set<size_t> spaces; // the positions of address spaces
    std::string name;              // set by a pragma
    bool has_library = false;

    translator(const std::string &text, metal_purpose purpose) : s(text), purpose(purpose) {}

    // words.cc
    void words();
    void space(size_t i);
    void lambda(size_t i);
    void function_pointer(size_t i);
    void literal(size_t i);

    // declarations.cc
    void scope(size_t from, size_t to, record *in);
    size_t declaration(size_t i, size_t to, record *in);
    size_t structure(size_t i, size_t to);
    size_t function(size_t first, size_t parameters, size_t to, record *in);
    void variable(size_t first, size_t to, record *in);
    void note_members(size_t first, size_t to, record *in);
    void copies(size_t brace, const record &of);
    void body(size_t brace, bool is_kernel, std::vector<std::string> *memory);
    void statement(size_t i, size_t to);
    void threadgroup_variables(size_t i, size_t to, bool allowed, std::vector<std::string> *memory);
    void addressed(size_t from, size_t to, const std::string &what);
    size_t after_angles(size_t i, size_t to);
    size_t end_of(size_t i, size_t to, const char *mark);
    std::string written(size_t from, size_t to) const;

    // entries.cc
    void entry(size_t name_at, size_t brace, const std::vector<std::string> &memory);
};

} // namespace metal_source
