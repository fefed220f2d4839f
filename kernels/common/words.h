// The words that kernels are written in, in every language. A language's prelude.h
// comes before, with the element types and what differs: LOAD, STORE, STORED, IS_NAN,
// DEVICE, which begins a function of the device's, INFINITE and MULTIPLY_HIGH.
//
// A kernel serves one dtype for each of its type variables. DTYPE_T says which T
// stands for, as DTYPE_U and DTYPE_I do for U and I: b8 (bool), u8, i32, i64, f16, bf16,
// f32 or f64, which Metal lacks. GROUP is the most work-items that a group can have.
// All of them come from the manifest, kernels.yaml.
//
//   T                element of a buffer. f16 and bf16 are 16 bits to be moved
//                    about, and numbers only once LOAD has made them f32
//   C                the type in which elements of T are computed: int for b8, u8
//                    and i32, i64 for i64, float for f16, bf16 and f32, double for f64
//   W                C, unsigned if it is an integer, so that it wraps around
//   S                scalars of type float: double for f64, else float
//   LOAD(T, p, i)    element i of p, in C
//   STORE(T, p, i, v)  writes it, rounded once to nearest even
//   STORED(T, v)     v as it is once it has been stored in a buffer of T
//   COMPUTE(U)       C for another type variable, and SCALAR(U) S
//   IS_FLOAT(T)      for #if
//   IS_NAN(x), IS_INF(x)
//   BODY(name)       the name of a kernel's function of one element: it has T in it,
//                    so that functions of several dtypes fit one program. It takes
//                    the inputs' elements, then the scalars
//   BODY_TO(name)    the same for a kernel from T to U
//   BODY_OF(name, t) BODY(name) as it was when T was t
//
// A number is written (C)0.5, and so has the right type whatever C is. Functions of
// floats have C's names: exp, log1p, fabs, sqrt, …
//
// A kernel with body: map in the manifest is the function BODY(name). One with body:
// reduce is a type and four functions: BODY(sum_part), a part of a sum;
// BODY(sum_none)(), that of no element; BODY(sum_one)(v), that of one;
// BODY(sum_join)(a, b), that of two parts together; and BODY(sum_end)(p), the
// result. Their entry points are generated, from map and reduce in the language's
// folder. A fused kernel includes several files, each with T defined anew; so nothing
// in a header depends on T but the macros.

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
#define IS_FLOAT(t) GLUE(is_float_, t)
#define BODY_OF(name, t) GLUE(GLUE(name, _), t)
#define BODY(name) BODY_OF(name, T)
#define BODY_TO(name) BODY_OF(BODY(name), U)

typedef int compute_b8, compute_u8, compute_i32;
typedef i64 compute_i64;
typedef float compute_f16, compute_bf16, compute_f32;

typedef u32 wrap_b8, wrap_u8, wrap_i32;
typedef u64 wrap_i64;
typedef float wrap_f16, wrap_bf16, wrap_f32;

typedef float scalar_b8, scalar_u8, scalar_i32, scalar_i64, scalar_f16, scalar_bf16, scalar_f32;

#ifdef HAS_F64
typedef double compute_f64, wrap_f64, scalar_f64;
#endif

#define is_float_b8 0
#define is_float_u8 0
#define is_float_i32 0
#define is_float_i64 0
#define is_float_f16 1
#define is_float_bf16 1
#define is_float_f32 1
#define is_float_f64 1

// True of no integer.
#define IS_INF(x) (!IS_NAN(x) && (x) - (x) != 0)

// MULTIPLY_ADD(a, b, c) is a·b + c: of floats in one rounding, or as prelude.h says.
#define MULTIPLY_ADD(a, b, c) GLUE(multiply_add_, T)(a, b, c)
#define multiply_add_f16 multiply_add_f32
#define multiply_add_bf16 multiply_add_f32
#define multiply_add_i32(a, b, c) ((int)((u32)(a) * (u32)(b) + (u32)(c)))
#define multiply_add_i64(a, b, c) ((i64)((u64)(a) * (u64)(b) + (u64)(c)))

// The least and the greatest value of a dtype.
#define LOWEST(t) GLUE(lowest_, t)
#define HIGHEST(t) GLUE(highest_, t)
#define lowest_u8 0
#define lowest_i32 (-0x7fffffff - 1)
#define lowest_i64 ((i64)((u64)1 << 63))
#define lowest_f16 -INFINITE
#define lowest_bf16 -INFINITE
#define lowest_f32 -INFINITE
#define lowest_f64 -INFINITE
#define highest_u8 255
#define highest_i32 0x7fffffff
#define highest_i64 (~lowest_i64)
#define highest_f16 INFINITE
#define highest_bf16 INFINITE
#define highest_f32 INFINITE
#define highest_f64 INFINITE

// draw gives the words that elements 4·block to 4·block + 3 of a random node are
// made of, at a step: Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel
// random numbers: as easy as 1, 2, 3", SC11), a bijection of 128-bit counters.
typedef struct drawn {
    u32 word[4];
} drawn;

DEVICE drawn draw(i64 key, i64 step, int block) {
    u32 x = block, y = 0, z = (u32)step, w = (u32)((u64)step >> 32);
    u32 k0 = (u32)key, k1 = (u32)((u64)key >> 32);
    for (int round = 0; round < 10; round++) {
        u32 h0 = MULTIPLY_HIGH(0xd2511f53u, x), l0 = 0xd2511f53u * x;
        u32 h1 = MULTIPLY_HIGH(0xcd9e8d57u, z), l1 = 0xcd9e8d57u * z;
        x = h1 ^ y ^ k0;
        y = l1;
        z = h0 ^ w ^ k1;
        w = l0;
        k0 += 0x9e3779b9u;
        k1 += 0xbb67ae85u;
    }
    drawn d = {{x, y, z, w}};
    return d;
}

#ifdef CONSTANT // in languages of C++; OpenCL has vectors

// A list of a number for each dimension, innermost first.
struct list {
    int s[8];
};

// offset gives the offset of the i-th element of a walk through a tensor: dims are the
// sizes of its dimensions, innermost first and filled up with 1, strides the distances
// between neighbours. The host has merged the dimensions, so the first test, which is
// the same for all threads, ends most walks.
DEVICE int offset(int i, CONSTANT list &dims, CONSTANT list &strides) {
    int at = 0;
#pragma unroll
    for (int d = 0; d < 7; d++) {
        if (dims.s[d + 1] == 1) {
            return at + i * strides.s[d];
        }
        int next = (u32)i / (u32)dims.s[d];
        at += (i - next * dims.s[d]) * strides.s[d];
        i = next;
    }
    return at + i * strides.s[7];
}

#endif
