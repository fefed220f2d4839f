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
#define FROM(x) int GLUE(x, _from) = place(p.line, kept, GLUE(x, _kept));
#define AT(x) GLUE(x, _from) + place(i, reduced, GLUE(x, _reduced))

extern "C" __global__ void FUSED_ENTRY(FUSED_PARAMETERS) {
    post p = post_in(team);
    FUSED_REDUCE(part) all = FUSED_REDUCE(none)();
    if (p.line < lines) {
        int from = place(p.line, kept, kept_step);
        FUSED_SPREAD(FROM)
        for (int i = p.member; i < count; i += team) {
            int whole = from + place(i, reduced, reduced_step);
            FUSED_PARTS
            all = FUSED_REDUCE(join)(all, FUSED_REDUCE(one)(FUSED_VALUE));
        }
    }
    all = team_fold(all, team, FUSED_REDUCE(join));
    if (p.line < lines && p.member == 0) {
        STORE(FUSED_DTYPE, out, p.line, FUSED_REDUCE(end)(all));
    }
}
