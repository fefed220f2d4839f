// What comes before every kernel: element types, and places in tensors. After it
// come functions of floats, in math.h, circular.h and special.h, and in work.h what
// threads do, alone and together.
//
// A kernel serves one dtype for each of its type variables. DTYPE_T says which T
// stands for, as DTYPE_U and DTYPE_I do for U and I: b8 (bool), i32, i64, f16,
// bf16, f32 or f64. GROUP is the most threads that a block can have. All of them
// come from the manifest, kernels.yaml.
//
//   T                element of a buffer. f16 and bf16 are 16 bits to be moved
//                    about, and numbers only once LOAD has made them f32
//   C                the type in which elements of T are computed: int for b8 and
//                    i32, i64 for i64, float for f16, bf16 and f32, double for f64
//   W                C, unsigned if it is an integer, so that it wraps around
//   S                scalars of type float: double for f64, else float
//   LOAD(T, p, i)    element i of p, in C
//   STORE(T, p, i, v)  writes it, rounded once to nearest even
//   COMPUTE(U)       C for another type variable
//   IS_FLOAT(T)      for #if
//   BODY(name)       the name of an elementwise kernel's scalar function: it has T
//                    in it, so that functions of several dtypes fit one program
//   BODY_TO(name)    the same of a kernel from T to U
//   BODY_OF(name, t) BODY(name) as it was when T was t
//   STORED(T, v)     v as it is once it has been stored in a buffer of T
//   SCALAR(U)        S for another type variable
//
// A number is written (C)0.5, and so has the right type whatever C is.
//
// Sources that fuse several kernels include their files with FUSED defined, which
// leaves the kernels themselves out, and with T defined anew for each. So nothing
// in the files that come before depends on T but the macros. What such a source
// needs of a reduction is a type and four functions: BODY(sum_part), a part of a
// sum; BODY(sum_none)(), that of no element; BODY(sum_one)(v), that of one;
// BODY(sum_join)(a, b), that of two parts together; and BODY(sum_end)(p), the
// result.
//
// Three compilers read this, none of them with headers of CUDA's or C++'s: NVRTC;
// clang for PTX, after kernels/ptx/clang.h; and clang for the CPU, after
// internal/fakegpu/emulator/cpp/cuda.h. What those two declare is all of CUDA that kernels use.
// Products and sums round apart (NVRTC is told -fmad=false); where one rounding
// is wanted, MULTIPLY_ADD says so.

#define GLUE_(a, b) a##b
#define GLUE(a, b) GLUE_(a, b)

#define T DTYPE_T
#define U DTYPE_U
#define I DTYPE_I

#define COMPUTE(t) GLUE(compute_, t)
#define C COMPUTE(T)
#define W GLUE(wrap_, T)
#define SCALAR(t) GLUE(scalar_, t)
#define S SCALAR(T)
#define LOAD(t, p, i) load((const t *)(p) + (i))
#define STORE(t, p, i, v) store((t *)(p) + (i), (COMPUTE(t))(v))
#define IS_FLOAT(t) GLUE(is_float_, t)
#define STORED(t, v) stored<t>(v)
#define BODY_OF(name, t) GLUE(GLUE(name, _), t)
#define BODY(name) BODY_OF(name, T)
#define BODY_TO(name) BODY_OF(BODY(name), U)

// Every function of the device's is part of its caller.
#define DEVICE [[maybe_unused]] static __device__ __forceinline__

// Element types.

typedef unsigned char b8;
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

typedef int compute_b8, compute_i32;
typedef i64 compute_i64;
typedef float compute_f16, compute_bf16, compute_f32;
typedef double compute_f64;

typedef u32 wrap_b8, wrap_i32;
typedef u64 wrap_i64;
typedef float wrap_f16, wrap_bf16, wrap_f32;
typedef double wrap_f64;

typedef float scalar_b8, scalar_i32, scalar_i64, scalar_f16, scalar_bf16, scalar_f32;
typedef double scalar_f64;

