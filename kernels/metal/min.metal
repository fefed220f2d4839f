// min: the smallest element over dims.
//
// x [...] → out without (or with, as 1) the dims. Bound by bytes.
//
// NaN if one is NaN. Of no elements it is the greatest value of the type.
//
// Each output has a team of threads, each of which folds every team-th element;
// exchanges between them join what they have.

typedef C BODY(min_part);
static inline C BODY(min_none)(void) { return (C)HIGHEST(T); }
static inline C BODY(min_one)(C v) { return v; }
// A NaN is taken over anything, and nothing over a NaN.
static inline C BODY(min_join)(C a, C b) { return b < a || IS_NAN(b) ? b : a; }
static inline C BODY(min_end)(C p) { return p; }

#ifndef FUSED
TEAM_FOLD(min_team, C, BODY(min_join))

struct arguments {
    int lines, count, team;
    list kept, kept_step, reduced, reduced_step;
};

kernel void flowrun_min(device const T *x [[buffer(0)]], device T *out [[buffer(1)]], constant arguments &with [[buffer(2)]],
                        uint group [[threadgroup_position_in_grid]], uint size [[threads_per_threadgroup]],
                        uint simdgroup [[simdgroup_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]]) {
    threadgroup C of_simdgroup[SIMDGROUP];
    post p = post_in(with.team, group, size, simdgroup, lane);
    C all = BODY(min_none)();
    if (p.line < with.lines) {
        device const T *from = x + place(p.line, with.kept, with.kept_step);
        for (int i = p.member; i < with.count; i += with.team) {
            all = BODY(min_join)(all, BODY(min_one)(LOAD(T, from, place(i, with.reduced, with.reduced_step))));
        }
    }
    all = min_team(of_simdgroup, all, with.team, p);
    if (p.line < with.lines && p.member == 0) {
        STORE(T, out, p.line, BODY(min_end)(all));
    }
}
#endif
