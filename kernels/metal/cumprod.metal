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
    return part{p.mantissa, p.mantissa == (C)0 ? 0 : a.exponent + b.exponent + p.exponent};
}

DEVICE part one(C v) {
    flowrun::parts<C> p = flowrun::split(v);
    return part{p.mantissa, p.exponent};
}

DEVICE C whole(part p) { return flowrun::scale(p.mantissa, p.exponent); }

#else

typedef W part;
DEVICE W cumprod_join(W a, W b) { return a * b; }
DEVICE W one(C v) { return (W)v; }
DEVICE C whole(W p) { return (C)p; }

#endif

TEAM_SCAN(cumprod_scan, part, cumprod_join)

struct arguments {
    int dim;
    int rows, n, inner, team;
};

kernel void flowrun_cumprod(device const T *x [[buffer(0)]], device T *out [[buffer(1)]], constant arguments &with [[buffer(2)]],
                           uint group [[threadgroup_position_in_grid]], uint size [[threads_per_threadgroup]],
                           uint simdgroup [[simdgroup_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]]) {
    threadgroup part scratch[GROUP];
    int team = with.team, inner = with.inner;
    post p = post_in(team, group, size, simdgroup, lane);
    bool any = p.row < with.rows;
    int from = any ? p.row / inner * with.n * inner + p.row % inner : 0;
    part before = one((C)1), all;
    for (int first = 0; first < with.n; first += team) {
        int i = first + p.member;
        bool here = any && i < with.n;
        part v = one((C)1);
        if (here) {
            v = one(LOAD(T, x, from + i * inner));
        }
        v = cumprod_scan(scratch, v, team, p, all);
        if (here) {
            STORE(T, out, from + i * inner, whole(cumprod_join(before, v)));
        }
        before = cumprod_join(before, all);
    }
}
