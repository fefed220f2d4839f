// What functions of floats are made of in CUDA, in f32 and f64.

namespace flowrun {

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

template <class c> DEVICE bool is_zero(c x) { return x == (c)0; }
template <class c> DEVICE bool is_infinite(c x) { return abs(x) == (c)INFINITE; }

// is_regular tells positive numbers; of_irregular is the logarithm of others.
template <class c> DEVICE bool is_regular(c x) { return x > (c)0 && x < (c)INFINITE; }
template <class c> DEVICE c of_irregular(c x) {
    return x == (c)0 ? -(c)INFINITE : x < (c)0 ? (c)NOT_A_NUMBER : x;
}

} // namespace flowrun
