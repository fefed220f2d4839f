// prod: the product of x over dims.
//
// x [...] → out without (or with, as 1) the dims. i64 wraps around. Bound by bytes.
//
// A product of floats is kept as mantissa and exponent: no part of it overflows
// before the whole does.
//
// Each output has a team of threads, each of which folds every team-th element;
// exchanges between them join what they have.

#if IS_FLOAT(T)

// mantissa · 2^exponent.
struct BODY(prod_part) {
    C mantissa;
    int exponent;
};

static inline BODY(prod_part) BODY(prod_join)(BODY(prod_part) a, BODY(prod_part) b) {
    own::parts p = own::split(a.mantissa * b.mantissa);
    return {p.mantissa, p.mantissa == (C)0 ? 0 : a.exponent + b.exponent + p.exponent};
}

static inline BODY(prod_part) BODY(prod_one)(C v) {
    own::parts p = own::split(v);
    return {p.mantissa, p.exponent};
}

static inline C BODY(prod_end)(BODY(prod_part) p) { return own::scale(p.mantissa, p.exponent); }

#else

typedef W BODY(prod_part);
static inline BODY(prod_part) BODY(prod_join)(BODY(prod_part) a, BODY(prod_part) b) { return a * b; }
static inline BODY(prod_part) BODY(prod_one)(C v) { return (W)v; }
static inline C BODY(prod_end)(BODY(prod_part) p) { return (C)p; }

#endif

static inline BODY(prod_part) BODY(prod_none)(void) { return BODY(prod_one)((C)1); }

#ifndef FUSED
TEAM_FOLD(prod_team, BODY(prod_part), BODY(prod_join))

struct arguments {
    int lines, count, team;
    list kept, kept_step, reduced, reduced_step;
};

kernel void flowrun_prod(device const T *x [[buffer(0)]], device T *out [[buffer(1)]], constant arguments &with [[buffer(2)]],
                         uint group [[threadgroup_position_in_grid]], uint size [[threads_per_threadgroup]],
                         uint simdgroup [[simdgroup_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]]) {
    threadgroup BODY(prod_part) of_simdgroup[SIMDGROUP];
    post p = post_in(with.team, group, size, simdgroup, lane);
    BODY(prod_part) all = BODY(prod_none)();
    if (p.line < with.lines) {
        device const T *from = x + place(p.line, with.kept, with.kept_step);
        for (int i = p.member; i < with.count; i += with.team) {
            all = BODY(prod_join)(all, BODY(prod_one)(LOAD(T, from, place(i, with.reduced, with.reduced_step))));
        }
    }
    all = prod_team(of_simdgroup, all, with.team, p);
    if (p.line < with.lines && p.member == 0) {
        STORE(T, out, p.line, BODY(prod_end)(all));
    }
}
#endif
