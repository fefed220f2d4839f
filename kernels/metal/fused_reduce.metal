// fused_reduce: a reduction of what elementwise kernels compute.
//
// Inputs that broadcast to the shape that is reduced → out without (or with, as 1)
// the dims. Bound by bytes.
//
// What comes before says what is computed, as for fused_map; FUSED_SPREAD(F), which
// is F(input) for each input that broadcasts; and FUSED_REDUCE(what), the names of
// the type and the functions that make up the reduction. Each output has a team of
// threads, and elements are joined in the order in which the reduction's own kernel
// joins them, so that the bits are the same.

#define WHOLE whole
#define FROM(x) int GLUE(x, _from) = place(p.line, with.kept, with.GLUE(x, _kept));
#define AT(x) GLUE(x, _from) + place(i, with.reduced, with.GLUE(x, _reduced))

TEAM_FOLD(fused_team, FUSED_REDUCE(part), FUSED_REDUCE(join))

kernel void FUSED_ENTRY(FUSED_PARAMETERS, uint group [[threadgroup_position_in_grid]], uint size [[threads_per_threadgroup]],
                        uint simdgroup [[simdgroup_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]]) {
    threadgroup FUSED_REDUCE(part) of_simdgroup[SIMDGROUP];
    post p = post_in(with.team, group, size, simdgroup, lane);
    FUSED_REDUCE(part) all = FUSED_REDUCE(none)();
    if (p.line < with.lines) {
        int from = place(p.line, with.kept, with.kept_step);
        FUSED_SPREAD(FROM)
        for (int i = p.member; i < with.count; i += with.team) {
            int whole = from + place(i, with.reduced, with.reduced_step);
            FUSED_PARTS
            all = FUSED_REDUCE(join)(all, FUSED_REDUCE(one)(FUSED_VALUE));
        }
    }
    all = fused_team(of_simdgroup, all, with.team, p);
    if (p.line < with.lines && p.member == 0) {
        STORE(FUSED_DTYPE, out, p.line, FUSED_REDUCE(end)(all));
    }
}
