// Functions of floats, in f32 and, where a language has it, in f64: exponentials,
// logarithms, circular functions, the error function and powers. They are our own, in
// operations that IEEE 754 rounds once, so that they give the same bits on every GPU,
// under every compiler and in the emulator. A test holds what they are off by, in units
// in the last place:
//
//          exp  exp2  expm1  log  log1p  log2  sin  cos  tan  tanh  erf  erfc
//   f32    1.1   1.1    1.7    1      1   1.9  1.6  1.6  3.2   2.5  2.5   4.4
//   f64    1.5   1.5      2    1      1     2  1.5  1.5    3   2.5  2.5     5
//
// and powers in Metal 1.2.
//
// What they are made of comes before, in the language's floats.h; after them comes
// special.h, with what languages do in different ways.

namespace flowrun {

// What a format is made of.
template <class c> struct format;
template <> struct format<float> {
    typedef u32 bits;
    enum { mantissa = 23, bias = 127 };
    // ln 2 in two numbers. The first has so few digits that n times it is exact.
    DEVICE float ln2() { return (float)0.693145752; }
    DEVICE float ln2_rest() { return (float)1.42860677e-6; }
    // Beyond these e^x is infinite, or 0.
    DEVICE float too_high() { return (float)89; }
    DEVICE float too_low() { return (float)-104; }
};
#ifdef HAS_F64
template <> struct format<double> {
    typedef u64 bits;
    enum { mantissa = 52, bias = 1023 };
    DEVICE double ln2() { return (double)0x1.62e42ffp-1; }
    DEVICE double ln2_rest() { return (double)-0x1.718432a1b0e26p-35; }
    DEVICE double too_high() { return (double)710; }
    DEVICE double too_low() { return (double)-746; }
};
#endif

// polynomial is a + b·x + c·x² + …
template <class c> DEVICE c polynomial(c, c a) { return a; }
template <class c, class... others> DEVICE c polynomial(c x, c a, others... rest) {
    return multiply_add(x, polynomial(x, rest...), a);
}

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

// split takes a number other than a negative one apart: x = mantissa·2^exponent, with
// the mantissa from 1/2 up to 1. 0, ∞ and NaN stay what they are, with exponent 0.
template <class c> struct parts {
    c mantissa;
    int exponent;
};
DEVICE parts<float> split(float x); // in special.h
#ifdef HAS_F64
DEVICE parts<double> split(double x);
#endif

// Exponentials. x = n·ln 2 + r with |r| at most ln 2 / 2, where the series of e^r - 1
// needs few terms.

// less_one is e^r - 1 for small r.
DEVICE float less_one(float r) {
    float p = polynomial(r, (float)0.5, (float)0.166666666666666667, (float)0.0416666666666666667, (float)0.00833333333333333333,
                   (float)0.00138888888888888889, (float)0.000198412698412698413);
    return multiply_add(r * r, p, r);
}
#ifdef HAS_F64
DEVICE double less_one(double r) {
    double p = polynomial(r, (double)0.5, (double)0.166666666666666667, (double)0.0416666666666666667, (double)0.00833333333333333333,
                   (double)0.00138888888888888889, (double)0.000198412698412698413, (double)0.0000248015873015873016,
                   (double)2.75573192239858907e-6, (double)2.75573192239858907e-7, (double)2.50521083854417188e-8,
                   (double)2.0876756987868099e-9, (double)1.60590438368216146e-10);
    return multiply_add(r * r, p, r);
}
#endif

template <class c> struct reduced {
    int n;
    c r;
};
template <class c> DEVICE reduced<c> by_logarithms_of_2(c x) {
    c n = rint(x * (c)1.44269504088896341);
    c r = multiply_add(-n, format<c>::ln2(), x);
    return {(int)n, multiply_add(-n, format<c>::ln2_rest(), r)};
}

template <class c> DEVICE c exp(c x) {
    if (!(x >= format<c>::too_low() && x <= format<c>::too_high())) {
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
    if (!(x >= (c)-40 && x <= format<c>::too_high())) {
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
DEVICE float from_ratio(float z) {
    return z * polynomial(z, (float)0.666666666666666667, (float)0.4, (float)0.285714285714285714,
                          (float)0.222222222222222222, (float)0.181818181818181818);
}
#ifdef HAS_F64
DEVICE double from_ratio(double z) {
    return z * polynomial(z, (double)0.666666666666666667, (double)0.4, (double)0.285714285714285714,
                          (double)0.222222222222222222, (double)0.181818181818181818, (double)0.153846153846153846,
                          (double)0.133333333333333333, (double)0.117647058823529412, (double)0.105263157894736842,
                          (double)0.0952380952380952381, (double)0.0869565217391304348);
}
#endif

// near_one splits x into 2^n·(1 + f).
template <class c> DEVICE parts<c> near_one(c x) {
    parts<c> p = split(x);
    bool low = p.mantissa < (c)0.707106781186547524;
    return {(low ? (c)2 * p.mantissa : p.mantissa) - (c)1, p.exponent - low};
}

// of_parts is log(2^n·(1 + f)) + rest.
template <class c> DEVICE c of_parts(parts<c> p, c rest) {
    c f = p.mantissa, n = (c)p.exponent, s = f / ((c)2 + f);
    c small = multiply_add(n, format<c>::ln2_rest(), rest) - s * (f - from_ratio(s * s));
    return multiply_add(n, format<c>::ln2(), f + small);
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

// Circular functions: x = n·π/2 + r with |r| at most π/4.

// by_right_angles finds n, or what is left of it by 4, and r; in special.h.
DEVICE reduced<float> by_right_angles(float x);
#ifdef HAS_F64
DEVICE reduced<double> by_right_angles(double x);
#endif

// sine and cosine of such an r.
DEVICE float sine(float r) {
    float z = r * r;
    float p = polynomial(z, (float)-0.166666666666666667, (float)0.00833333333333333333, (float)-0.000198412698412698413,
                   (float)2.75573192239858907e-6);
    return multiply_add(r * z, p, r);
}
DEVICE float cosine(float r) {
    float z = r * r;
    float p = polynomial(z, (float)0.0416666666666666667, (float)-0.00138888888888888889, (float)0.0000248015873015873016,
                   (float)-2.75573192239858907e-7);
    float half_z = (float)0.5 * z, one = (float)1 - half_z;
    return one + multiply_add(z * z, p, ((float)1 - one) - half_z);
}
#ifdef HAS_F64
DEVICE double sine(double r) {
    double z = r * r;
    double p = polynomial(z, (double)-0.166666666666666667, (double)0.00833333333333333333, (double)-0.000198412698412698413,
                   (double)2.75573192239858907e-6, (double)-2.50521083854417188e-8, (double)1.60590438368216146e-10,
                   (double)-7.64716373181981648e-13, (double)2.81145725434552076e-15, (double)-8.22063524662432972e-18);
    return multiply_add(r * z, p, r);
}
DEVICE double cosine(double r) {
    double z = r * r;
    double p = polynomial(z, (double)0.0416666666666666667, (double)-0.00138888888888888889, (double)0.0000248015873015873016,
                   (double)-2.75573192239858907e-7, (double)2.0876756987868099e-9, (double)-1.14707455977297247e-11,
                   (double)4.7794773323873853e-14, (double)-1.56192069685862265e-16);
    double half_z = (double)0.5 * z, one = (double)1 - half_z;
    return one + multiply_add(z * z, p, ((double)1 - one) - half_z);
}
#endif

// turned is the sine of r and n right angles.
template <class c> DEVICE c turned(reduced<c> a) {
    c v = a.n & 1 ? cosine(a.r) : sine(a.r);
    return a.n & 2 ? -v : v;
}

// Of ∞ and NaN they are NaN.
template <class c> DEVICE c sin(c x) {
    return x - x == (c)0 ? turned(by_right_angles(x)) : (c)NOT_A_NUMBER;
}
template <class c> DEVICE c cos(c x) {
    if (x - x != (c)0) {
        return (c)NOT_A_NUMBER;
    }
    reduced<c> a = by_right_angles(x);
    a.n++;
    return turned(a);
}
template <class c> DEVICE c tan(c x) {
    if (x - x != (c)0) {
        return (c)NOT_A_NUMBER;
    }
    reduced<c> a = by_right_angles(x);
    c s = sine(a.r), d = cosine(a.r);
    return a.n & 1 ? -d / s : s / d;
}

// sin_half_turns and cos_half_turns are sin(π·x) and cos(π·x), for moderate x.
template <class c> DEVICE c sin_half_turns(c x) {
    c n = rint(x + x);
    return turned(reduced<c>{(int)n, multiply_add(n, (c)-0.5, x) * (c)3.14159265358979324});
}
template <class c> DEVICE c cos_half_turns(c x) { return sin_half_turns(x + (c)0.5); }

// The error function. Below 1/2 its series; above, (1 + 2x)·e^x²·erfc(x), which
// varies between 1 and 2/√π, as a polynomial of y = (x - k) / (x + k), which brings
// all x from 0 on between -1 and 1 (after Shepherd and Laframboise, "Chebyshev
// approximation of (1 + 2x) exp(x²) erfc x in 0 ≤ x < ∞", 1981). The coefficients are
// those of its Chebyshev series, cut off.

DEVICE float erf_series(float x) {
    float z = x * x;
    return x * polynomial(z, (float)1.12837916709551257, (float)-0.376126389031837525, (float)0.112837916709551257,
                       (float)-0.0268661706451312518, (float)0.00522397762544218784, (float)-0.000854832702345085283,
                       (float)0.000120553329817896643, (float)-0.000014925650358406251);
}
#ifdef HAS_F64
DEVICE double erf_series(double x) {
    double z = x * x;
    return x * polynomial(z, (double)1.12837916709551257, (double)-0.376126389031837525, (double)0.112837916709551257,
                       (double)-0.0268661706451312518, (double)0.00522397762544218784, (double)-0.000854832702345085283,
                       (double)0.000120553329817896643, (double)-0.000014925650358406251,
                       (double)1.64621143658892474e-6, (double)-1.63658446912349243e-7, (double)1.48071928158792172e-8,
                       (double)-1.22905553017179274e-9, (double)9.42275906465041097e-11);
}
#endif

// erfc_scaled is that polynomial, and erfc_end from where on erfc is 0.
DEVICE float erfc_scaled(float x) {
    float y = (x - (float)2) / (x + (float)2);
    return polynomial(y, (float)1.27697839131764951, (float)-0.0927637627748696382, (float)-0.166031095650948711,
                      (float)0.164049454139431814, (float)-0.0542119584944488238, (float)-0.00801896307867106261,
                      (float)0.0086891596581943866, (float)0.00121741059215520927, (float)-0.0013957069461305218,
                      (float)-0.000357920447847179307, (float)0.000160803581725790369, (float)0.0000633694583761525173);
}
DEVICE float erfc_end(float) { return (float)11; }
#ifdef HAS_F64
DEVICE double erfc_scaled(double x) {
    double y = (x - (double)3.75) / (x + (double)3.75);
    return polynomial(y, (double)1.23751263083782758, (double)-0.140240598585547018, (double)0.00358541548546369005,
                      (double)0.082276738490151024, (double)-0.108803930141707455, (double)0.0923043211601983343,
                      (double)-0.0586933985905476187, (double)0.0283622774215155971, (double)-0.00974657954761962297,
                      (double)0.00175562583242175281, (double)0.000293713594805707373, (double)-0.00029015397928986766,
                      (double)0.000051649407775463988, (double)0.0000223839120365506791, (double)-0.000011445049125831309,
                      (double)-9.72849582211122029e-7, (double)1.75344342511063337e-6, (double)-5.82628107880077709e-8,
                      (double)-2.61147023599009552e-7, (double)2.42897629254887074e-8, (double)4.09712231527030033e-8,
                      (double)-4.38928415998632839e-9, (double)-6.5455602124802673e-9, (double)5.45715730470468791e-10,
                      (double)9.02214970034059036e-10, (double)-3.75315827795962034e-11, (double)-7.33950500852953936e-11);
}
DEVICE double erfc_end(double) { return (double)28; }
#endif

// erfc_above is erfc(x) for x from 0 on.
template <class c> DEVICE c erfc_above(c x) {
    if (x > erfc_end(x)) {
        return (c)0;
    }
    c p = erfc_scaled(x);
    c square = x * x, lost = multiply_add(x, x, -square); // an error of x² counts x² times
    return (p - p * lost) / multiply_add((c)2, x, (c)1) * exp(-square);
}

template <class c> DEVICE c erf(c x) {
    c a = abs(x);
    if (!(a >= (c)0.5)) {
        return erf_series(x);
    }
    c v = (c)1 - erfc_above(a);
    return x < (c)0 ? -v : v;
}

template <class c> DEVICE c erfc(c x) {
    if (!(abs(x) >= (c)0.5)) {
        return (c)1 - erf_series(x);
    }
    return x < (c)0 ? (c)2 - erfc_above(-x) : erfc_above(x);
}

// positive_power is a^b for a above 0 and finite, and b not 0 nor too large; in
// special.h.
DEVICE float positive_power(float a, float b);
#ifdef HAS_F64
DEVICE double positive_power(double a, double b);
#endif

// pow, with IEEE's special cases.
template <class c> DEVICE c pow(c a, c b) {
    if (b == (c)0 || a == (c)1) {
        return (c)1;
    }
    if (IS_NAN(a) || IS_NAN(b)) {
        return (c)NOT_A_NUMBER;
    }
    c size = abs(a);
    if (is_infinite(b)) {
        return size == (c)1 ? (c)1 : (size > (c)1) == (b > (c)0) ? (c)INFINITE : (c)0;
    }
    bool whole = rint(b) == b, odd = whole && rint(b * (c)0.5) != b * (c)0.5;
    bool negative = to_bits(a) >> (sizeof(c) * 8 - 1);
    c v;
    if (is_zero(size) || is_infinite(size)) {
        v = is_zero(size) == (b < (c)0) ? (c)INFINITE : (c)0;
    } else if (negative && !whole) {
        return (c)NOT_A_NUMBER;
    } else {
        v = positive_power(size, b);
    }
    return negative && odd ? -v : v;
}

} // namespace flowrun
