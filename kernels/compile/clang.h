// What NVRTC knows by itself and clang doesn't when it compiles for a GPU without
// CUDA's headers and NVIDIA's library: keywords and built-ins, as far as kernels use
// them. It comes before prelude.h.

#pragma once

#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))
#define __align__(n) __attribute__((aligned(n)))

#define BUILT_IN static __device__ __forceinline__

// Indices are registers, read where a member is named.
#define INDEX(name, register)                                                                \
    struct name##_type {                                                                     \
        __declspec(property(get = get_x)) unsigned x;                                        \
        __declspec(property(get = get_y)) unsigned y;                                        \
        __declspec(property(get = get_z)) unsigned z;                                        \
        BUILT_IN unsigned get_x() { return __nvvm_read_ptx_sreg_##register##_x(); }          \
        BUILT_IN unsigned get_y() { return __nvvm_read_ptx_sreg_##register##_y(); }          \
        BUILT_IN unsigned get_z() { return __nvvm_read_ptx_sreg_##register##_z(); }          \
    };                                                                                       \
    extern const __device__ name##_type name;
INDEX(threadIdx, tid)
INDEX(blockIdx, ctaid)
INDEX(blockDim, ntid)
INDEX(gridDim, nctaid)
#undef INDEX

#define __syncthreads() __nvvm_bar_sync(0)
#define __shfl_xor_sync(mask, v, bits) ((unsigned)__nvvm_shfl_sync_bfly_i32(mask, (int)(v), bits, 31))

BUILT_IN unsigned __float_as_uint(float v) { return __builtin_bit_cast(unsigned, v); }
BUILT_IN float __uint_as_float(unsigned v) { return __builtin_bit_cast(float, v); }
BUILT_IN long long __double_as_longlong(double v) { return __builtin_bit_cast(long long, v); }
BUILT_IN double __longlong_as_double(long long v) { return __builtin_bit_cast(double, v); }

BUILT_IN unsigned __umulhi(unsigned a, unsigned b) { return (unsigned long long)a * b >> 32; }

// Functions that are an instruction each, which rounds once.
BUILT_IN float sqrtf(float v) { return __nvvm_sqrt_rn_f(v); }
BUILT_IN double sqrt(double v) { return __nvvm_sqrt_rn_d(v); }
#define ROUNDED_ONCE(name)                                            \
    BUILT_IN float name##f(float v) { return __builtin_##name##f(v); } \
    BUILT_IN double name(double v) { return __builtin_##name(v); }
ROUNDED_ONCE(fabs)
ROUNDED_ONCE(floor)
ROUNDED_ONCE(ceil)
ROUNDED_ONCE(trunc)
ROUNDED_ONCE(rint)
#undef ROUNDED_ONCE
BUILT_IN float fmaf(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
BUILT_IN double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
