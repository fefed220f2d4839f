// reduce: the entry point of a reduction, alone or of what elementwise kernels compute.
//
// Inputs that broadcast to the shape that is reduced → out without (or with, as 1)
// the dims. Bound by bytes.
//
// What comes before is generated, as for map; SPREAD(F), which is F(input) for each
// input that broadcasts; and REDUCE(what), the names of the type and the functions
// that make up the reduction. Each row has a team of threads, and fused or alone its
// elements are joined in the same order, so that the bits are the same.

#define WHOLE whole
#define FROM(x) int GLUE(x, _from) = offset(p.row, with.kept, with.GLUE(x, _kept));
#define AT(x) GLUE(x, _from) + offset(i, with.reduced, with.GLUE(x, _reduced))

TEAM_FOLD(reduce_team, REDUCE(part), REDUCE(join))

kernel void ENTRY(PARAMETERS, uint group [[threadgroup_position_in_grid]], uint size [[threads_per_threadgroup]],
                        uint simdgroup [[simdgroup_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]]) {
    threadgroup REDUCE(part) of_simdgroup[SIMDGROUP];
    post p = post_in(with.team, group, size, simdgroup, lane);
    REDUCE(part) all = REDUCE(none)();
    if (p.row < with.rows) {
        int from = offset(p.row, with.kept, with.kept_strides);
        SPREAD(FROM)
        for (int i = p.member; i < with.count; i += with.team) {
            int whole = from + offset(i, with.reduced, with.reduced_strides);
            PARTS
            all = REDUCE(join)(all, REDUCE(one)(RESULT));
        }
    }
    all = reduce_team(of_simdgroup, all, with.team, p);
    if (p.row < with.rows && p.member == 0) {
        STORE(RESULT_DTYPE, out, p.row, REDUCE(end)(all));
    }
}
