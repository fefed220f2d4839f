// prod: the product of x over dims. A product of floats is kept as mantissa and
// exponent: no part of it overflows before the whole does.
//
// x [...] → out without (or with, as 1) the dims. i64 wraps around. Bound by bytes.

#if IS_FLOAT(T)

// mantissa · 2^exponent.
typedef struct {
    C mantissa;
    int exponent;
} BODY(prod_part);

DEVICE BODY(prod_part) BODY(prod_join)(BODY(prod_part) a, BODY(prod_part) b) {
    int exponent = 0;
    C mantissa = frexp(a.mantissa * b.mantissa, &exponent);
    BODY(prod_part) p = {mantissa, mantissa == (C)0 ? 0 : a.exponent + b.exponent + exponent};
    return p;
}

DEVICE BODY(prod_part) BODY(prod_one)(C v) {
    int exponent = 0;
    C mantissa = frexp(v, &exponent);
    BODY(prod_part) p = {mantissa, exponent};
    return p;
}

DEVICE C BODY(prod_end)(BODY(prod_part) p) { return ldexp(p.mantissa, p.exponent); }

#else

typedef W BODY(prod_part);
DEVICE W BODY(prod_join)(W a, W b) { return a * b; }
DEVICE W BODY(prod_one)(C v) { return (W)v; }
DEVICE C BODY(prod_end)(W p) { return (C)p; }

#endif

DEVICE BODY(prod_part) BODY(prod_none)(void) { return BODY(prod_one)((C)1); }
