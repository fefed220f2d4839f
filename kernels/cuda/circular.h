// Circular functions: x = n·π/2 + r with |r| at most π/4.

namespace math {

// sine and cosine of such an r.
template <class c> DEVICE c sine(c r) {
    c z = r * r, p;
    if constexpr (sizeof(c) == 4) {
        p = polynomial(z, (c)-0.166666666666666667, (c)0.00833333333333333333, (c)-0.000198412698412698413,
                       (c)2.75573192239858907e-6);
    } else {
        p = polynomial(z, (c)-0.166666666666666667, (c)0.00833333333333333333, (c)-0.000198412698412698413,
                       (c)2.75573192239858907e-6, (c)-2.50521083854417188e-8, (c)1.60590438368216146e-10,
                       (c)-7.64716373181981648e-13, (c)2.81145725434552076e-15, (c)-8.22063524662432972e-18);
    }
    return multiply_add(r * z, p, r);
}
template <class c> DEVICE c cosine(c r) {
    c z = r * r, p;
    if constexpr (sizeof(c) == 4) {
        p = polynomial(z, (c)0.0416666666666666667, (c)-0.00138888888888888889, (c)0.0000248015873015873016,
                       (c)-2.75573192239858907e-7);
    } else {
        p = polynomial(z, (c)0.0416666666666666667, (c)-0.00138888888888888889, (c)0.0000248015873015873016,
                       (c)-2.75573192239858907e-7, (c)2.0876756987868099e-9, (c)-1.14707455977297247e-11,
                       (c)4.7794773323873853e-14, (c)-1.56192069685862265e-16);
    }
    c half = (c)0.5 * z, one = (c)1 - half;
    return one + multiply_add(z * z, p, ((c)1 - one) - half);
}

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

// Where n·π/2 in three parts is exact enough.
template <class c> struct right_angle;
template <> struct right_angle<float> {
    static __device__ __forceinline__ reduced<float> times(float x) {
        if (abs(x) > (float)30000) {
            reduced<double> a = by_right_angles_exactly(x);
            return {a.n, (float)a.r};
        }
        float n = rint(x * (float)0.636619772367581343);
        float r = multiply_add(-n, (float)0x1.921fb6p+0, x);
        r = multiply_add(-n, (float)-0x1.777a5cp-25, r);
        return {(int)n, multiply_add(-n, (float)-0x1.ee59dap-50, r)};
    }
};
template <> struct right_angle<double> {
    static __device__ __forceinline__ reduced<double> times(double x) {
        if (abs(x) > (double)1e6) {
            return by_right_angles_exactly(x);
        }
        double n = rint(x * (double)0.636619772367581343);
        double r = multiply_add(-n, (double)0x1.921fb54442d18p+0, x);
        r = multiply_add(-n, (double)0x1.1a62633145c07p-54, r);
        return {(int)n, multiply_add(-n, (double)-0x1.f1976b7ed8fbcp-110, r)};
    }
};

// turned is the sine of r and n right angles.
template <class c> DEVICE c turned(reduced<c> a) {
    c v = a.n & 1 ? cosine(a.r) : sine(a.r);
    return a.n & 2 ? -v : v;
}

// Of ∞ and NaN they are NaN.
template <class c> DEVICE c sin(c x) {
    return x - x == (c)0 ? turned(right_angle<c>::times(x)) : (c)NOT_A_NUMBER;
}
template <class c> DEVICE c cos(c x) {
    if (x - x != (c)0) {
        return (c)NOT_A_NUMBER;
    }
    reduced<c> a = right_angle<c>::times(x);
    a.n++;
    return turned(a);
}
template <class c> DEVICE c tan(c x) {
    if (x - x != (c)0) {
        return (c)NOT_A_NUMBER;
    }
    reduced<c> a = right_angle<c>::times(x);
    c s = sine(a.r), d = cosine(a.r);
    return a.n & 1 ? -d / s : s / d;
}

// sin_half_turns and cos_half_turns are sin(π·x) and cos(π·x), for moderate x.
template <class c> DEVICE c sin_half_turns(c x) {
    c n = rint(x + x);
    return turned(reduced<c>{(int)n, multiply_add(n, (c)-0.5, x) * (c)3.14159265358979324});
}
template <class c> DEVICE c cos_half_turns(c x) { return sin_half_turns(x + (c)0.5); }

} // namespace math
