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
} total;

static inline total add(total a, total b) {
    C sum = a.sum + b.sum;
    C part = sum - a.sum;
    C lost = (a.sum - (sum - part)) + (b.sum - part);
    total t = {sum, a.rest + b.rest + lost};
    return t;
}

static inline total start(C v) {
    total t = {v, (C)0};
    return t;
}

// Once a sum is infinite, what it lacks is NaN.
static inline C end(total t) { return t.rest - t.rest == (C)0 ? t.sum + t.rest : t.sum; }

#else

typedef W total;
static inline total add(total a, total b) { return a + b; }
static inline total start(C v) { return (W)v; }
static inline C end(total t) { return (C)t; }

#endif

TEAM_FOLD(sum_team, total, add)

kernel void flowrun_sum(global const T *x, global T *out, int lines, int count, int team,
                        int8 kept, int8 kept_step, int8 reduced, int8 reduced_step) {
    local total scratch[GROUP];
    int line = get_global_id(0) / team, member = get_global_id(0) & (team - 1);
    total all = start((C)0);
    if (line < lines) {
        int from = place(line, kept, kept_step);
        for (int i = member; i < count; i += team) {
            all = add(all, start(LOAD(T, x, from + place(i, reduced, reduced_step))));
        }
    }
    all = sum_team(scratch, all, team);
    if (line < lines && member == 0) {
        STORE(T, out, line, end(all));
    }
}
