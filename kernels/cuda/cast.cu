// cast: x in another dtype, elementwise.
//
// x [...] → out [...]. Bound by bytes.
//
// Floats become integers by dropping the fraction, saturating, with NaN 0;
// integers wrap around; everything but 0 becomes true; floats round to nearest
// even, once, whatever the two formats are.

#define to_bool_b8 1
#define TO_BOOL GLUE(to_bool_, U)

// Whether the way from T to U, by f32, could round twice.
#define twice_i32 1
#define twice_i64 1
#define twice_f64 1
#define twice_to_f16 1
#define twice_to_bf16 1
#define TWICE (GLUE(twice_, T) && GLUE(twice_to_, U))

DEVICE COMPUTE(U) BODY_TO(cast)(C x) {
#if TO_BOOL
    return x != (C)0;
#elif IS_FLOAT(T) && !IS_FLOAT(U)
    if (IS_NAN(x)) {
        return (COMPUTE(U))0;
    }
    if (x <= (C)LOWEST(U)) {
        return LOWEST(U);
    }
    return x >= (C)HIGHEST(U) ? HIGHEST(U) : (COMPUTE(U))x;
#elif TWICE
    return flowrun::rounded_to_odd(x);
#else
    return (COMPUTE(U))x;
#endif
}
