// Metal's math functions that have the same bits everywhere: those of integers, and those
// of floats that are rounded once. The others are declared unavailable; kernels have
// their own.

#pragma once

namespace metal {

#define OF_FLOATS(name)                                                       \
    static inline float name(float v) { return __builtin_elementwise_##name(v); }   \
    static inline float2 name(float2 v) { return __builtin_elementwise_##name(v); } \
    static inline float4 name(float4 v) { return __builtin_elementwise_##name(v); }
OF_FLOATS(sqrt)
OF_FLOATS(floor)
OF_FLOATS(ceil)
OF_FLOATS(trunc)
OF_FLOATS(rint)
#undef OF_FLOATS
#define FABS(type)                                                                   \
    static inline type fabs(type v) { return __builtin_elementwise_abs(v); }
FABS(float)
FABS(float2)
FABS(float4)
#undef FABS
static inline float fma(float a, float b, float c) { return __builtin_elementwise_fma(a, b, c); }
static inline float2 fma(float2 a, float2 b, float2 c) { return __builtin_elementwise_fma(a, b, c); }
static inline float4 fma(float4 a, float4 b, float4 c) { return __builtin_elementwise_fma(a, b, c); }
static inline float copysign(float a, float b) { return __builtin_elementwise_copysign(a, b); }

static inline bool isnan(float v) { return v != v; }
static inline bool isinf(float v) { return (as_bits<uint>(v) & 0x7fffffffu) == 0x7f800000u; }
static inline bool isfinite(float v) { return (as_bits<uint>(v) & 0x7f800000u) != 0x7f800000u; }
static inline bool signbit(float v) { return as_bits<uint>(v) >> 31; }

#define OF_INTEGERS(type, positive)                                                          \
    static inline type min(type a, type b) { return b < a ? b : a; }                         \
    static inline type max(type a, type b) { return a < b ? b : a; }                         \
    static inline type clamp(type v, type low, type high) { return min(max(v, low), high); } \
    static inline type select(type a, type b, bool which) { return which ? b : a; }          \
    static inline type popcount(type v) { return (type)__builtin_popcountl((positive)v); }
OF_INTEGERS(short, ushort)
OF_INTEGERS(ushort, ushort)
OF_INTEGERS(int, uint)
OF_INTEGERS(uint, uint)
OF_INTEGERS(long, ulong)
OF_INTEGERS(ulong, ulong)
#undef OF_INTEGERS
static inline float select(float a, float b, bool which) { return which ? b : a; }
static inline half select(half a, half b, bool which) { return which ? b : a; }

static inline short abs(short v) { return v < 0 ? (short)-v : v; }
static inline int abs(int v) { return v < 0 ? -v : v; }
static inline long abs(long v) { return v < 0 ? -v : v; }
static inline float abs(float v) { return fabs(v); }

static inline uint mulhi(uint a, uint b) { return (uint)((ulong)a * b >> 32); }
static inline int mulhi(int a, int b) { return (int)((long)a * b >> 32); }
static inline uint clz(uint v) { return v ? (uint)__builtin_clz(v) : 32u; }
static inline ulong clz(ulong v) { return v ? (ulong)__builtin_clzl(v) : 64ul; }
static inline uint ctz(uint v) { return v ? (uint)__builtin_ctz(v) : 32u; }
static inline ulong ctz(ulong v) { return v ? (ulong)__builtin_ctzl(v) : 64ul; }

// May differ between devices, or is rounded more than once.
#define NOT_FOR_KERNELS __attribute__((unavailable("devices differ in it, so kernels bring their own")))
#define ONE(name)                          \
    NOT_FOR_KERNELS float name(float);     \
    NOT_FOR_KERNELS half name(half);       \
    NOT_FOR_KERNELS float2 name(float2);   \
    NOT_FOR_KERNELS float4 name(float4);
ONE(acos)
ONE(acosh)
ONE(asin)
ONE(asinh)
ONE(atan)
ONE(atanh)
ONE(cos)
ONE(cosh)
ONE(cospi)
ONE(exp)
ONE(exp2)
ONE(exp10)
ONE(fract)
ONE(log)
ONE(log2)
ONE(log10)
ONE(round)
ONE(rsqrt)
ONE(saturate)
ONE(sign)
ONE(sin)
ONE(sinh)
ONE(sinpi)
ONE(tan)
ONE(tanh)
ONE(tanpi)
#undef ONE
#define TWO(name)                               \
    NOT_FOR_KERNELS float name(float, float);   \
    NOT_FOR_KERNELS half name(half, half);      \
    NOT_FOR_KERNELS float2 name(float2, float2); \
    NOT_FOR_KERNELS float4 name(float4, float4);
TWO(atan2)
TWO(fdim)
TWO(fmax)
TWO(fmin)
TWO(fmod)
TWO(max)
TWO(min)
TWO(nextafter)
TWO(pow)
TWO(powr)
TWO(step)
#undef TWO
#define THREE(name)                                    \
    NOT_FOR_KERNELS float name(float, float, float);   \
    NOT_FOR_KERNELS half name(half, half, half);       \
    NOT_FOR_KERNELS float4 name(float4, float4, float4);
THREE(clamp)
THREE(mix)
THREE(smoothstep)
#undef THREE
NOT_FOR_KERNELS float ldexp(float, int);

} // namespace metal
