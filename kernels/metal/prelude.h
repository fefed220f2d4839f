// What comes before every kernel: element types, and places in tensors. After it
// come functions of floats, in math.h, circular.h and special.h, and in work.h what
// threads do together.
//
// A kernel serves one dtype for each of its type variables. DTYPE_T says which T
// stands for, as DTYPE_U and DTYPE_I do for U and I: b8 (bool), i32, i64, f16, bf16
// or f32; Metal has no f64. GROUP is the most threads that a threadgroup can have.
// All of them come from the manifest, kernels.yaml.
//
//   T                element of a buffer. f16 and bf16 are 16 bits to be moved
//                    about, and numbers only once LOAD has made them f32
//   C                the type in which elements of T are computed: int for b8 and
//                    i32, i64 for i64, float for f16, bf16 and f32
//   W                C, unsigned if it is an integer, so that it wraps around
//   S                scalars of type float: float
//   LOAD(T, p, i)    element i of p, in C. p may point to any kind of memory
//   STORE(T, p, i, v)  writes it, rounded once to nearest even
//   COMPUTE(U)       C for another type variable
//   SCALAR(U)        S for another type variable
//   IS_FLOAT(T)      for #if
//   STORED(T, v)     v as it is once it has been stored in a buffer of T
//   BODY(name)       the name of an elementwise kernel's scalar function: it has T
//                    in it, so that functions of several dtypes fit one program
//   BODY_TO(name)    the same of a kernel from T to U
//   BODY_OF(name, t) BODY(name) as it was when T was t
//
// A number is written (C)0.5, and so has the right type whatever C is.
//
// An entry point takes the buffers, each with its index, and then one struct
// `arguments`, which has all scalars and sizes, in the manifest's order.
//
// Sources that fuse several kernels include their files with FUSED defined, which
// leaves the kernels themselves out, and with T defined anew for each. So nothing
// in the files that come before depends on T but the macros. What such a source
// needs of a reduction is a type and four functions: BODY(sum_part), a part of a
// sum; BODY(sum_none)(), that of no element; BODY(sum_one)(v), that of one;
// BODY(sum_join)(a, b), that of two parts together; and BODY(sum_end)(p), the
// result.
//
// The language is Metal 3.0, with safe math: by Apple's specification division and
// square root are then correctly rounded, as sums, products and fma are, and NaN and ∞
// are what they are elsewhere. Kernels rely on that, and on rounding to nearest even.
// The same specification lets a device take f32 below the normal numbers for 0, and
// give 0 for them.

#include <metal_stdlib>

using namespace metal;

// Products and sums round apart, as on every other device; where one rounding is
// wanted, MULTIPLY_ADD says so. No option of the compilation does that: safe math
// contracts within an expression. The specification has the first of these from MSL 3.2
// on; the second is clang's own, for compilers that don't know the first.
#pragma METAL fp contract(off)
#pragma clang fp contract(off)

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
#define LOAD(t, p, i) GLUE(widen_, t)((p)[i])
#define STORE(t, p, i, v) ((p)[i] = GLUE(narrow_, t)(v))
#define IS_FLOAT(t) GLUE(is_float_, t)
#define STORED(t, v) GLUE(widen_, t)(GLUE(narrow_, t)(v))
#define BODY_OF(name, t) GLUE(GLUE(name, _), t)
#define BODY(name) BODY_OF(name, T)
#define BODY_TO(name) BODY_OF(BODY(name), U)

// Element types.

typedef uchar b8;
typedef int i32;
typedef long i64;
typedef uint u32;
typedef ulong u64;
typedef float f32;
struct f16 {
    ushort bits;
};
struct bf16 {
    ushort bits;
};

typedef int compute_b8, compute_i32;
typedef i64 compute_i64;
typedef float compute_f16, compute_bf16, compute_f32;

typedef u32 wrap_b8, wrap_i32;
typedef u64 wrap_i64;
typedef float wrap_f16, wrap_bf16, wrap_f32;

typedef float scalar_b8, scalar_i32, scalar_i64, scalar_f16, scalar_bf16, scalar_f32;

#define is_float_b8 0
#define is_float_i32 0
#define is_float_i64 0
#define is_float_f16 1
#define is_float_bf16 1
#define is_float_f32 1

static inline u32 to_bits(float x) { return as_type<u32>(x); }
static inline float from_bits(u32 bits) { return as_type<float>(bits); }

// True of no integer.
#define IS_NAN(x) is_nan(x)
static inline bool is_nan(float x) { return (to_bits(x) & 0x7fffffff) > 0x7f800000; }
static inline bool is_nan(int) { return false; }
static inline bool is_nan(i64) { return false; }

// widen makes a number of an element, and narrow an element of a number, rounded
// once to nearest even.

static inline int widen_b8(b8 v) { return v; }
static inline int widen_i32(i32 v) { return v; }
static inline i64 widen_i64(i64 v) { return v; }
static inline float widen_f32(f32 v) { return v; }

