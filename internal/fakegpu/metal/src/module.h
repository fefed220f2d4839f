// From sources to kernels. module.mm loads what compile.cc has compiled.

#pragma once

#include <string>

// Compiles a source in a language version ("300" is 3.0) into a shared library and
// returns its path, from the cache if possible. "", and the compiler's messages, if it
// doesn't compile.
std::string compiled(const std::string &source, const std::string &version, bool fast, std::string *said);
