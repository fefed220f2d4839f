// sum_int: the sum of bools or i32 over dims, in i64, as PyTorch has it.
//
// x [...] → out without (or with, as 1) the dims. Bound by bytes.
//
// Each output has a team of threads, each of which folds every team-th element;
// exchanges between them join what they have.

typedef i64 BODY(sum_int_part);
static inline i64 BODY(sum_int_none)(void) { return 0; }
static inline i64 BODY(sum_int_one)(C v) { return v; }
static inline i64 BODY(sum_int_join)(i64 a, i64 b) { return a + b; }
static inline i64 BODY(sum_int_end)(i64 p) { return p; }

#ifndef FUSED
TEAM_FOLD(sum_int_team, i64, BODY(sum_int_join))

struct arguments {
    int lines, count, team;
    list kept, kept_step, reduced, reduced_step;
};

kernel void flowrun_sum_int(device const T *x [[buffer(0)]], device i64 *out [[buffer(1)]], constant arguments &with [[buffer(2)]],
                            uint group [[threadgroup_position_in_grid]], uint size [[threads_per_threadgroup]],
                            uint simdgroup [[simdgroup_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]]) {
    threadgroup i64 of_simdgroup[SIMDGROUP];
    post p = post_in(with.team, group, size, simdgroup, lane);
    i64 all = BODY(sum_int_none)();
    if (p.line < with.lines) {
        device const T *from = x + place(p.line, with.kept, with.kept_step);
        for (int i = p.member; i < with.count; i += with.team) {
            all = BODY(sum_int_join)(all, BODY(sum_int_one)(LOAD(T, from, place(i, with.reduced, with.reduced_step))));
        }
    }
    all = sum_int_team(of_simdgroup, all, with.team, p);
    if (p.line < with.lines && p.member == 0) {
        STORE(i64, out, p.line, BODY(sum_int_end)(all));
    }
}
#endif
