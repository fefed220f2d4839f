// sum: the sum of x over dims.
//
// x [...] → out without (or with, as 1) the dims. i64 wraps around. Bound by bytes.
//
// Each output has a team of work-items, each of which adds every team-th element; a
// tree in local memory joins them. Floats are added with what the addition loses
// kept beside the sum (Knuth, "The Art of Computer Programming", volume 2, 4.2.2,
// theorem B), so that a million f32 numbers lose nothing that f32 could show. It
// costs six additions for one, which hide behind the loads; plain f32 sums of a
// million were wrong in the fifth digit.

#if IS_FLOAT(T)

// A sum, and what it lacks.
typedef struct {
    C sum, rest;
} BODY(sum_part);

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

kernel void flowrun_sum(global const T *x, global T *out, int lines, int count, int team,
                        int8 kept, int8 kept_step, int8 reduced, int8 reduced_step) {
    local BODY(sum_part) scratch[GROUP];
    int line = get_global_id(0) / team, member = get_global_id(0) & (team - 1);
    BODY(sum_part) all = BODY(sum_none)();
    if (line < lines) {
        int from = place(line, kept, kept_step);
        for (int i = member; i < count; i += team) {
            all = BODY(sum_join)(all, BODY(sum_one)(LOAD(T, x, from + place(i, reduced, reduced_step))));
        }
    }
    all = sum_team(scratch, all, team);
    if (line < lines && member == 0) {
        STORE(T, out, line, BODY(sum_end)(all));
    }
}
#endif
