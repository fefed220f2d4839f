// How sources become kernels. module.mm loads what compile.cc has compiled.

#pragma once

#include <string>

// Compiles a source in a version of the language ("300" is 3.0) into a shared library
// and gives its path, or finds what it gave before. "", and what the compiler says, if
// it doesn't compile.
std::string compiled(const std::string &source, const std::string &version, bool fast, std::string *said);
