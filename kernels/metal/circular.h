// Circular functions: x = n·π/2 + r with |r| at most π/4.

namespace own {

// sine and cosine of such an r.
static inline float sine(float r) {
    float z = r * r;
    float p = polynomial(z, (float)-0.166666666666666667, (float)0.00833333333333333333,
                         (float)-0.000198412698412698413, (float)2.75573192239858907e-6);
    return multiply_add(r * z, p, r);
}
static inline float cosine(float r) {
    float z = r * r;
    float p = polynomial(z, (float)0.0416666666666666667, (float)-0.00138888888888888889,
                         (float)0.0000248015873015873016, (float)-2.75573192239858907e-7);
    float half_z = (float)0.5 * z, one = (float)1 - half_z;
    return one + multiply_add(z * z, p, ((float)1 - one) - half_z);
}

// The digits of 2/π behind the point, 32 bits a word.
constant u32 two_over_pi[7] = {0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0,
                               0xdb629599, 0x3c439041, 0xfe5163ab};

// by_right_angles_exactly finds n and r with as many digits of π as it takes (Payne
// and Hanek, "Radian reduction for trigonometric functions", 1983), for x from 2^14
// on. x is an integer of 24 bits times 2^e, and of 2/π only those words are needed
// that make neither multiples of four right angles nor less than the last place of
// r: no f32 comes nearer to a right angle than 2^-31 of one.
static inline reduced by_right_angles_exactly(float x) {
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
    float r = (float)product_of_both * power_of_two(-31 - zeros);
    bool negative = bits >> 31;
    return reduced{(int)(negative ? 0u - n & 3 : n & 3), upper != negative ? -r : r};
}

// by_right_angles takes π/2 in three parts where that is exact enough.
static inline reduced by_right_angles(float x) {
    if (abs(x) > (float)30000) {
        return by_right_angles_exactly(x);
    }
    float n = rint(x * (float)0.636619772367581343);
    float r = multiply_add(-n, (float)1.57079637, x);
    r = multiply_add(-n, (float)-4.37113883e-8, r);
    return reduced{(int)n, multiply_add(-n, (float)-1.71512451e-15, r)};
}

// turned is the sine of r and n right angles.
static inline float turned(reduced a) {
    float v = a.n & 1 ? cosine(a.r) : sine(a.r);
    return a.n & 2 ? -v : v;
}

// Of ∞ and NaN they are NaN.
static inline float sin(float x) { return x - x == (float)0 ? turned(by_right_angles(x)) : NOT_A_NUMBER; }
static inline float cos(float x) {
    if (x - x != (float)0) {
        return NOT_A_NUMBER;
    }
    reduced a = by_right_angles(x);
    a.n++;
    return turned(a);
}
static inline float tan(float x) {
    if (x - x != (float)0) {
        return NOT_A_NUMBER;
    }
    reduced a = by_right_angles(x);
    float s = sine(a.r), d = cosine(a.r);
    return a.n & 1 ? -d / s : s / d;
}

// sin_half_turns and cos_half_turns are sin(π·x) and cos(π·x), for moderate x.
static inline float sin_half_turns(float x) {
    float n = rint(x + x);
    return turned(reduced{(int)n, multiply_add(n, (float)-0.5, x) * (float)3.14159265358979324});
}
static inline float cos_half_turns(float x) { return sin_half_turns(x + (float)0.5); }

} // namespace own
