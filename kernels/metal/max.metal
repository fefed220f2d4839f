// max: the largest element over dims.
//
// x [...] → out without (or with, as 1) the dims. Bound by bytes.
//
// NaN if one is NaN. Of no elements it is the least value of the type.
//
// Each output has a team of threads, each of which folds every team-th element;
// exchanges between them join what they have.

typedef C BODY(max_part);
static inline C BODY(max_none)(void) { return (C)LOWEST(T); }
static inline C BODY(max_one)(C v) { return v; }
// A NaN is taken over anything, and nothing over a NaN.
static inline C BODY(max_join)(C a, C b) { return b > a || IS_NAN(b) ? b : a; }
static inline C BODY(max_end)(C p) { return p; }

#ifndef FUSED
TEAM_FOLD(max_team, C, BODY(max_join))

struct arguments {
    int lines, count, team;
    list kept, kept_step, reduced, reduced_step;
};

kernel void flowrun_max(device const T *x [[buffer(0)]], device T *out [[buffer(1)]], constant arguments &with [[buffer(2)]],
                        uint group [[threadgroup_position_in_grid]], uint size [[threads_per_threadgroup]],
                        uint simdgroup [[simdgroup_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]]) {
    threadgroup C of_simdgroup[SIMDGROUP];
    post p = post_in(with.team, group, size, simdgroup, lane);
    C all = BODY(max_none)();
    if (p.line < with.lines) {
        device const T *from = x + place(p.line, with.kept, with.kept_step);
        for (int i = p.member; i < with.count; i += with.team) {
            all = BODY(max_join)(all, BODY(max_one)(LOAD(T, from, place(i, with.reduced, with.reduced_step))));
        }
    }
    all = max_team(of_simdgroup, all, with.team, p);
    if (p.line < with.lines && p.member == 0) {
        STORE(T, out, p.line, BODY(max_end)(all));
    }
}
#endif
