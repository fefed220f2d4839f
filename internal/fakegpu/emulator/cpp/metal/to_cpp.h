// From Metal to C++: what shim.h can't give a meaning to. It takes a preprocessed
// source, and
//
//   - finds the entry points and what each parameter is bound to, and writes the
//     registration that hosts of the emulator find a kernel by;
//   - gives variables of a threadgroup their memory;
//   - spells out what vectors are made of (`uint4(…)`), and that numbers with a point
//     are f32;
//   - says by file and line what Metal doesn't have though C++ does, and what it asks
//     for though C++ doesn't: address spaces.
//
// A `#pragma emulator name "…"` gives the kernels after it that name instead of their
// function's. Lines stay where they are.

#pragma once

#include <string>

enum class metal_purpose {
    running,
    checking_attributes, // shim.h's STRICT_ATTRIBUTES
    checking_opencl,     // and STRICT_OPENCL
};

// The C++, or an empty text and what is wrong: lines of "file:line: error: …".
std::string metal_to_cpp(const std::string &preprocessed, metal_purpose purpose, std::string *error);
