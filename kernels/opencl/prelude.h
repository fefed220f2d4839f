// What comes before every kernel: element types, places in tensors, and work
// shared by a team.
//
// A kernel serves one dtype for each of its type variables. DTYPE_T says which T
// stands for, as DTYPE_U and DTYPE_I do for U and I: b8 (bool), i32, i64, f16,
// bf16, f32 or f64. GROUP is the most work-items that a group can have. All of
// them come from the manifest, kernels.yaml.
//
//   T                element of a buffer. f16 and bf16 are 16 bits to be moved
//                    about, and numbers only once LOAD has made them f32
//   C                the type in which elements of T are computed: int for b8 and
//                    i32, long for i64, float for f16, bf16 and f32, double for f64
//   W                C, unsigned if it is an integer, so that it wraps around
//   S                scalars of type float: double for f64, else float
//   LOAD(T, p, i)    element i of p, in C
//   STORE(T, p, i, v)  writes it, rounded once to nearest even
//   COMPUTE(U)       C for another type variable
//   IS_FLOAT(T)      for #if
//   STORED(T, v)     v, as LOAD gives it after STORE has written it
//   BODY(name)       the name of an elementwise kernel's scalar function: it has T
//                    in it, so that functions of several dtypes fit one program.
//                    It takes the inputs' elements, then the scalars
//   BODY_TO(name)    the same for a kernel from T to U
//   BODY_OF(name, t) BODY(name) as it was when T was t
//
// A number is written (C)0.5, and so has the right type whatever C is.
//
// Sources that fuse several kernels include their files with FUSED defined, which
// leaves the kernels themselves out, and with T defined anew for each. What such a
// source needs of a reduction is a type and four functions: BODY(sum_part), a part
// of a sum; BODY(sum_none)(), that of no element; BODY(sum_one)(v), that of one;
// BODY(sum_join)(a, b), that of two parts together; and BODY(sum_end)(p), the
// result.

// Products and sums round apart, as on every other device; where one rounding is
// wanted, MULTIPLY_ADD says so.
#pragma OPENCL FP_CONTRACT OFF

#ifdef cl_khr_fp64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif

#define GLUE_(a, b) a##b
#define GLUE(a, b) GLUE_(a, b)

#ifdef DTYPE_T
#define T DTYPE_T
#endif
#ifdef DTYPE_U
#define U DTYPE_U
#endif
#ifdef DTYPE_I
#define I DTYPE_I
#endif

#define COMPUTE(t) GLUE(compute_, t)
#define C COMPUTE(T)
#define W GLUE(wrap_, T)
#define SCALAR(t) GLUE(scalar_, t)
#define S SCALAR(T)
#define LOAD(t, p, i) GLUE(load_, t)(p, i)
#define STORE(t, p, i, v) GLUE(store_, t)(p, i, v)
#define IS_FLOAT(t) GLUE(is_float_, t)
#define STORED(t, v) GLUE(stored_, t)(v)
#define BODY_OF(name, t) GLUE(GLUE(name, _), t)
#define BODY(name) BODY_OF(name, T)
#define BODY_TO(name) BODY_OF(BODY(name), U)

// Element types.

typedef uchar b8;
typedef int i32;
typedef long i64;
typedef ushort f16;
typedef ushort bf16;
typedef float f32;

typedef int compute_b8, compute_i32;
typedef long compute_i64;
typedef float compute_f16, compute_bf16, compute_f32;

typedef uint wrap_b8, wrap_i32;
typedef ulong wrap_i64;
typedef float wrap_f16, wrap_bf16, wrap_f32;

typedef float scalar_b8, scalar_i32, scalar_i64, scalar_f16, scalar_bf16, scalar_f32;

#define is_float_b8 0
#define is_float_i32 0
#define is_float_i64 0
#define is_float_f16 1
#define is_float_bf16 1
#define is_float_f32 1
#define is_float_f64 1

static inline int load_b8(global const b8 *p, int i) { return p[i]; }
static inline int load_i32(global const i32 *p, int i) { return p[i]; }
static inline long load_i64(global const i64 *p, int i) { return p[i]; }
static inline float load_f16(global const f16 *p, int i) { return vload_half(i, (global const half *)p); }
static inline float load_bf16(global const bf16 *p, int i) { return as_float((uint)p[i] << 16); }
static inline float load_f32(global const f32 *p, int i) { return p[i]; }

// True of no integer. It is a comparison, since isnan takes floats only.
#define IS_NAN(x) ((x) != (x))