#define is_float_b8 0
#define is_float_i32 0
#define is_float_i64 0
#define is_float_f16 1
#define is_float_bf16 1
#define is_float_f32 1
#define is_float_f64 1

// True of no integer.
#define IS_NAN(x) ((x) != (x))

// compute_of gives C where a template knows T alone.
template <class element> struct of_element { typedef element compute; };
template <> struct of_element<b8> { typedef int compute; };
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
DEVICE int widen(i32 v) { return v; }
DEVICE i64 widen(i64 v) { return v; }
DEVICE float widen(f32 v) { return v; }
DEVICE double widen(f64 v) { return v; }

DEVICE void narrow(b8 *to, int v) { *to = v != 0; }
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

// MULTIPLY_ADD(a, b, c) is a·b + c, in one rounding.
#define multiply_add_f32(a, b, c) fmaf(a, b, c)
#define multiply_add_f64(a, b, c) fma(a, b, c)
#define multiply_add_f16 multiply_add_f32
#define multiply_add_bf16 multiply_add_f32
#define multiply_add_i32(a, b, c) ((int)((u32)(a) * (u32)(b) + (u32)(c)))
#define multiply_add_i64(a, b, c) ((i64)((u64)(a) * (u64)(b) + (u64)(c)))
#define MULTIPLY_ADD(a, b, c) GLUE(multiply_add_, T)(a, b, c)

#define INFINITE __uint_as_float(0x7f800000u)
#define NOT_A_NUMBER __uint_as_float(0x7fc00000u)

// The least and the greatest value of a dtype.
#define lowest_i32 (-0x7fffffff - 1)
#define lowest_i64 ((i64)((u64)1 << 63))
#define lowest_f16 -INFINITE
#define lowest_bf16 -INFINITE
#define lowest_f32 -INFINITE
#define lowest_f64 -INFINITE
#define highest_i32 0x7fffffff
#define highest_i64 (~lowest_i64)
#define highest_f16 INFINITE
#define highest_bf16 INFINITE
#define highest_f32 INFINITE
#define highest_f64 INFINITE
#define LOWEST(t) GLUE(lowest_, t)
#define HIGHEST(t) GLUE(highest_, t)

// What reading beyond a tensor gives: NaN, or 0 in types without it.
DEVICE void be_missing(b8 *to) { *to = 0; }
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

// A list of a number for each dimension, innermost first.
struct list {
    int s[8];
};

// place is where in a tensor the element is that comes i-th in a walk: dims are
// the walk's dimensions, innermost first and filled up with 1, and steps how far
// apart neighbours in each lie. The host has merged the dimensions, so the first
// test, which is the same for all threads, ends most walks.
DEVICE int place(int i, const list &dims, const list &steps) {
    int at = 0;
#pragma unroll
    for (int d = 0; d < 7; d++) {
        if (dims.s[d + 1] == 1) {
            return at + i * steps.s[d];
        }
        int next = (u32)i / (u32)dims.s[d];
        at += (i - next * dims.s[d]) * steps.s[d];
        i = next;
    }
    return at + i * steps.s[7];
}

// draw gives the words that elements 4·block to 4·block + 3 of a random node are
// made of, at a step: Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel
// random numbers: as easy as 1, 2, 3", SC11), a bijection of 128-bit counters.
struct drawn {
    u32 word[4];
};

DEVICE drawn draw(i64 key, i64 step, int block) {
    u32 x = block, y = 0, z = (u32)step, w = (u32)((u64)step >> 32);
    u32 k0 = (u32)key, k1 = (u32)((u64)key >> 32);
    for (int round = 0; round < 10; round++) {
        u32 h0 = __umulhi(0xd2511f53u, x), l0 = 0xd2511f53u * x;
        u32 h1 = __umulhi(0xcd9e8d57u, z), l1 = 0xcd9e8d57u * z;
        x = h1 ^ y ^ k0;
        y = l1;
        z = h0 ^ w ^ k1;
        w = l0;
        k0 += 0x9e3779b9u;
        k1 += 0xbb67ae85u;
    }
    return {{x, y, z, w}};
}
