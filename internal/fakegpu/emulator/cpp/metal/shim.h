// The part of Metal's library that kernels use. It precedes the C++ that to_cpp.h
// generates from a kernel's source, and is compiled in three ways:
//
//  - to be run: as C++14 with the emulator, all memory being alike;
//  - STRICT_ATTRIBUTES: as C++ whose pointers have Metal's address spaces as
//    attributes, only to be checked;
//  - STRICT_OPENCL: as C++ for OpenCL, which has address spaces itself, only to be
//    checked.
//
// It includes no C++ headers, to compile quickly, and declares nothing that Metal
// doesn't: what is missing here is an error in a kernel.

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
