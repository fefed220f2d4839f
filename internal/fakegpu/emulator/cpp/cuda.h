// The CUDA keywords and built-ins that kernels use, in C++ with the emulator. It precedes
// a kernel's source and includes no C++ headers, to compile quickly.

#pragma once
#include "emulator.h"

#define __global__
#define __device__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))

// Shared memory is static: blocks run one after the other. The emulator fills it with
// garbage before each. Sanitizers need it in a section that they watch.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define __shared__ static
#else
#define __shared__ static __attribute__((section("emulator_shared")))
#endif

#define threadIdx (emulator_current->thread)
#define blockIdx emulator_block
#define blockDim emulator_threads
#define gridDim emulator_blocks

#define __syncthreads() emulator_barrier(__FILE__, __LINE__)
#define __syncwarp(...) emulator_sync_lanes(__FILE__, __LINE__)
#define __shfl_sync(mask, v, lane) EXCHANGE(mask, v, emulator_from_lane, lane)
#define __shfl_xor_sync(mask, v, bits) EXCHANGE(mask, v, emulator_from_xor, bits)
#define __shfl_up_sync(mask, v, by) EXCHANGE(mask, v, emulator_from_below, by)
#define __shfl_down_sync(mask, v, by) EXCHANGE(mask, v, emulator_from_above, by)
#define __ballot_sync(mask, v) EXCHANGE(mask, (v) != 0, emulator_from_all, 0)
#define EXCHANGE(mask, v, how, by) emulator_exchange(mask, v, how, by, __FILE__, __LINE__)

// The bits of numbers.
static inline unsigned __float_as_uint(float v) { return __builtin_bit_cast(unsigned, v); }
static inline float __uint_as_float(unsigned v) { return __builtin_bit_cast(float, v); }
static inline long long __double_as_longlong(double v) { return __builtin_bit_cast(long long, v); }
static inline double __longlong_as_double(long long v) { return __builtin_bit_cast(double, v); }

static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned long long)a * b >> 32; }

// Functions that are rounded once and so are the same everywhere.
#define ROUNDED_ONCE(name)                                                  \
    static inline float name##f(float v) { return __builtin_##name##f(v); } \
    static inline double name(double v) { return __builtin_##name(v); }
ROUNDED_ONCE(sqrt)
ROUNDED_ONCE(fabs)
ROUNDED_ONCE(floor)
ROUNDED_ONCE(ceil)
ROUNDED_ONCE(trunc)
ROUNDED_ONCE(rint)
#undef ROUNDED_ONCE
static inline float fmaf(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
static inline double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }

// EMULATE(function) after a kernel's source registers the kernel.
#define EMULATE(function) EMULATE_AS(function, #function)
#define EMULATE_AS(function, name) \
    static emulator::registration<function> EMULATOR_GLUE(emulated_, __COUNTER__)(name);
#define EMULATOR_GLUE_(a, b) a##b
#define EMULATOR_GLUE(a, b) EMULATOR_GLUE_(a, b)

// The module's shared memory, located by the linker; NULL if it has none.
extern "C" char __start_emulator_shared[] __attribute__((weak, visibility("hidden")));
extern "C" char __stop_emulator_shared[] __attribute__((weak, visibility("hidden")));

namespace emulator {

template <int... n> struct numbers {};
template <int n, int... rest> struct up_to : up_to<n - 1, n - 1, rest...> {};
template <int... rest> struct up_to<0, rest...> { using type = numbers<rest...>; };

template <class... types, int... n>
static void call(void (*f)(types...), void **parameters, numbers<n...>) { f(*(types *)parameters[n]...); }

template <class... types> struct signature {
    static const int count = sizeof...(types);
    static constexpr unsigned sizes[count + 1] = {sizeof(types)..., 0};
    using order = typename up_to<count>::type;
};
template <class... types> static signature<types...> signature_of(void (*)(types...));

// registration registers a module's kernel when the module is loaded.
template <auto function> struct registration {
    using sign = decltype(signature_of(function));
    static void run(void **parameters) { call(function, parameters, typename sign::order()); }
    emulator_kernel kernel;
    registration(const char *name) : kernel{name, sign::count, sign::sizes, run, __start_emulator_shared, __stop_emulator_shared, nullptr, nullptr} {
        emulator_register(&kernel);
    }
};

} // namespace emulator
