// prod: the product of x over dims. A product of floats is kept as mantissa and
// exponent: no part of it overflows before the whole does.
//
// x [...] → out without (or with, as 1) the dims. i64 wraps around. Bound by bytes.

#if IS_FLOAT(T)

// mantissa · 2^exponent.
struct BODY(prod_part) {
    C mantissa;
    int exponent;
};

DEVICE BODY(prod_part) BODY(prod_join)(BODY(prod_part) a, BODY(prod_part) b) {
    flowrun::parts<C> p = flowrun::split(a.mantissa * b.mantissa);
    return {p.mantissa, p.mantissa == (C)0 ? 0 : a.exponent + b.exponent + p.exponent};
}

DEVICE BODY(prod_part) BODY(prod_one)(C v) {
    flowrun::parts<C> p = flowrun::split(v);
    return {p.mantissa, p.exponent};
}

DEVICE C BODY(prod_end)(BODY(prod_part) p) { return flowrun::scale(p.mantissa, p.exponent); }

#else

typedef W BODY(prod_part);
DEVICE BODY(prod_part) BODY(prod_join)(BODY(prod_part) a, BODY(prod_part) b) { return a * b; }
DEVICE BODY(prod_part) BODY(prod_one)(C v) { return (W)v; }
DEVICE C BODY(prod_end)(BODY(prod_part) p) { return (C)p; }

#endif

DEVICE BODY(prod_part) BODY(prod_none)(void) { return BODY(prod_one)((C)1); }
