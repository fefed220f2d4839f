// What functions of floats do in CUDA's own way, in f32 by way of f64.

namespace flowrun {

template <class c> DEVICE parts<c> split_any(c x) {
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

DEVICE parts<float> split(float x) { return split_any(x); }
DEVICE parts<double> split(double x) { return split_any(x); }

// The digits of 2/π behind the point, 32 bits a word.
static __device__ const u32 two_over_pi[40] = {
    0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab, 0xdebbc561,
    0xb7246e3a, 0x424dd2e0, 0x06492eea, 0x09d1921c, 0xfe1deb1c, 0xb129a73e, 0xe88235f5, 0x2ebb4484,
    0xe99c7026, 0xb45f7e41, 0x3991d639, 0x835339f4, 0x9c845f8b, 0xbdf9283b, 0x1ff897ff, 0xde05980f,
    0xef2f118b, 0x5a0a6d1f, 0x6d367ecf, 0x27cb09b7, 0x4f463f66, 0x9e5fea2d, 0x7527bac7, 0xebe5f17b,
    0x3d0739f7, 0x8a5292ea, 0x6bfb5fb1, 0x1f8d5d08, 0x56033046, 0xfc7b6bab, 0xf0cfbc20, 0x9af4361d};

DEVICE u32 bit_of(const u32 *words, int i) { return words[i / 32] >> i % 32 & 1; }

// by_right_angles_exactly finds n and r with as many digits of π as it takes (Payne
// and Hanek, "Radian reduction for trigonometric functions", 1983): x is an integer
// of 53 bits times 2^e, and of 2/π only those words are needed that make neither
// multiples of four right angles nor less than the last place of r.
static __device__ __noinline__ reduced<double> by_right_angles_exactly(double x) {
    u64 b = to_bits(abs(x)), m = (b & ((u64)1 << 52) - 1) | (u64)1 << 52;
    int e = (int)(b >> 52) - 1075, first = e > 2 ? (e - 2) / 32 : 0;
    e -= 32 * first; // up to 33
    // The product of m and eight words, lowest word first.
    u32 product[10] = {};
    for (int i = 0; i < 8; i++) {
        u64 carry = 0, w = two_over_pi[first + 7 - i];
        for (int j = 0; j < 2; j++) {
            carry += product[i + j] + w * (u32)(m >> 32 * j);
            product[i + j] = (u32)carry;
            carry >>= 32;
        }
        product[i + 2] = (u32)carry;
    }
    // Bit 256 - e is the first before the point.
    int point = 256 - e;
    u64 top = 0, middle = 0, n = 0;
    for (int i = 0; i < 2; i++) {
        n |= (u64)bit_of(product, point + i) << i;
    }
    for (int i = 0; i < 64; i++) {
        top = top << 1 | bit_of(product, point - 1 - i);
        middle = middle << 1 | bit_of(product, point - 65 - i);
    }
    bool upper = top >> 63; // more than half a right angle: what is missing to the next
    if (upper) {
        n++;
        top = ~top;
        middle = ~middle;
    }
    double r = ((double)top * (double)0x1p-64 + (double)middle * (double)0x1p-128) * (double)1.57079632679489662;
    bool negative = upper != (x < 0);
    return {(int)(x < 0 ? -n & 3 : n & 3), negative ? -r : r};
}

// by_right_angles takes π/2 in three parts where that is exact enough.
DEVICE reduced<float> by_right_angles(float x) {
    if (abs(x) > (float)30000) {
        reduced<double> a = by_right_angles_exactly(x);
        return {a.n, (float)a.r};
    }
    float n = rint(x * (float)0.636619772367581343);
    float r = multiply_add(-n, (float)0x1.921fb6p+0, x);
    r = multiply_add(-n, (float)-0x1.777a5cp-25, r);
    return {(int)n, multiply_add(-n, (float)-0x1.ee59dap-50, r)};
}
DEVICE reduced<double> by_right_angles(double x) {
    if (abs(x) > (double)1e6) {
        return by_right_angles_exactly(x);
    }
    double n = rint(x * (double)0.636619772367581343);
    double r = multiply_add(-n, (double)0x1.921fb54442d18p+0, x);
    r = multiply_add(-n, (double)0x1.1a62633145c07p-54, r);
    return {(int)n, multiply_add(-n, (double)-0x1.f1976b7ed8fbcp-110, r)};
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
    pair whole = sum_of(n * format<double>::ln2(), l.high);
    if (n == 0) {
        return l;
    }
    return sum_of(whole.high, whole.low + (l.low + n * format<double>::ln2_rest()));
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

} // namespace flowrun
