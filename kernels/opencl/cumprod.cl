// cumprod: the running product along dim, the element itself included.
//
// x [...] → out [...]. Integers wrap around. Bound by bytes.
//
// Each row along dim has a team of work-items, which takes one stretch after the other, an
// element for each; the members of a stretch go on with what all before it have.

#if IS_FLOAT(T)

// mantissa · 2^exponent: no part of a product overflows before the whole does.
typedef struct {
    C mantissa;
    int exponent;
} part;

DEVICE part cumprod_join(part a, part b) {
    int exponent = 0;
    C mantissa = frexp(a.mantissa * b.mantissa, &exponent);
    part p = {mantissa, mantissa == (C)0 ? 0 : a.exponent + b.exponent + exponent};
    return p;
}

DEVICE part one(C v) {
    int exponent = 0;
    C mantissa = frexp(v, &exponent);
    part p = {mantissa, exponent};
    return p;
}

DEVICE C whole(part p) { return ldexp(p.mantissa, p.exponent); }

#else

typedef W part;
DEVICE W cumprod_join(W a, W b) { return a * b; }
DEVICE W one(C v) { return (W)v; }
DEVICE C whole(W p) { return (C)p; }

#endif

TEAM_SCAN(cumprod_scan, part, cumprod_join)

kernel void flowrun_cumprod(global const T *x, global T *out, int dim, int rows, int n, int inner, int team) {
    local part scratch[GROUP];
    int row = get_global_id(0) / team, member = get_global_id(0) & (team - 1);
    int from = row / inner * n * inner + row % inner;
    part before = one((C)1), all;
    for (int first = 0; first < n; first += team) {
        int i = first + member;
        int here = row < rows && i < n;
        part v = one((C)1);
        if (here) {
            v = one(LOAD(T, x, from + i * inner));
        }
        v = cumprod_scan(scratch, v, team, &all);
        if (here) {
            STORE(T, out, from + i * inner, whole(cumprod_join(before, v)));
        }
        before = cumprod_join(before, all);
    }
}