// The bits of a bf16: half a unit is added, and what stays of a tie is even. A NaN
// keeps its sign.
static inline bf16 bf16_bits(float v) {
    uint bits = as_uint(v);
    if (IS_NAN(v)) {
        return bits >> 16 | 0x40;
    }
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

static inline void store_b8(global b8 *p, int i, int v) { p[i] = v != 0; }
static inline void store_i32(global i32 *p, int i, int v) { p[i] = v; }
static inline void store_i64(global i64 *p, int i, long v) { p[i] = v; }
static inline void store_f16(global f16 *p, int i, float v) { vstore_half_rte(v, i, (global half *)p); }
static inline void store_bf16(global bf16 *p, int i, float v) { p[i] = bf16_bits(v); }
static inline void store_f32(global f32 *p, int i, float v) { p[i] = v; }

static inline int stored_b8(int v) { return v != 0; }
static inline int stored_i32(int v) { return v; }
static inline long stored_i64(long v) { return v; }
static inline float stored_f16(float v) {
    f16 bits;
    vstore_half_rte(v, 0, (private half *)&bits);
    return vload_half(0, (private const half *)&bits);
}
static inline float stored_bf16(float v) { return as_float((uint)bf16_bits(v) << 16); }
static inline float stored_f32(float v) { return v; }

#ifdef cl_khr_fp64
typedef double f64;
typedef double compute_f64, wrap_f64, scalar_f64;
static inline double load_f64(global const f64 *p, int i) { return p[i]; }
static inline void store_f64(global f64 *p, int i, double v) { p[i] = v; }
static inline double stored_f64(double v) { return v; }
#endif

// MULTIPLY_ADD(a, b, c) is a·b + c, in one rounding where the device does that as
// fast as it adds.
#if defined(FP_FAST_FMAF)
#define multiply_add_f32(a, b, c) fma(a, b, c)
#else
#define multiply_add_f32(a, b, c) ((a) * (b) + (c))
#endif
#if defined(FP_FAST_FMA)
#define multiply_add_f64(a, b, c) fma(a, b, c)
#else
#define multiply_add_f64(a, b, c) ((a) * (b) + (c))
#endif
#define multiply_add_f16 multiply_add_f32
#define multiply_add_bf16 multiply_add_f32
#define multiply_add_i32(a, b, c) ((int)((uint)(a) * (uint)(b) + (uint)(c)))
#define multiply_add_i64(a, b, c) ((long)((ulong)(a) * (ulong)(b) + (ulong)(c)))
#define MULTIPLY_ADD(a, b, c) GLUE(multiply_add_, T)(a, b, c)

// The least and the greatest value of a dtype.
#define lowest_i32 INT_MIN
#define lowest_i64 LONG_MIN
#define lowest_f16 -INFINITY
#define lowest_bf16 -INFINITY
#define lowest_f32 -INFINITY
#define lowest_f64 -INFINITY
#define highest_i32 INT_MAX
#define highest_i64 LONG_MAX
#define highest_f16 INFINITY
#define highest_bf16 INFINITY
#define highest_f32 INFINITY
#define highest_f64 INFINITY
#define LOWEST(t) GLUE(lowest_, t)
#define HIGHEST(t) GLUE(highest_, t)

// What reading beyond a tensor gives, as bits to be moved: NaN, or 0 in types
// without it.
#define missing_b8 0
#define missing_i32 0
#define missing_i64 0
#define missing_f16 0x7e00
#define missing_bf16 0x7fc0
#define missing_f32 NAN
#define missing_f64 NAN
#define MISSING(t) ((t)GLUE(missing_, t))

// place is where in a tensor the element is that comes i-th in a walk: dims are
// the walk's dimensions, innermost first and filled up with 1, and steps how far
// apart neighbours in each lie. The host has merged the dimensions, so the first
// test, which is the same for all work-items, ends most walks.
static inline int place(int i, int8 dims, int8 steps) {
    if (dims.s1 == 1) {
        return i * steps.s0;
    }
    int at = 0, next;
#define PLACE_(d)                              \
    next = (uint)i / (uint)dims.s##d;          \
    at += (i - next * dims.s##d) * steps.s##d; \
    i = next;
    PLACE_(0)
    if (dims.s2 == 1) {
        return at + i * steps.s1;
    }
    PLACE_(1)
    if (dims.s3 == 1) {
        return at + i * steps.s2;
    }
    PLACE_(2)
    if (dims.s4 == 1) {
        return at + i * steps.s3;
    }
    PLACE_(3)
    PLACE_(4)
    PLACE_(5)
    PLACE_(6)
#undef PLACE_
    return at + i * steps.s7;
}

// TEAM_FOLD defines a function that joins the values of all members of a team, in
// an order that depends on the team's size alone, and gives each of them the
// result. A team is `team` neighbouring work-items of a group, a power of two.
// All work-items of the group must call it, with scratch memory for one value
// each.
#define TEAM_FOLD(NAME, TYPE, JOIN)                                        \
    static inline TYPE NAME(local TYPE *scratch, TYPE v, int team) {       \
        int me = get_local_id(0), member = me & (team - 1);                \
        scratch[me] = v;                                                   \
        for (int reach = team / 2; reach > 0; reach /= 2) {                \
            barrier(CLK_LOCAL_MEM_FENCE);                                  \
            if (member < reach) {                                          \
                scratch[me] = JOIN(scratch[me], scratch[me + reach]);      \
            }                                                              \
        }                                                                  \
        barrier(CLK_LOCAL_MEM_FENCE);                                      \
        v = scratch[me - member];                                          \
        barrier(CLK_LOCAL_MEM_FENCE);                                      \
        return v;                                                          \
    }

// draw gives the words that elements 4·block to 4·block + 3 of a random node are
// made of, at a step: Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel
// random numbers: as easy as 1, 2, 3", SC11), a bijection of 128-bit counters.
static inline uint4 draw(long key, long step, int block) {
    uint4 c = (uint4)(block, 0, (uint)step, (uint)((ulong)step >> 32));
    uint k0 = (uint)key, k1 = (uint)((ulong)key >> 32);
    for (int round = 0; round < 10; round++) {
        uint h0 = mul_hi(0xd2511f53u, c.x), l0 = 0xd2511f53u * c.x;
        uint h1 = mul_hi(0xcd9e8d57u, c.z), l1 = 0xcd9e8d57u * c.z;
        c = (uint4)(h1 ^ c.y ^ k0, l1, h0 ^ c.w ^ k1, l0);
        k0 += 0x9e3779b9u;
        k1 += 0xbb67ae85u;
    }
    return c;
}
