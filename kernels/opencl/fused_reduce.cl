// fused_reduce: a reduction of what elementwise kernels compute.
//
// Inputs that broadcast to the shape that is reduced → out without (or with, as 1)
// the dims. Bound by bytes.
//
// What comes before says what is computed, as for fused_map; FUSED_SPREAD(F), which
// is F(input) for each input that broadcasts; and FUSED_REDUCE(what), the names of
// the type and the functions that make up the reduction. Each output has a team of
// work-items, and elements are joined in the order in which the reduction's own
// kernel joins them, so that the bits are the same.

#define WHOLE whole
#define FROM(x) int GLUE(x, _from) = place(line, kept, GLUE(x, _kept));
#define AT(x) GLUE(x, _from) + place(i, reduced, GLUE(x, _reduced))

TEAM_FOLD(fused_team, FUSED_REDUCE(part), FUSED_REDUCE(join))

kernel void FUSED_ENTRY(FUSED_PARAMETERS) {
    local FUSED_REDUCE(part) scratch[GROUP];
    int line = get_global_id(0) / team, member = get_global_id(0) & (team - 1);
    FUSED_REDUCE(part) all = FUSED_REDUCE(none)();
    if (line < lines) {
        int from = place(line, kept, kept_step);
        FUSED_SPREAD(FROM)
        for (int i = member; i < count; i += team) {
            int whole = from + place(i, reduced, reduced_step);
            FUSED_PARTS
            all = FUSED_REDUCE(join)(all, FUSED_REDUCE(one)(FUSED_VALUE));
        }
    }
    all = fused_team(scratch, all, team);
    if (line < lines && member == 0) {
        STORE(FUSED_DTYPE, out, line, FUSED_REDUCE(end)(all));
    }
}
