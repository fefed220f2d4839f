// What functions of floats are made of in Metal, in f32. Where a device takes numbers
// below the normal ones for 0, results there may be 0. Logarithms and powers of such
// numbers are right all the same: they are taken apart as integers.

namespace flowrun {

// What Metal has, rounded once.
DEVICE float sqrt(float x) { return metal::sqrt(x); }
DEVICE float floor(float x) { return metal::floor(x); }
DEVICE float ceil(float x) { return metal::ceil(x); }
DEVICE float trunc(float x) { return metal::trunc(x); }
DEVICE float rint(float x) { return metal::rint(x); }
DEVICE float multiply_add(float a, float b, float c) { return metal::fma(a, b, c); }

DEVICE float abs(float x) { return from_bits(to_bits(x) & 0x7fffffff); }

DEVICE bool is_zero(float x) { return (to_bits(x) & 0x7fffffff) == 0; }
DEVICE bool is_infinite(float x) { return (to_bits(x) & 0x7fffffff) == 0x7f800000; }

DEVICE bool is_regular(float x) { return to_bits(x) - 1 < 0x7f800000 - 1; }
DEVICE float of_irregular(float x) {
    if (IS_NAN(x)) {
        return x;
    }
    u32 bits = to_bits(x);
    return bits << 1 == 0 ? -INFINITE : bits >> 31 ? NOT_A_NUMBER : x;
}

} // namespace flowrun
