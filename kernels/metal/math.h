// Functions of f32: what they are made of, exponentials and logarithms. circular.h
// and special.h have the others. They are our own, in operations that IEEE's standard
// rounds once, so that they give the same bits on every GPU and in the emulator;
// Metal's own differ from one to the next. A test holds what they are off by, in
// units in the last place:
//
//     exp  exp2  expm1  log  log1p  log2  sin  cos  tan  tanh  erf  erfc  pow
//     1.1   1.1    1.7    1      1   1.9  1.6  1.6  3.2   2.5  2.5   4.4  1.2
//
// Where a device takes numbers below the normal ones for 0, results there may be 0.
// Logarithms and powers of such numbers are right all the same: they are taken apart
// as integers.

namespace own {

// What Metal has, rounded once.
static inline float sqrt(float x) { return metal::sqrt(x); }
static inline float floor(float x) { return metal::floor(x); }
static inline float ceil(float x) { return metal::ceil(x); }
static inline float trunc(float x) { return metal::trunc(x); }
static inline float rint(float x) { return metal::rint(x); }
static inline float multiply_add(float a, float b, float c) { return metal::fma(a, b, c); }

static inline float abs(float x) { return from_bits(to_bits(x) & 0x7fffffff); }

static inline int leading_zeros(u64 x) {
    u32 high = (u32)(x >> 32);
    return high != 0 ? (int)clz(high) : 32 + (int)clz((u32)x);
}

// polynomial is a + b·x + c·x² + …
static inline float polynomial(float, float a) { return a; }
template <class... others> static inline float polynomial(float x, float a, others... rest) {
    return multiply_add(x, polynomial(x, rest...), a);
}

static inline bool is_infinite(float x) { return (to_bits(x) & 0x7fffffff) == 0x7f800000; }

// power_of_two is 2^n, for n of normal numbers.
static inline float power_of_two(int n) { return from_bits((u32)(n + 127) << 23); }

// scale is x·2^n for x of about 1. Of the two factors the first is exact, so it is
// rounded once.
static inline float scale(float x, int n) {
    const int most = 252; // beyond which it is 0 or infinite
    n = n > most ? most : n < -most ? -most : n;
    return x * power_of_two(n >> 1) * power_of_two(n - (n >> 1));
}

// split takes a number apart: x = mantissa·2^exponent, with the mantissa from 1/2 up
// to 1, and of x's sign. 0, ∞ and NaN stay what they are, with exponent 0.
struct parts {
    float mantissa;
    int exponent;
};
static inline parts split(float x) {
    u32 sign = to_bits(x) & 0x80000000, bits = to_bits(x) ^ sign;
    int below = 0;
    if (bits == 0 || bits >= 0x7f800000) {
        return parts{x, 0};
    }
    if (bits < 0x00800000) { // below the normal numbers: bits·2^-149
        bits = to_bits((float)bits);
        below = 149;
    }
    return parts{from_bits(sign | (bits & 0x007fffff) | 0x3f000000), (int)(bits >> 23) - 126 - below};
}

// Exponentials. x = n·ln 2 + r with |r| at most ln 2 / 2, where the series of e^r - 1
// needs few terms.

// ln 2 in two numbers. The first has so few digits that n times it is exact.
#define LOGARITHM_OF_2 (float)0.693145752
#define LOGARITHM_OF_2_REST (float)1.42860677e-6

// less_one is e^r - 1 for small r.
static inline float less_one(float r) {
    float p = polynomial(r, (float)0.5, (float)0.166666666666666667, (float)0.0416666666666666667,
                         (float)0.00833333333333333333, (float)0.00138888888888888889, (float)0.000198412698412698413);
    return multiply_add(r * r, p, r);
}

struct reduced {
    int n;
    float r;
};
static inline reduced by_logarithms_of_2(float x) {
    float n = rint(x * (float)1.44269504088896341);
    float r = multiply_add(-n, LOGARITHM_OF_2, x);
    return reduced{(int)n, multiply_add(-n, LOGARITHM_OF_2_REST, r)};
}

// Beyond these e^x is infinite, or 0.
#define TOO_HIGH (float)89
#define TOO_LOW (float)-104

static inline float exp(float x) {
    if (!(x >= TOO_LOW && x <= TOO_HIGH)) {
        return x > (float)0 ? INFINITE : x < (float)0 ? (float)0 : x;
    }
    reduced a = by_logarithms_of_2(x);
    return scale((float)1 + less_one(a.r), a.n);
}

static inline float exp2(float x) {
    if (!(x >= (float)-151 && x < (float)128)) {
        return x > (float)0 ? INFINITE : x < (float)0 ? (float)0 : x;
    }
    float n = rint(x);
    return scale((float)1 + less_one((x - n) * (float)0.693147180559945309), (int)n);
}

// expm1 is e^x - 1 = 2^n·(e^r - 1) + 2^n - 1.
static inline float expm1(float x) {
    if (!(x >= (float)-40 && x <= TOO_HIGH)) {
        return x > (float)0 ? INFINITE : x < (float)0 ? (float)-1 : x;
    }
    reduced a = by_logarithms_of_2(x);
    float q = less_one(a.r);
    if (a.n == 0) {
        return q;
    }
    if (a.n > 25) { // 1 is too little to count
        return scale((float)1 + q, a.n);
    }
    float two_n = power_of_two(a.n);
    return multiply_add(two_n, q, two_n - (float)1);
}

// Logarithms. x = 2^n·(1 + f) with 1 + f from √½ to √2, and of s = f / (2 + f)
// log(1 + f) = 2·artanh(s) = f - s·(f - R), with R = 2·(s²/3 + s⁴/5 + …).

// from_ratio is R.
static inline float from_ratio(float z) {
    return z * polynomial(z, (float)0.666666666666666667, (float)0.4, (float)0.285714285714285714,
                          (float)0.222222222222222222, (float)0.181818181818181818);
}

// near_one splits x into 2^n·(1 + f).
static inline parts near_one(float x) {
    parts p = split(x);
    bool low = p.mantissa < (float)0.707106781186547524;
    return parts{(low ? (float)2 * p.mantissa : p.mantissa) - (float)1, p.exponent - low};
}

// of_parts is log(2^n·(1 + f)) + rest.
static inline float of_parts(parts p, float rest) {
    float f = p.mantissa, n = (float)p.exponent, s = f / ((float)2 + f);
    float small = multiply_add(n, LOGARITHM_OF_2_REST, rest) - s * (f - from_ratio(s * s));
    return multiply_add(n, LOGARITHM_OF_2, f + small);
}

// is_regular tells positive numbers; of_irregular is the logarithm of others.
static inline bool is_regular(float x) { return to_bits(x) - 1 < 0x7f800000 - 1; }
static inline float of_irregular(float x) {
    if (IS_NAN(x)) {
        return x;
    }
    u32 bits = to_bits(x);
    return bits << 1 == 0 ? -INFINITE : bits >> 31 ? NOT_A_NUMBER : x;
}

static inline float log(float x) { return is_regular(x) ? of_parts(near_one(x), (float)0) : of_irregular(x); }

// log1p: what 1 + x rounds away counts by 1 / (1 + x).
static inline float log1p(float x) {
    if (x > (float)-0.29 && x < (float)0.41) {
        float s = x / ((float)2 + x);
        return x - s * (x - from_ratio(s * s));
    }
    float u = (float)1 + x;
    if (!is_regular(u)) {
        return of_irregular(u);
    }
    float lost = x > (float)1 ? (float)1 - (u - x) : x - (u - (float)1);
    return of_parts(near_one(u), lost / u);
}

static inline float log2(float x) {
    if (!is_regular(x)) {
        return of_irregular(x);
    }
    parts p = near_one(x);
    float f = p.mantissa, s = f / ((float)2 + f);
    return multiply_add(f - s * (f - from_ratio(s * s)), (float)1.44269504088896341, (float)p.exponent);
}

// tanh x = t / (t + 2) of t = e^2x - 1.
static inline float tanh(float x) {
    float a = abs(x);
    if (a > (float)22) {
        return x > (float)0 ? (float)1 : (float)-1;
    }
    float t = expm1(a + a);
    t = t / (t + (float)2);
    return x < (float)0 ? -t : x == (float)0 ? x : t;
}

} // namespace own
