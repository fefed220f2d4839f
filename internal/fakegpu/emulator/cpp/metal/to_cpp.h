// Translates Metal to C++ where shim.h can't. It takes a preprocessed source, and
//
//  - finds the entry points and the bindings of their parameters, and generates the
//    registration by which hosts of the emulator find a kernel;
//  - allocates threadgroup variables;
//  - spells out vector constructors (`uint4(…)`), and that literals with a point are f32;
//  - reports by file and line what C++ has and Metal lacks, and the address spaces that
//    Metal requires and C++ lacks.
//
// A `#pragma emulator name "…"` gives the kernels after it that name instead of their
// function's. Line numbers don't change.

#pragma once

#include <string>

enum class metal_purpose {
    running,
    checking_attributes, // shim.h's STRICT_ATTRIBUTES
    checking_opencl,     // and STRICT_OPENCL
};

// Returns the C++, or an empty text and errors: lines of "file:line: error: …".
std::string metal_to_cpp(const std::string &preprocessed, metal_purpose purpose, std::string *error);
