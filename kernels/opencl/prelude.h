// What comes first in OpenCL C: element types, how they are loaded and stored, offsets
// in tensors, and work shared by a team. common/words.h says what the words mean.

// Products and sums round apart, as on every other device; where one rounding is
// wanted, MULTIPLY_ADD says so.
#pragma OPENCL FP_CONTRACT OFF

#ifdef cl_khr_fp64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif

#define DEVICE static inline

#define LOAD(t, p, i) GLUE(load_, t)(p, i)
#define STORE(t, p, i, v) GLUE(store_, t)(p, i, v)
#define STORED(t, v) GLUE(stored_, t)(v)

// Element types.

typedef uchar b8;
typedef uchar u8;
typedef int i32;
typedef long i64;
typedef uint u32;
typedef ulong u64;
typedef ushort f16;
typedef ushort bf16;
typedef float f32;

DEVICE int load_b8(global const b8 *p, int i) { return p[i]; }
DEVICE int load_u8(global const u8 *p, int i) { return p[i]; }
DEVICE int load_i32(global const i32 *p, int i) { return p[i]; }
DEVICE long load_i64(global const i64 *p, int i) { return p[i]; }
DEVICE float load_f16(global const f16 *p, int i) { return vload_half(i, (global const half *)p); }
DEVICE float load_bf16(global const bf16 *p, int i) { return as_float((uint)p[i] << 16); }
DEVICE float load_f32(global const f32 *p, int i) { return p[i]; }

// True of no integer. It is a comparison, since isnan takes floats only.
#define IS_NAN(x) ((x) != (x))

// The bits of a bf16: half a unit is added, and what stays of a tie is even. A NaN
// keeps its sign.
DEVICE bf16 bf16_bits(float v) {
    uint bits = as_uint(v);
    if (IS_NAN(v)) {
        return bits >> 16 | 0x40;
    }
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

DEVICE void store_b8(global b8 *p, int i, int v) { p[i] = v != 0; }
DEVICE void store_u8(global u8 *p, int i, int v) { p[i] = v; }
DEVICE void store_i32(global i32 *p, int i, int v) { p[i] = v; }
DEVICE void store_i64(global i64 *p, int i, long v) { p[i] = v; }
DEVICE void store_f16(global f16 *p, int i, float v) { vstore_half_rte(v, i, (global half *)p); }
DEVICE void store_bf16(global bf16 *p, int i, float v) { p[i] = bf16_bits(v); }
DEVICE void store_f32(global f32 *p, int i, float v) { p[i] = v; }

DEVICE int stored_b8(int v) { return v != 0; }
DEVICE int stored_u8(int v) { return (u8)v; }
DEVICE int stored_i32(int v) { return v; }
DEVICE long stored_i64(long v) { return v; }
DEVICE float stored_f16(float v) {
    f16 bits;
    vstore_half_rte(v, 0, (private half *)&bits);
    return vload_half(0, (private const half *)&bits);
}
DEVICE float stored_bf16(float v) { return as_float((uint)bf16_bits(v) << 16); }
DEVICE float stored_f32(float v) { return v; }

#ifdef cl_khr_fp64
#define HAS_F64
typedef double f64;
DEVICE double load_f64(global const f64 *p, int i) { return p[i]; }
DEVICE void store_f64(global f64 *p, int i, double v) { p[i] = v; }
DEVICE double stored_f64(double v) { return v; }
#endif

#define MULTIPLY_HIGH(a, b) mul_hi(a, b)
#define INFINITE INFINITY

// MULTIPLY_ADD is in one rounding where the device does that as fast as it adds.
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

// What reading beyond a tensor gives, as bits to be moved: NaN, or 0 in types
// without it.
#define missing_b8 0
#define missing_u8 0
#define missing_i32 0
#define missing_i64 0
#define missing_f16 0x7e00
#define missing_bf16 0x7fc0
#define missing_f32 NAN
#define missing_f64 NAN
#define MISSING(t) ((t)GLUE(missing_, t))

// offset gives the offset of the i-th element of a walk through a tensor: dims are the
// sizes of its dimensions, innermost first and filled up with 1, strides the distances
// between neighbours. The host has merged the dimensions, so the first test, which is
// the same for all work-items, ends most walks.
DEVICE int offset(int i, int8 dims, int8 strides) {
    if (dims.s1 == 1) {
        return i * strides.s0;
    }
    int at = 0, next;
#define OFFSET_(d)                              \
    next = (uint)i / (uint)dims.s##d;          \
    at += (i - next * dims.s##d) * strides.s##d; \
    i = next;
    OFFSET_(0)
    if (dims.s2 == 1) {
        return at + i * strides.s1;
    }
    OFFSET_(1)
    if (dims.s3 == 1) {
        return at + i * strides.s2;
    }
    OFFSET_(2)
    if (dims.s4 == 1) {
        return at + i * strides.s3;
    }
    OFFSET_(3)
    OFFSET_(4)
    OFFSET_(5)
    OFFSET_(6)
#undef OFFSET_
    return at + i * strides.s7;
}

// TEAM_FOLD defines a function that joins the values of all members of a team, in
// an order that depends on the team's size alone, and gives each of them the
// result. A team is `team` neighbouring work-items of a group, a power of two.
// All work-items of the group must call it, with scratch memory for one value
// each.
#define TEAM_FOLD(NAME, TYPE, JOIN)                                        \
    DEVICE TYPE NAME(local TYPE *scratch, TYPE v, int team) {       \
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

// TEAM_SCAN defines a function that gives each member of a team the values of all
// members up to itself, joined in order, and in `all` those of the whole team: in round
// s every member joins what the one 2^s before it has to its own (Hillis and Steele,
// "Data parallel algorithms", 1986). All work-items of the group must call it.
#define TEAM_SCAN(NAME, TYPE, JOIN)                                                \
    DEVICE TYPE NAME(local TYPE *scratch, TYPE v, int team, TYPE *all) {           \
        int me = get_local_id(0), member = me & (team - 1);                        \
        scratch[me] = v;                                                           \
        for (int reach = 1; reach < team; reach *= 2) {                            \
            barrier(CLK_LOCAL_MEM_FENCE);                                          \
            TYPE earlier = scratch[member >= reach ? me - reach : me];             \
            barrier(CLK_LOCAL_MEM_FENCE);                                          \
            if (member >= reach) {                                                 \
                v = JOIN(earlier, v);                                              \
                scratch[me] = v;                                                   \
            }                                                                      \
        }                                                                          \
        barrier(CLK_LOCAL_MEM_FENCE);                                              \
        *all = scratch[me - member + team - 1];                                    \
        barrier(CLK_LOCAL_MEM_FENCE);                                              \
        return v;                                                                  \
    }
