// Metal's library, as far as kernels use it, before the C++ that to_cpp.h makes of a
// kernel's source. It is read in three ways:
//
//   - to be run: in C++14 over the emulator, all memory being alike;
//   - STRICT_ATTRIBUTES: in C++ whose pointers have Metal's address spaces as
//     attributes, to be checked only;
//   - STRICT_OPENCL: in C++ for OpenCL, whose address spaces are the language's own,
//     to be checked only.
//
// It includes no headers of C++, so that compiling takes no time, and has what Metal
// has under these names, no more: what is missing here is an error in a kernel.

#pragma once
#pragma clang system_header

#if defined(STRICT_OPENCL)
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#define IN_DEVICE __global
#define IN_CONSTANT __constant
#define IN_THREADGROUP __local
#elif defined(STRICT_ATTRIBUTES)
#define IN_DEVICE __attribute__((address_space(1)))
#define IN_CONSTANT const __attribute__((address_space(2)))
#define IN_THREADGROUP __attribute__((address_space(3)))
#else
#define IN_DEVICE
#define IN_CONSTANT const
#define IN_THREADGROUP
#include "../emulator.h"
#endif

#include "types.h"
#include "functions.h"
#include "simdgroup.h"

#if !defined(STRICT_OPENCL) && !defined(STRICT_ATTRIBUTES)
#include "entry.h"
#endif
