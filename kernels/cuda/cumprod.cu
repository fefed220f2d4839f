// cumprod: the running product along dim, the element itself included.
//
// x [...] → out [...]. Integers wrap around. Bound by bytes.
//
// Each row along dim has a team of threads, which takes one stretch after the other, an
// element for each; the members of a stretch go on with what all before it have.

#if IS_FLOAT(T)

// mantissa · 2^exponent: no part of a product overflows before the whole does.
struct part {
    C mantissa;
    int exponent;
};

DEVICE part cumprod_join(part a, part b) {
    flowrun::parts<C> p = flowrun::split(a.mantissa * b.mantissa);
    return {p.mantissa, p.mantissa == (C)0 ? 0 : a.exponent + b.exponent + p.exponent};
}

DEVICE part one(C v) {
    flowrun::parts<C> p = flowrun::split(v);
    return {p.mantissa, p.exponent};
}

DEVICE C whole(part p) { return flowrun::scale(p.mantissa, p.exponent); }

#else

typedef W part;
DEVICE W cumprod_join(W a, W b) { return a * b; }
DEVICE W one(C v) { return (W)v; }
DEVICE C whole(W p) { return (C)p; }

#endif

extern "C" __global__ void flowrun_cumprod(const T *x, T *out, int dim, int rows, int n, int inner, int team) {
    __shared__ part scratch[GROUP];
    post p = post_in(team);
    i64 from = (i64)(p.row / inner) * n * inner + p.row % inner;
    part before = one((C)1), all;
    for (int first = 0; first < n; first += team) {
        int i = first + p.member;
        bool here = p.row < rows && i < n;
        part v = here ? one(LOAD(T, x, from + i * inner)) : one((C)1);
        v = team_scan(scratch, v, team, cumprod_join, &all);
        if (here) {
            STORE(T, out, from + i * inner, whole(cumprod_join(before, v)));
        }
        before = cumprod_join(before, all);
    }
}
