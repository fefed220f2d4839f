// sum: the sum of x over dims.
//
// x [...] → out without (or with, as 1) the dims. i64 wraps around. Bound by bytes.
//
// Floats are added with what the addition loses kept beside the sum (Knuth, "The
// Art of Computer Programming", volume 2, 4.2.2, theorem B), so that a million
// f32 numbers lose nothing that f32 could show. It costs six additions for one,
// which hide behind the loads; plain f32 sums of a million were wrong in the
// fifth digit.

#if IS_FLOAT(T)

// A sum, and what it lacks.
typedef struct {
    C sum, rest;
} BODY(sum_part);

DEVICE BODY(sum_part) BODY(sum_join)(BODY(sum_part) a, BODY(sum_part) b) {
    C sum = a.sum + b.sum;
    C part = sum - a.sum;
    C lost = (a.sum - (sum - part)) + (b.sum - part);
    BODY(sum_part) p = {sum, a.rest + b.rest + lost};
    return p;
}

DEVICE BODY(sum_part) BODY(sum_one)(C v) {
    BODY(sum_part) p = {v, (C)0};
    return p;
}

// Once a sum is infinite, what it lacks is NaN.
DEVICE C BODY(sum_end)(BODY(sum_part) p) { return p.rest - p.rest == (C)0 ? p.sum + p.rest : p.sum; }

#else

typedef W BODY(sum_part);
DEVICE W BODY(sum_join)(W a, W b) { return a + b; }
DEVICE W BODY(sum_one)(C v) { return (W)v; }
DEVICE C BODY(sum_end)(W p) { return (C)p; }

#endif

DEVICE BODY(sum_part) BODY(sum_none)(void) { return BODY(sum_one)((C)0); }
