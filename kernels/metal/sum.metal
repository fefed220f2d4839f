// sum: the sum of x over dims.
//
// x [...] → out without (or with, as 1) the dims. i64 wraps around. Bound by bytes.
//
// Floats are added with what the addition loses kept beside the sum (Knuth, "The
// Art of Computer Programming", volume 2, 4.2.2, theorem B), so that a million f32
// numbers lose nothing that f32 could show. It costs six additions for one, which
// hide behind the loads.
//
// Each output has a team of threads, each of which folds every team-th element;
// exchanges between them join what they have.

#if IS_FLOAT(T)

// A sum, and what it lacks.
struct BODY(sum_part) {
    C sum, rest;
};

static inline BODY(sum_part) BODY(sum_join)(BODY(sum_part) a, BODY(sum_part) b) {
    C sum = a.sum + b.sum;
    C part = sum - a.sum;
    C lost = (a.sum - (sum - part)) + (b.sum - part);
    BODY(sum_part) p = {sum, a.rest + b.rest + lost};
    return p;
}

static inline BODY(sum_part) BODY(sum_one)(C v) {
    BODY(sum_part) p = {v, (C)0};
    return p;
}

// Once a sum is infinite, what it lacks is NaN.
static inline C BODY(sum_end)(BODY(sum_part) p) { return p.rest - p.rest == (C)0 ? p.sum + p.rest : p.sum; }

#else

typedef W BODY(sum_part);
static inline W BODY(sum_join)(W a, W b) { return a + b; }
static inline W BODY(sum_one)(C v) { return (W)v; }
static inline C BODY(sum_end)(W p) { return (C)p; }

#endif

static inline BODY(sum_part) BODY(sum_none)(void) { return BODY(sum_one)((C)0); }

#ifndef FUSED
TEAM_FOLD(sum_team, BODY(sum_part), BODY(sum_join))

struct arguments {
    int lines, count, team;
    list kept, kept_step, reduced, reduced_step;
};

kernel void flowrun_sum(device const T *x [[buffer(0)]], device T *out [[buffer(1)]], constant arguments &with [[buffer(2)]],
                        uint group [[threadgroup_position_in_grid]], uint size [[threads_per_threadgroup]],
                        uint simdgroup [[simdgroup_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]]) {
    threadgroup BODY(sum_part) of_simdgroup[SIMDGROUP];
    post p = post_in(with.team, group, size, simdgroup, lane);
    BODY(sum_part) all = BODY(sum_none)();
    if (p.line < with.lines) {
        device const T *from = x + place(p.line, with.kept, with.kept_step);
        for (int i = p.member; i < with.count; i += with.team) {
            all = BODY(sum_join)(all, BODY(sum_one)(LOAD(T, from, place(i, with.reduced, with.reduced_step))));
        }
    }
    all = sum_team(of_simdgroup, all, with.team, p);
    if (p.line < with.lines && p.member == 0) {
        STORE(T, out, p.line, BODY(sum_end)(all));
    }
}
#endif
