// Functions of floats, in f32 and f64: what they are made of, exponentials and
// logarithms. circular.h and special.h have the others. They are our own, in
// operations that the standard rounds once, so that they give the same bits on every
// GPU, under every compiler and in the emulator; and clang has none without
// NVIDIA's library. A test holds what they are off by, in units in the last place:
//
//          exp  exp2  expm1  log  log1p  log2  sin  cos  tan  tanh  erf  erfc
//   f32    1.1   1.1    1.7    1      1   1.9  1.6  1.6  3.2   2.5  2.5   4.4
//   f64    1.5   1.5      2    1      1     2  1.5  1.5    3   2.5  2.5     5

namespace math {

// What a format is made of.
template <class c> struct format;
template <> struct format<float> {
    typedef u32 bits;
    enum { mantissa = 23, bias = 127 };
};
template <> struct format<double> {
    typedef u64 bits;
    enum { mantissa = 52, bias = 1023 };
};

DEVICE u32 to_bits(float x) { return __float_as_uint(x); }
DEVICE u64 to_bits(double x) { return (u64)__double_as_longlong(x); }
DEVICE float from_bits(u32 bits) { return __uint_as_float(bits); }
DEVICE double from_bits(u64 bits) { return __longlong_as_double((i64)bits); }

// What CUDA has, rounded once, under one name for both formats.
DEVICE float sqrt(float x) { return sqrtf(x); }
DEVICE double sqrt(double x) { return ::sqrt(x); }
DEVICE float abs(float x) { return fabsf(x); }
DEVICE double abs(double x) { return fabs(x); }
DEVICE float floor(float x) { return floorf(x); }
DEVICE double floor(double x) { return ::floor(x); }
DEVICE float ceil(float x) { return ceilf(x); }
DEVICE double ceil(double x) { return ::ceil(x); }
DEVICE float trunc(float x) { return truncf(x); }
DEVICE double trunc(double x) { return ::trunc(x); }
DEVICE float rint(float x) { return rintf(x); }
DEVICE double rint(double x) { return ::rint(x); }
DEVICE float multiply_add(float a, float b, float c) { return fmaf(a, b, c); }
DEVICE double multiply_add(double a, double b, double c) { return fma(a, b, c); }

// polynomial is a + b·x + c·x² + …
template <class c> DEVICE c polynomial(c, c a) { return a; }
template <class c, class... others> DEVICE c polynomial(c x, c a, others... rest) {
    return multiply_add(x, polynomial(x, rest...), a);
}

template <class c> DEVICE bool is_infinite(c x) { return abs(x) == (c)INFINITE; }

// power_of_two is 2^n, for n of normal numbers.
template <class c> DEVICE c power_of_two(int n) {
    typedef typename format<c>::bits bits;
    return from_bits((bits)(n + format<c>::bias) << format<c>::mantissa);
}

// scale is x·2^n for x of about 1. Of the two factors the first is exact, so it is
// rounded once.
template <class c> DEVICE c scale(c x, int n) {
    const int most = 2 * format<c>::bias - 2; // beyond which it is 0 or infinite
    n = n > most ? most : n < -most ? -most : n;
    return x * power_of_two<c>(n >> 1) * power_of_two<c>(n - (n >> 1));
}

// split takes a positive number apart: x = mantissa·2^exponent, with the mantissa
// from 1/2 up to 1. 0, ∞ and NaN stay what they are, with exponent 0.
template <class c> struct parts {
    c mantissa;
    int exponent;
};
template <class c> DEVICE parts<c> split(c x) {
    typedef typename format<c>::bits bits;
    const int m = format<c>::mantissa, bias = format<c>::bias;
    int below = 0;
    if (x == (c)0 || x - x != (c)0) {
        return {x, 0};
    }
    if (abs(x) < power_of_two<c>(1 - bias)) { // below the normal numbers
        x *= power_of_two<c>(m + 1);
        below = m + 1;
    }
    bits b = to_bits(x);
    int exponent = (int)(b >> m & (2 * bias + 1));
    b ^= (bits)(exponent ^ (bias - 1)) << m;
    return {from_bits(b), exponent - (bias - 1) - below};
}

// Exponentials. x = n·ln 2 + r with |r| at most ln 2 / 2, where the series of e^r - 1
// needs few terms.

template <class c> struct logarithm_of_2;
template <> struct logarithm_of_2<float> {
    // high has so few digits that n·high is exact.
    static __device__ __forceinline__ float high() { return (float)0x1.62e4p-1; }
    static __device__ __forceinline__ float low() { return (float)0x1.7f7d1cp-20; }
};
template <> struct logarithm_of_2<double> {
    static __device__ __forceinline__ double high() { return (double)0x1.62e42ffp-1; }
    static __device__ __forceinline__ double low() { return (double)-0x1.718432a1b0e26p-35; }
};

// less_one is e^r - 1 for small r.
template <class c> DEVICE c less_one(c r) {
    c p;
    if constexpr (sizeof(c) == 4) {
        p = polynomial(r, (c)0.5, (c)0.166666666666666667, (c)0.0416666666666666667, (c)0.00833333333333333333,
                       (c)0.00138888888888888889, (c)0.000198412698412698413);
    } else {
        p = polynomial(r, (c)0.5, (c)0.166666666666666667, (c)0.0416666666666666667, (c)0.00833333333333333333,
                       (c)0.00138888888888888889, (c)0.000198412698412698413, (c)0.0000248015873015873016,
                       (c)2.75573192239858907e-6, (c)2.75573192239858907e-7, (c)2.50521083854417188e-8,
                       (c)2.0876756987868099e-9, (c)1.60590438368216146e-10);
    }
    return multiply_add(r * r, p, r);
}

template <class c> struct reduced {
    int n;
    c r;
};
template <class c> DEVICE reduced<c> by_logarithms_of_2(c x) {
    c n = rint(x * (c)1.44269504088896341);
    c r = multiply_add(-n, logarithm_of_2<c>::high(), x);
    return {(int)n, multiply_add(-n, logarithm_of_2<c>::low(), r)};
}

// Beyond these e^x is infinite, or 0.
template <class c> DEVICE c too_high() { return (c)(sizeof(c) == 4 ? 89 : 710); }
template <class c> DEVICE c too_low() { return (c)(sizeof(c) == 4 ? -104 : -746); }

template <class c> DEVICE c exp(c x) {
    if (!(x >= too_low<c>() && x <= too_high<c>())) {
        return x > (c)0 ? (c)INFINITE : x < (c)0 ? (c)0 : x;
    }
    reduced<c> a = by_logarithms_of_2(x);
    return scale((c)1 + less_one(a.r), a.n);
}

template <class c> DEVICE c exp2(c x) {
    const int most = format<c>::bias + 1;
    if (!(x >= (c)(-most - format<c>::mantissa) && x < (c)most)) {
        return x > (c)0 ? (c)INFINITE : x < (c)0 ? (c)0 : x;
    }
    c n = rint(x);
    return scale((c)1 + less_one((x - n) * (c)0.693147180559945309), (int)n);
}

// expm1 is e^x - 1 = 2^n·(e^r - 1) + 2^n - 1.
template <class c> DEVICE c expm1(c x) {
    if (!(x >= (c)-40 && x <= too_high<c>())) {
        return x > (c)0 ? (c)INFINITE : x < (c)0 ? (c)-1 : x;
    }
    reduced<c> a = by_logarithms_of_2(x);
    c q = less_one(a.r);
    if (a.n == 0) {
        return q;
    }
    if (a.n > format<c>::mantissa + 2) { // 1 is too little to count
        return scale((c)1 + q, a.n);
    }
    c two_n = power_of_two<c>(a.n);
    return multiply_add(two_n, q, two_n - (c)1);
}

// Logarithms. x = 2^n·(1 + f) with 1 + f from √½ to √2, and of s = f / (2 + f)
// log(1 + f) = 2·artanh(s) = f - s·(f - R), with R = 2·(s²/3 + s⁴/5 + …).

// from_ratio is R.
template <class c> DEVICE c from_ratio(c z) {
    if constexpr (sizeof(c) == 4) {
        return z * polynomial(z, (c)0.666666666666666667, (c)0.4, (c)0.285714285714285714,
                              (c)0.222222222222222222, (c)0.181818181818181818);
    } else {
        return z * polynomial(z, (c)0.666666666666666667, (c)0.4, (c)0.285714285714285714,
                              (c)0.222222222222222222, (c)0.181818181818181818, (c)0.153846153846153846,
                              (c)0.133333333333333333, (c)0.117647058823529412, (c)0.105263157894736842,
                              (c)0.0952380952380952381, (c)0.0869565217391304348);
    }
}

// near_one splits x into 2^n·(1 + f).
template <class c> DEVICE parts<c> near_one(c x) {
    parts<c> p = split(x);
    bool low = p.mantissa < (c)0.707106781186547524;
    return {(low ? (c)2 * p.mantissa : p.mantissa) - (c)1, p.exponent - low};
}

// of_parts is log(2^n·(1 + f)) + rest.
template <class c> DEVICE c of_parts(parts<c> p, c rest) {
    c f = p.mantissa, n = (c)p.exponent, s = f / ((c)2 + f);
    c small = multiply_add(n, logarithm_of_2<c>::low(), rest) - s * (f - from_ratio(s * s));
    return multiply_add(n, logarithm_of_2<c>::high(), f + small);
}

// is_regular tells positive numbers; of_irregular is the logarithm of others.
template <class c> DEVICE bool is_regular(c x) { return x > (c)0 && x < (c)INFINITE; }
template <class c> DEVICE c of_irregular(c x) {
    return x == (c)0 ? -(c)INFINITE : x < (c)0 ? (c)NOT_A_NUMBER : x;
}

template <class c> DEVICE c log(c x) { return is_regular(x) ? of_parts(near_one(x), (c)0) : of_irregular(x); }

// log1p: what 1 + x rounds away counts by 1 / (1 + x).
template <class c> DEVICE c log1p(c x) {
    if (x > (c)-0.29 && x < (c)0.41) {
        c s = x / ((c)2 + x);
        return x - s * (x - from_ratio(s * s));
    }
    c u = (c)1 + x;
    if (!is_regular(u)) {
        return of_irregular(u);
    }
    c lost = x > (c)1 ? (c)1 - (u - x) : x - (u - (c)1);
    return of_parts(near_one(u), lost / u);
}

template <class c> DEVICE c log2(c x) {
    if (!is_regular(x)) {
        return of_irregular(x);
    }
    parts<c> p = near_one(x);
    c f = p.mantissa, s = f / ((c)2 + f);
    return multiply_add(f - s * (f - from_ratio(s * s)), (c)1.44269504088896341, (c)p.exponent);
}

// tanh x = t / (t + 2) of t = e^2x - 1.
template <class c> DEVICE c tanh(c x) {
    c a = abs(x);
    if (a > (c)22) {
        return x > (c)0 ? (c)1 : (c)-1;
    }
    c t = expm1(a + a);
    t = t / (t + (c)2);
    return x < (c)0 ? -t : x == (c)0 ? x : t;
}

} // namespace math
