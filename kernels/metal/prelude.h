// What comes first in Metal: element types, and how they are loaded and stored.
// common/words.h says what the words mean. After it come functions of floats, in
// floats.h, common/math.h and special.h, and in work.h what threads do together.
//
// LOAD and STORE take pointers to any kind of memory. An entry point takes the
// buffers, each with its index, and then one struct `arguments`, which has all scalars
// and sizes, in the manifest's order.
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

#define DEVICE static inline

#define LOAD(t, p, i) GLUE(widen_, t)((p)[i])
#define STORE(t, p, i, v) ((p)[i] = GLUE(narrow_, t)(v))
#define STORED(t, v) GLUE(widen_, t)(GLUE(narrow_, t)(v))

// Element types.

typedef uchar b8;
typedef uchar u8;
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

DEVICE u32 to_bits(float x) { return as_type<u32>(x); }
DEVICE float from_bits(u32 bits) { return as_type<float>(bits); }

// True of no integer.
#define IS_NAN(x) is_nan(x)
DEVICE bool is_nan(float x) { return (to_bits(x) & 0x7fffffff) > 0x7f800000; }
DEVICE bool is_nan(int) { return false; }
DEVICE bool is_nan(i64) { return false; }

// widen makes a number of an element, and narrow an element of a number, rounded
// once to nearest even.

DEVICE int widen_b8(b8 v) { return v; }
DEVICE int widen_u8(u8 v) { return v; }
DEVICE int widen_i32(i32 v) { return v; }
DEVICE i64 widen_i64(i64 v) { return v; }
DEVICE float widen_f32(f32 v) { return v; }

DEVICE b8 narrow_b8(int v) { return v != 0; }
DEVICE u8 narrow_u8(int v) { return v; }
DEVICE i32 narrow_i32(int v) { return v; }
DEVICE i64 narrow_i64(i64 v) { return v; }
DEVICE f32 narrow_f32(float v) { return v; }

// f16 is IEEE's format of 16 bits. It is converted as integers: Metal's half may be
// taken for 0 below its normal numbers, by Apple's specification, and there lie many
// gradients. Where kernels wait for memory it costs no time.
DEVICE float widen_f16(f16 h) {
    u32 sign = (u32)(h.bits & 0x8000) << 16, magnitude = h.bits & 0x7fff;
    if (magnitude < 0x400) { // below the normal numbers: a multiple of 2^-24, and exact
        return from_bits(sign | to_bits((float)magnitude * from_bits(0x33800000)));
    }
    return from_bits((sign | magnitude << 13) + (magnitude < 0x7c00 ? 112 << 23 : 224 << 23));
}
DEVICE f16 narrow_f16(float v) {
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
DEVICE float widen_bf16(bf16 h) { return from_bits((u32)h.bits << 16); }
DEVICE bf16 narrow_bf16(float v) {
    u32 bits = to_bits(v);
    return bf16{(ushort)(IS_NAN(v) ? bits >> 16 | 0x40 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}

#define multiply_add_f32(a, b, c) fma((float)(a), (float)(b), (float)(c))

#define MULTIPLY_HIGH(a, b) mulhi(a, b)
#define INFINITE from_bits(0x7f800000u)
#define NOT_A_NUMBER from_bits(0x7fc00000u)

// What reading beyond a tensor gives: NaN, or 0 in types without it.
#define missing_b8 b8{0}
#define missing_u8 u8{0}
#define missing_i32 i32{0}
#define missing_i64 i64{0}
#define missing_f16 f16{0x7e00}
#define missing_bf16 bf16{0x7fc0}
#define missing_f32 NOT_A_NUMBER
#define MISSING(t) GLUE(missing_, t)

// What lists that kernels take are in.
#define CONSTANT constant
