// The error function, powers, remainders, and rounding to odd.

namespace math {

// The error function. Below 1/2 its series; above, (1 + 2x)·e^x²·erfc(x), which
// varies between 1 and 2/√π, as a polynomial of y = (x - k) / (x + k), which brings
// all x from 0 on between -1 and 1 (after Shepherd and Laframboise, "Chebyshev
// approximation of (1 + 2x) exp(x²) erfc x in 0 ≤ x < ∞", 1981). The coefficients are
// those of its Chebyshev series, cut off.

template <class c> DEVICE c erf_series(c x) {
    c z = x * x;
    if constexpr (sizeof(c) == 4) {
        return x * polynomial(z, (c)1.12837916709551257, (c)-0.376126389031837525, (c)0.112837916709551257,
                           (c)-0.0268661706451312518, (c)0.00522397762544218784, (c)-0.000854832702345085283,
                           (c)0.000120553329817896643, (c)-0.000014925650358406251);
    } else {
        return x * polynomial(z, (c)1.12837916709551257, (c)-0.376126389031837525, (c)0.112837916709551257,
                           (c)-0.0268661706451312518, (c)0.00522397762544218784, (c)-0.000854832702345085283,
                           (c)0.000120553329817896643, (c)-0.000014925650358406251,
                           (c)1.64621143658892474e-6, (c)-1.63658446912349243e-7, (c)1.48071928158792172e-8,
                           (c)-1.22905553017179274e-9, (c)9.42275906465041097e-11);
    }
}

// erfc_above is erfc(x) for x from 0 on.
template <class c> DEVICE c erfc_above(c x) {
    if (x > (c)(sizeof(c) == 4 ? 11 : 28)) {
        return (c)0;
    }
    c p;
    if constexpr (sizeof(c) == 4) {
        c y = (x - (c)2) / (x + (c)2);
        p = polynomial(y, (c)1.27697839131764951, (c)-0.0927637627748696382, (c)-0.166031095650948711,
                       (c)0.164049454139431814, (c)-0.0542119584944488238, (c)-0.00801896307867106261,
                       (c)0.0086891596581943866, (c)0.00121741059215520927, (c)-0.0013957069461305218,
                       (c)-0.000357920447847179307, (c)0.000160803581725790369, (c)0.0000633694583761525173);
    } else {
        c y = (x - (c)3.75) / (x + (c)3.75);
        p = polynomial(y, (c)1.23751263083782758, (c)-0.140240598585547018, (c)0.00358541548546369005,
                       (c)0.082276738490151024, (c)-0.108803930141707455, (c)0.0923043211601983343,
                       (c)-0.0586933985905476187, (c)0.0283622774215155971, (c)-0.00974657954761962297,
                       (c)0.00175562583242175281, (c)0.000293713594805707373, (c)-0.00029015397928986766,
                       (c)0.000051649407775463988, (c)0.0000223839120365506791, (c)-0.000011445049125831309,
                       (c)-9.72849582211122029e-7, (c)1.75344342511063337e-6, (c)-5.82628107880077709e-8,
                       (c)-2.61147023599009552e-7, (c)2.42897629254887074e-8, (c)4.09712231527030033e-8,
                       (c)-4.38928415998632839e-9, (c)-6.5455602124802673e-9, (c)5.45715730470468791e-10,
                       (c)9.02214970034059036e-10, (c)-3.75315827795962034e-11, (c)-7.33950500852953936e-11);
    }
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

// Powers. f32 goes by way of f64, whose logarithm has digits to spare. f64 needs a
// logarithm of twice its digits, since its error counts by the exponent, up to 745:
// a sum of two numbers, of which the second is what the first lacks.
struct pair {
    double high, low;
};

// sum_of is a + b exactly, where a is the larger (Dekker, 1971).
DEVICE pair sum_of(double a, double b) {
    double s = a + b;
    return {s, b - (s - a)};
}

DEVICE pair product_of(double a, double b) {
    double p = a * b;
    return {p, fma(a, b, -p)};
}

DEVICE pair product_of(pair a, pair b) {
    pair p = product_of(a.high, b.high);
    return sum_of(p.high, p.low + (a.high * b.low + a.low * b.high));
}

// long_log is the logarithm of a positive number.
DEVICE pair long_log(double x) {
    parts<double> p = near_one(x);
    double f = p.mantissa, n = (double)p.exponent;
    pair below = sum_of((double)2, f);
    double s = f / below.high;
    pair ratio = {s, (fma(-s, below.high, f) - s * below.low) / below.high};
    pair z = product_of(ratio, ratio);
    // s·(2 + 2/3·s² + 2/5·s⁴ + …), where 2/3·s² is a pair too.
    double rest = z.high * z.high * polynomial(z.high, (double)0.4, (double)0.285714285714285714,
                                               (double)0.222222222222222222, (double)0.181818181818181818,
                                               (double)0.153846153846153846, (double)0.133333333333333333,
                                               (double)0.117647058823529412, (double)0.105263157894736842,
                                               (double)0.0952380952380952381, (double)0.0869565217391304348,
                                               (double)0.08, (double)0.0740740740740740741);
    pair q = product_of(z, pair{(double)0x1.5555555555555p-1, (double)0x1.5555555555555p-55});
    q = sum_of(q.high, q.low + rest);
    pair t = sum_of((double)2, q.high);
    pair l = product_of(ratio, pair{t.high, t.low + q.low});
    pair whole = sum_of(n * logarithm_of_2<double>::high(), l.high);
    if (n == 0) {
        return l;
    }
    return sum_of(whole.high, whole.low + (l.low + n * logarithm_of_2<double>::low()));
}

// positive_power is a^b for a above 0 and finite, and b not 0 nor too large.
DEVICE float positive_power(float a, float b) { return (float)exp((double)b * log((double)a)); }
DEVICE double positive_power(double a, double b) {
    pair l = long_log(a);
    pair e = product_of(l.high, b);
    double low = fma(b, l.low, e.low);
    if (!(abs(e.high) < (double)800)) {
        return exp(e.high);
    }
    double v = exp(e.high);
    return v - v == 0 ? v + v * low : v;
}

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
    if (size == (c)0 || is_infinite(size)) {
        v = (size == (c)0) == (b < (c)0) ? (c)INFINITE : (c)0;
    } else if (negative && !whole) {
        return (c)NOT_A_NUMBER;
    } else {
        v = positive_power(size, b);
    }
    return negative && odd ? -v : v;
}

// rounded_to_odd is x in f32, rounded towards 0 and, if that loses something, with
// the last bit set: rounding that again, to a narrower format, gives what rounding x
// once would.
DEVICE float rounded_to_odd(double x) {
    float f = (float)x;
    if ((double)f == x || IS_NAN(x)) {
        return f;
    }
    u32 bits = to_bits(f);
    return from_bits((abs((double)f) > abs(x) ? bits - 1 : bits) | 1);
}
DEVICE float rounded_to_odd(i32 x) { return rounded_to_odd((double)x); }
DEVICE float rounded_to_odd(i64 x) {
    u64 size = x < 0 ? -(u64)x : (u64)x, last = (u64)1 << 11;
    if (size >> 53) { // more than f64 holds: its last bit says for those below it
        size = (size & -last) | (size & (last - 1) ? last : 0);
    }
    return rounded_to_odd(x < 0 ? -(double)size : (double)size);
}

// remainder_towards_0 is a - b·trunc(a / b), exactly, of a's sign: division as on
// paper, in base 2.
template <class c> DEVICE c remainder_towards_0(c a, c b) {
    typedef typename format<c>::bits bits;
    const int m = format<c>::mantissa;
    if (IS_NAN(a) || IS_NAN(b) || is_infinite(a) || b == (c)0) {
        return (c)NOT_A_NUMBER;
    }
    c x = abs(a), y = abs(b);
    if (x < y) {
        return a;
    }
    if (is_infinite(y)) {
        return a;
    }
    parts<c> p = split(x), q = split(y);
    bits hidden = (bits)1 << m, rest = (to_bits(p.mantissa) & (hidden - 1)) | hidden, divisor = (to_bits(q.mantissa) & (hidden - 1)) | hidden;
    for (int n = p.exponent - q.exponent;; n--) {
        rest = rest >= divisor ? rest - divisor : rest;
        if (n == 0 || rest == 0) {
            break;
        }
        rest <<= 1;
    }
    c v = scale((c)rest * power_of_two<c>(-m), q.exponent - 1);
    return a < (c)0 ? -v : v;
}

} // namespace math
