// all: whether all elements over dims are not 0.
//
// x [...] → out bool without (or with, as 1) the dims; of no elements true. Bound by bytes.
//
// Each output has a team of threads, each of which folds every team-th element;
// exchanges between them join what they have.

typedef int BODY(all_part);
static inline int BODY(all_none)(void) { return 1; }
static inline int BODY(all_one)(C v) { return v != (C)0; }
static inline int BODY(all_join)(int a, int b) { return a && b; }
static inline int BODY(all_end)(int p) { return p; }

#ifndef FUSED
TEAM_FOLD(all_team, int, BODY(all_join))

struct arguments {
    int lines, count, team;
    list kept, kept_step, reduced, reduced_step;
};

kernel void flowrun_all(device const T *x [[buffer(0)]], device b8 *out [[buffer(1)]], constant arguments &with [[buffer(2)]],
                        uint group [[threadgroup_position_in_grid]], uint size [[threads_per_threadgroup]],
                        uint simdgroup [[simdgroup_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]]) {
    threadgroup int of_simdgroup[SIMDGROUP];
    post p = post_in(with.team, group, size, simdgroup, lane);
    int all = BODY(all_none)();
    if (p.line < with.lines) {
        device const T *from = x + place(p.line, with.kept, with.kept_step);
        for (int i = p.member; i < with.count; i += with.team) {
            all = BODY(all_join)(all, BODY(all_one)(LOAD(T, from, place(i, with.reduced, with.reduced_step))));
        }
    }
    all = all_team(of_simdgroup, all, with.team, p);
    if (p.line < with.lines && p.member == 0) {
        STORE(b8, out, p.line, BODY(all_end)(all));
    }
}
#endif
