// reduce: the entry point of a reduction, alone or of what elementwise kernels compute.
//
// Inputs that broadcast to the shape that is reduced → out without (or with, as 1)
// the dims. Bound by bytes.
//
// What comes before is generated, as for map; SPREAD(F), which is F(input) for each
// input that broadcasts; and REDUCE(what), the names of the type and the functions
// that make up the reduction. Each row has a team of work-items, and fused or alone its
// elements are joined in the same order, so that the bits are the same.

#define WHOLE whole
#define FROM(x) int GLUE(x, _from) = offset(row, kept, GLUE(x, _kept));
#define AT(x) GLUE(x, _from) + offset(i, reduced, GLUE(x, _reduced))

TEAM_FOLD(reduce_team, REDUCE(part), REDUCE(join))

kernel void ENTRY(PARAMETERS) {
    local REDUCE(part) scratch[GROUP];
    int row = get_global_id(0) / team, member = get_global_id(0) & (team - 1);
    REDUCE(part) all = REDUCE(none)();
    if (row < rows) {
        int from = offset(row, kept, kept_strides);
        SPREAD(FROM)
        for (int i = member; i < count; i += team) {
            int whole = from + offset(i, reduced, reduced_strides);
            PARTS
            all = REDUCE(join)(all, REDUCE(one)(RESULT));
        }
    }
    all = reduce_team(scratch, all, team);
    if (row < rows && member == 0) {
        STORE(RESULT_DTYPE, out, row, REDUCE(end)(all));
    }
}