static inline b8 narrow_b8(int v) { return v != 0; }
static inline i32 narrow_i32(int v) { return v; }
static inline i64 narrow_i64(i64 v) { return v; }
static inline f32 narrow_f32(float v) { return v; }

// f16 is IEEE's format of 16 bits. It is converted as integers: Metal's half may be
// taken for 0 below its normal numbers, by Apple's specification, and there lie many
// gradients. Where kernels wait for memory it costs no time.
static inline float widen_f16(f16 h) {
    u32 sign = (u32)(h.bits & 0x8000) << 16, magnitude = h.bits & 0x7fff;
    if (magnitude < 0x400) { // below the normal numbers: a multiple of 2^-24, and exact
        return from_bits(sign | to_bits((float)magnitude * from_bits(0x33800000)));
    }
    return from_bits((sign | magnitude << 13) + (magnitude < 0x7c00 ? 112 << 23 : 224 << 23));
}
static inline f16 narrow_f16(float v) {
    u32 bits = to_bits(v), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) {
        return f16{0x7fff};
    }
    if (magnitude >= 0x477ff000) { // from halfway between 65504 and 65536 on
        return f16{(ushort)(sign | 0x7c00)};
    }
    if (magnitude >= 0x38800000) { // normal; what is dropped is rounded, a tie to even
        return f16{(ushort)(sign | (magnitude - (112 << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13)};
    }
    // An addition that rounds at 2^-24, the last place of the numbers below.
    return f16{(ushort)(sign | (to_bits(from_bits(magnitude) + (float)0.5) - 0x3f000000))};
}

// bf16 is the upper half of an f32. Half a unit is added, and what stays of a tie
// is even. A NaN keeps its sign.
static inline float widen_bf16(bf16 h) { return from_bits((u32)h.bits << 16); }
static inline bf16 narrow_bf16(float v) {
    u32 bits = to_bits(v);
    return bf16{(ushort)(IS_NAN(v) ? bits >> 16 | 0x40 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}

// MULTIPLY_ADD(a, b, c) is a·b + c, in one rounding.
#define multiply_add_f32(a, b, c) fma((float)(a), (float)(b), (float)(c))
#define multiply_add_f16 multiply_add_f32
#define multiply_add_bf16 multiply_add_f32
#define multiply_add_i32(a, b, c) ((int)((u32)(a) * (u32)(b) + (u32)(c)))
#define multiply_add_i64(a, b, c) ((i64)((u64)(a) * (u64)(b) + (u64)(c)))
#define MULTIPLY_ADD(a, b, c) GLUE(multiply_add_, T)(a, b, c)

#define INFINITE from_bits(0x7f800000u)
#define NOT_A_NUMBER from_bits(0x7fc00000u)

// The least and the greatest value of a dtype.
#define lowest_i32 (-0x7fffffff - 1)
#define lowest_i64 ((i64)((u64)1 << 63))
#define lowest_f16 -INFINITE
#define lowest_bf16 -INFINITE
#define lowest_f32 -INFINITE
#define highest_i32 0x7fffffff
#define highest_i64 (~lowest_i64)
#define highest_f16 INFINITE
#define highest_bf16 INFINITE
#define highest_f32 INFINITE
#define LOWEST(t) GLUE(lowest_, t)
#define HIGHEST(t) GLUE(highest_, t)

// What reading beyond a tensor gives: NaN, or 0 in types without it.
#define missing_b8 b8{0}
#define missing_i32 i32{0}
#define missing_i64 i64{0}
#define missing_f16 f16{0x7e00}
#define missing_bf16 bf16{0x7fc0}
#define missing_f32 NOT_A_NUMBER
#define MISSING(t) GLUE(missing_, t)

// A list of a number for each dimension, innermost first.
struct list {
    int s[8];
};

// place is where in a tensor the element is that comes i-th in a walk: dims are
// the walk's dimensions, innermost first and filled up with 1, and steps how far
// apart neighbours in each lie. The host has merged the dimensions, so the first
// test, which is the same for all threads, ends most walks.
static inline int place(int i, constant list &dims, constant list &steps) {
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

static inline drawn draw(i64 key, i64 step, int block) {
    u32 x = block, y = 0, z = (u32)step, w = (u32)((u64)step >> 32);
    u32 k0 = (u32)key, k1 = (u32)((u64)key >> 32);
    for (int round = 0; round < 10; round++) {
        u32 h0 = mulhi(0xd2511f53u, x), l0 = 0xd2511f53u * x;
        u32 h1 = mulhi(0xcd9e8d57u, z), l1 = 0xcd9e8d57u * z;
        x = h1 ^ y ^ k0;
        y = l1;
        z = h0 ^ w ^ k1;
        w = l0;
        k0 += 0x9e3779b9u;
        k1 += 0xbb67ae85u;
    }
    return drawn{{x, y, z, w}};
}
