// What comes first in CUDA: element types, and how they are loaded and stored.
// common/words.h says what the words mean. After it come functions of floats, in
// floats.h, common/math.h and special.h, and in work.h what threads do.
//
// Three compilers read this, none of them with headers of CUDA's or C++'s: NVRTC;
// clang for PTX, after kernels/compile/clang.h; and clang for the CPU, after
// internal/fakegpu/emulator/cpp/cuda.h. What those two declare is all of CUDA that
// kernels use. Products and sums round apart (NVRTC is told -fmad=false); where one
// rounding is wanted, MULTIPLY_ADD says so.

#define HAS_F64

// Every function of the device's is part of its caller.
#define DEVICE [[maybe_unused]] static __device__ __forceinline__

#define LOAD(t, p, i) load((const t *)(p) + (i))
#define STORE(t, p, i, v) store((t *)(p) + (i), (COMPUTE(t))(v))
#define STORED(t, v) stored<t>(v)

// Element types.

typedef unsigned char b8;
struct u8 { // a type of its own, unlike b8
    unsigned char value;
};
typedef int i32;
typedef long long i64;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef float f32;
typedef double f64;
struct f16 {
    unsigned short bits;
};
struct bf16 {
    unsigned short bits;
};

#define MULTIPLY_HIGH(a, b) __umulhi(a, b)
#define INFINITE __uint_as_float(0x7f800000u)
#define NOT_A_NUMBER __uint_as_float(0x7fc00000u)

// True of no integer.
#define IS_NAN(x) ((x) != (x))

// compute_of gives C where a template knows T alone.
template <class element> struct of_element { typedef element compute; };
template <> struct of_element<b8> { typedef int compute; };
template <> struct of_element<u8> { typedef int compute; };
template <> struct of_element<f16> { typedef float compute; };
template <> struct of_element<bf16> { typedef float compute; };
template <class element> using compute_of = typename of_element<element>::compute;

// f16 is IEEE's format of 16 bits. What the processor does in one instruction and
// what the integers below do agree in every bit, but for a NaN's payload.
DEVICE float widen(f16 h) {
#ifdef __CUDA_ARCH__
    float v;
    asm("cvt.f32.f16 %0, %1;" : "=f"(v) : "h"(h.bits));
    return v;
#else
    u32 sign = (u32)(h.bits & 0x8000) << 16, magnitude = h.bits & 0x7fff;
    if (magnitude >= 0x7c00) { // ∞ and NaN
        return __uint_as_float(sign | 0x7f800000 | magnitude << 13);
    }
    if (magnitude >= 0x400) {
        return __uint_as_float(sign | (magnitude << 13) + (112 << 23));
    }
    float v = (float)magnitude * (float)0x1p-24; // below the normal numbers, and exact
    return __uint_as_float(sign | __float_as_uint(v));
#endif
}

DEVICE f16 narrow_f16(float v) {
    f16 h;
#ifdef __CUDA_ARCH__
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h.bits) : "f"(v));
#else
    u32 bits = __float_as_uint(v), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) {
        h.bits = 0x7fff;
    } else if (magnitude >= 0x477ff000) { // from halfway between 65504 and 65536 on
        h.bits = sign | 0x7c00;
    } else if (magnitude >= 0x38800000) { // normal; what is dropped is rounded, a tie to even
        h.bits = sign | (magnitude - (112 << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13;
    } else { // an addition that rounds at 2^-24, the last place of the numbers below
        h.bits = sign | (__float_as_uint(__uint_as_float(magnitude) + (float)0.5) - 0x3f000000);
    }
#endif
    return h;
}

// bf16 is the upper half of an f32. Half a unit is added, and what stays of a tie
// is even. A NaN keeps its sign.
DEVICE float widen(bf16 h) { return __uint_as_float((u32)h.bits << 16); }

DEVICE bf16 narrow_bf16(float v) {
    u32 bits = __float_as_uint(v);
    bf16 h;
    h.bits = IS_NAN(v) ? bits >> 16 | 0x40 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    return h;
}

DEVICE int widen(b8 v) { return v; }
DEVICE int widen(u8 v) { return v.value; }
DEVICE int widen(i32 v) { return v; }
DEVICE i64 widen(i64 v) { return v; }
DEVICE float widen(f32 v) { return v; }
DEVICE double widen(f64 v) { return v; }

DEVICE void narrow(b8 *to, int v) { *to = v != 0; }
DEVICE void narrow(u8 *to, int v) { to->value = v; }
DEVICE void narrow(i32 *to, int v) { *to = v; }
DEVICE void narrow(i64 *to, i64 v) { *to = v; }
DEVICE void narrow(f16 *to, float v) { *to = narrow_f16(v); }
DEVICE void narrow(bf16 *to, float v) { *to = narrow_bf16(v); }
DEVICE void narrow(f32 *to, float v) { *to = v; }
DEVICE void narrow(f64 *to, double v) { *to = v; }

template <class element> DEVICE compute_of<element> load(const element *p) { return widen(*p); }
template <class element> DEVICE void store(element *p, compute_of<element> v) { narrow(p, v); }
template <class element> DEVICE compute_of<element> stored(compute_of<element> v) {
    element e;
    narrow(&e, v);
    return widen(e);
}

#define multiply_add_f32(a, b, c) fmaf(a, b, c)
#define multiply_add_f64(a, b, c) fma(a, b, c)

// What reading beyond a tensor gives: NaN, or 0 in types without it.
DEVICE void be_missing(b8 *to) { *to = 0; }
DEVICE void be_missing(u8 *to) { to->value = 0; }
DEVICE void be_missing(i32 *to) { *to = 0; }
DEVICE void be_missing(i64 *to) { *to = 0; }
DEVICE void be_missing(f16 *to) { to->bits = 0x7e00; }
DEVICE void be_missing(bf16 *to) { to->bits = 0x7fc0; }
DEVICE void be_missing(f32 *to) { *to = NOT_A_NUMBER; }
DEVICE void be_missing(f64 *to) { *to = NOT_A_NUMBER; }
template <class element> DEVICE element missing() {
    element e;
    be_missing(&e);
    return e;
}
#define MISSING(t) missing<t>()

// What lists that kernels take are in.
#define CONSTANT const
