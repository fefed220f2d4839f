// What functions of floats do in Metal's own way: in integers, or in pairs of f32.

namespace flowrun {

DEVICE parts<float> split(float x) {
    u32 sign = to_bits(x) & 0x80000000, bits = to_bits(x) ^ sign;
    int below = 0;
    if (bits == 0 || bits >= 0x7f800000) {
        return parts<float>{x, 0};
    }
    if (bits < 0x00800000) { // below the normal numbers: bits·2^-149
        bits = to_bits((float)bits);
        below = 149;
    }
    return parts<float>{from_bits(sign | (bits & 0x007fffff) | 0x3f000000), (int)(bits >> 23) - 126 - below};
}

DEVICE int leading_zeros(u64 x) {
    u32 high = (u32)(x >> 32);
    return high != 0 ? (int)clz(high) : 32 + (int)clz((u32)x);
}

// The digits of 2/π behind the point, 32 bits a word.
constant u32 two_over_pi[7] = {0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0,
                               0xdb629599, 0x3c439041, 0xfe5163ab};

// by_right_angles_exactly finds n and r with as many digits of π as it takes (Payne
// and Hanek, "Radian reduction for trigonometric functions", 1983), for x from 2^14
// on. x is an integer of 24 bits times 2^e, and of 2/π only those words are needed
// that make neither multiples of four right angles nor less than the last place of
// r: no f32 comes nearer to a right angle than 2^-31 of one.
DEVICE reduced<float> by_right_angles_exactly(float x) {
    u32 bits = to_bits(x), m = (bits & 0x007fffff) | 0x00800000;
    int e = (int)(bits >> 23 & 255) - 150, first = e > 2 ? (e - 2) / 32 : 0;
    e -= 32 * first; // up to 33
    // The product of m and four words, lowest word first.
    u32 product[5];
    u64 carry = 0;
    for (int i = 0; i < 4; i++) {
        carry += (u64)two_over_pi[first + 3 - i] * m;
        product[i] = (u32)carry;
        carry >>= 32;
    }
    product[4] = (u32)carry;
    // Bit 128 - e is the first before the point: shifted left by e + 30, the two bits
    // before the point are on top.
    u64 top = 0, below = 0;
    int up = e + 30, words = up >> 5, by = up & 31;
    for (int i = 0; i < 4; i++) {
        int at = 4 - words - i;
        u32 word = at >= 0 ? product[at] : 0, next = at >= 1 ? product[at - 1] : 0;
        word = (u32)(((u64)word << 32 | next) << by >> 32);
        if (i < 2) {
            top = top << 32 | word;
        } else {
            below = below << 32 | word;
        }
    }
    u32 n = (u32)(top >> 62);
    top = top << 2 | below >> 62; // behind the point
    bool upper = top >> 63; // more than half a right angle: what is missing to the next
    if (upper) {
        n++;
        top = ~top;
    }
    // r is top·2^-64·π/2. The first 32 digits of top, times as many of π, are more
    // than f32 shows.
    int zeros = leading_zeros(top);
    u32 product_of_both = mulhi((u32)(top << zeros >> 32), 0xc90fdaa2u); // π/2·2^31
    float r = (float)product_of_both * power_of_two<float>(-31 - zeros);
    bool negative = bits >> 31;
    return reduced<float>{(int)(negative ? 0u - n & 3 : n & 3), upper != negative ? -r : r};
}

// by_right_angles takes π/2 in three parts where that is exact enough.
DEVICE reduced<float> by_right_angles(float x) {
    if (abs(x) > (float)30000) {
        return by_right_angles_exactly(x);
    }
    float n = rint(x * (float)0.636619772367581343);
    float r = multiply_add(-n, (float)1.57079637, x);
    r = multiply_add(-n, (float)-4.37113883e-8, r);
    return reduced<float>{(int)n, multiply_add(-n, (float)-1.71512451e-15, r)};
}

// Powers. The logarithm must have more digits than f32, since its error counts by
// the exponent, up to 104: it is a sum of two numbers, of which the second is what
// the first lacks.
struct pair {
    float high, low;
};

// sum_of is a + b exactly, where a is the larger (Dekker, 1971).
DEVICE pair sum_of(float a, float b) {
    float s = a + b;
    return pair{s, b - (s - a)};
}

DEVICE pair product_of(float a, float b) {
    float p = a * b;
    return pair{p, multiply_add(a, b, -p)};
}

DEVICE pair product_of(pair a, pair b) {
    pair p = product_of(a.high, b.high);
    return sum_of(p.high, p.low + (a.high * b.low + a.low * b.high));
}

// long_log is the logarithm of a positive number.
DEVICE pair long_log(float x) {
    parts<float> p = near_one(x);
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
    pair whole = sum_of(n * format<float>::ln2(), l.high);
    return sum_of(whole.high, whole.low + (l.low + n * format<float>::ln2_rest()));
}

// positive_power is a^b for a above 0 and finite, and b not 0.
DEVICE float positive_power(float a, float b) {
    pair l = long_log(a);
    pair e = product_of(l.high, b);
    if (!(abs(e.high) < (float)110)) {
        return exp(e.high); // 0 or infinite
    }
    reduced<float> r = by_logarithms_of_2(e.high);
    return scale((float)1 + less_one(r.r + (e.low + b * l.low)), r.n);
}

// rounded_to_odd is x in f32, rounded towards 0 and, if that loses something, with
// the last bit set: rounding that again, to a narrower format, gives what rounding x
// once would.
DEVICE float rounded_to_odd(i64 x) {
    u64 size = x < 0 ? -(u64)x : (u64)x;
    int lost = 40 - leading_zeros(size | 1); // beyond the 24 digits of f32
    if (lost <= 0) {
        return (float)(i32)x;
    }
    u64 kept = size >> lost;
    float v = (float)(u32)(kept | (kept << lost != size)) * power_of_two<float>(lost);
    return x < 0 ? -v : v;
}

// remainder_towards_0 is a - b·trunc(a / b), exactly, of a's sign: division as on
// paper, in base 2.
DEVICE float remainder_towards_0(float a, float b) {
    u32 x = to_bits(abs(a)), y = to_bits(abs(b));
    if (x >= 0x7f800000 || y > 0x7f800000 || y == 0) {
        return NOT_A_NUMBER;
    }
    if (x < y) {
        return a;
    }
    parts<float> p = split(from_bits(x)), q = split(from_bits(y));
    u32 rest = (to_bits(p.mantissa) & 0x007fffff) | 0x00800000, divisor = (to_bits(q.mantissa) & 0x007fffff) | 0x00800000;
    for (int n = p.exponent - q.exponent;; n--) {
        rest = rest >= divisor ? rest - divisor : rest;
        if (n == 0 || rest == 0) {
            break;
        }
        rest <<= 1;
    }
    float v = scale((float)rest * power_of_two<float>(-23), q.exponent - 1);
    return to_bits(a) >> 31 ? -v : v;
}

} // namespace flowrun
