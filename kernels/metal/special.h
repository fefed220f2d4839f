// The error function, powers, remainders, and rounding to odd.

namespace own {

// The error function. Below 1/2 its series; above, (1 + 2x)·e^x²·erfc(x), which
// varies between 1 and 2/√π, as a polynomial of y = (x - k) / (x + k), which brings
// all x from 0 on between -1 and 1 (after Shepherd and Laframboise, "Chebyshev
// approximation of (1 + 2x) exp(x²) erfc x in 0 ≤ x < ∞", 1981). The coefficients are
// those of its Chebyshev series, cut off.

static inline float erf_series(float x) {
    return x * polynomial(x * x, (float)1.12837916709551257, (float)-0.376126389031837525, (float)0.112837916709551257,
                          (float)-0.0268661706451312518, (float)0.00522397762544218784, (float)-0.000854832702345085283,
                          (float)0.000120553329817896643, (float)-0.000014925650358406251);
}

// erfc_above is erfc(x) for x from 0 on.
static inline float erfc_above(float x) {
    if (x > (float)11) {
        return (float)0;
    }
    float y = (x - (float)2) / (x + (float)2);
    float p = polynomial(y, (float)1.27697839131764951, (float)-0.0927637627748696382, (float)-0.166031095650948711,
                         (float)0.164049454139431814, (float)-0.0542119584944488238, (float)-0.00801896307867106261,
                         (float)0.0086891596581943866, (float)0.00121741059215520927, (float)-0.0013957069461305218,
                         (float)-0.000357920447847179307, (float)0.000160803581725790369, (float)0.0000633694583761525173);
    float square = x * x, lost = multiply_add(x, x, -square); // an error of x² counts x² times
    return (p - p * lost) / multiply_add((float)2, x, (float)1) * exp(-square);
}

static inline float erf(float x) {
    float a = abs(x);
    if (!(a >= (float)0.5)) {
        return erf_series(x);
    }
    float v = (float)1 - erfc_above(a);
    return x < (float)0 ? -v : v;
}

static inline float erfc(float x) {
    if (!(abs(x) >= (float)0.5)) {
        return (float)1 - erf_series(x);
    }
    return x < (float)0 ? (float)2 - erfc_above(-x) : erfc_above(x);
}

// Powers. The logarithm must have more digits than f32, since its error counts by
// the exponent, up to 104: it is a sum of two numbers, of which the second is what
// the first lacks.
struct pair {
    float high, low;
};

// sum_of is a + b exactly, where a is the larger (Dekker, 1971).
static inline pair sum_of(float a, float b) {
    float s = a + b;
    return pair{s, b - (s - a)};
}

static inline pair product_of(float a, float b) {
    float p = a * b;
    return pair{p, multiply_add(a, b, -p)};
}

static inline pair product_of(pair a, pair b) {
    pair p = product_of(a.high, b.high);
    return sum_of(p.high, p.low + (a.high * b.low + a.low * b.high));
}

// long_log is the logarithm of a positive number.
static inline pair long_log(float x) {
    parts p = near_one(x);
    float f = p.mantissa, n = (float)p.exponent;
    pair below = sum_of((float)2, f);
    float s = f / below.high;
    pair ratio = pair{s, (multiply_add(-s, below.high, f) - s * below.low) / below.high};
    pair z = product_of(ratio, ratio);
    // s·(2 + 2/3·s² + 2/5·s⁴ + …), where 2/3·s² is a pair too.
    float rest = z.high * z.high * polynomial(z.high, (float)0.4, (float)0.285714285714285714, (float)0.222222222222222222,
                                              (float)0.181818181818181818, (float)0.153846153846153846);
    pair q = product_of(z, pair{(float)0.666666687, (float)-1.98682155e-8});
    q = sum_of(q.high, q.low + rest);
    pair t = sum_of((float)2, q.high);
    pair l = product_of(ratio, pair{t.high, t.low + q.low});
    if (p.exponent == 0) {
        return l;
    }
    pair whole = sum_of(n * LOGARITHM_OF_2, l.high);
    return sum_of(whole.high, whole.low + (l.low + n * LOGARITHM_OF_2_REST));
}

// positive_power is a^b for a above 0 and finite, and b not 0.
static inline float positive_power(float a, float b) {
    pair l = long_log(a);
    pair e = product_of(l.high, b);
    if (!(abs(e.high) < (float)110)) {
        return exp(e.high); // 0 or infinite
    }
    reduced r = by_logarithms_of_2(e.high);
    return scale((float)1 + less_one(r.r + (e.low + b * l.low)), r.n);
}

// pow, with IEEE's special cases.
static inline float pow(float a, float b) {
    if (b == (float)0 || a == (float)1) {
        return (float)1;
    }
    if (IS_NAN(a) || IS_NAN(b)) {
        return NOT_A_NUMBER;
    }
    float size = abs(a);
    if (is_infinite(b)) {
        return size == (float)1 ? (float)1 : (size > (float)1) == (b > (float)0) ? INFINITE : (float)0;
    }
    bool whole = rint(b) == b, odd = whole && rint(b * (float)0.5) != b * (float)0.5;
    bool negative = to_bits(a) >> 31;
    float v;
    if (to_bits(size) == 0 || is_infinite(size)) {
        v = is_infinite(size) == (b > (float)0) ? INFINITE : (float)0;
    } else if (negative && !whole) {
        return NOT_A_NUMBER;
    } else {
        v = positive_power(size, b);
    }
    return negative && odd ? -v : v;
}

// rounded_to_odd is x in f32, rounded towards 0 and, if that loses something, with
// the last bit set: rounding that again, to a narrower format, gives what rounding x
// once would.
static inline float rounded_to_odd(i64 x) {
    u64 size = x < 0 ? -(u64)x : (u64)x;
    int lost = 40 - leading_zeros(size | 1); // beyond the 24 digits of f32
    if (lost <= 0) {
        return (float)(i32)x;
    }
    u64 kept = size >> lost;
    float v = (float)(u32)(kept | (kept << lost != size)) * power_of_two(lost);
    return x < 0 ? -v : v;
}

// remainder_towards_0 is a - b·trunc(a / b), exactly, of a's sign: division as on
// paper, in base 2.
static inline float remainder_towards_0(float a, float b) {
    u32 x = to_bits(abs(a)), y = to_bits(abs(b));
    if (x >= 0x7f800000 || y > 0x7f800000 || y == 0) {
        return NOT_A_NUMBER;
    }
    if (x < y) {
        return a;
    }
    parts p = split(from_bits(x)), q = split(from_bits(y));
    u32 rest = (to_bits(p.mantissa) & 0x007fffff) | 0x00800000, divisor = (to_bits(q.mantissa) & 0x007fffff) | 0x00800000;
    for (int n = p.exponent - q.exponent;; n--) {
        rest = rest >= divisor ? rest - divisor : rest;
        if (n == 0 || rest == 0) {
            break;
        }
        rest <<= 1;
    }
    float v = scale((float)rest * power_of_two(-23), q.exponent - 1);
    return to_bits(a) >> 31 ? -v : v;
}

} // namespace own
