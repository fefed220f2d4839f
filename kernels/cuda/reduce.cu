// reduce: the entry point of a reduction, alone or of what elementwise kernels compute.
//
// Inputs that broadcast to the shape that is reduced → out without (or with, as 1)
// the dims. Bound by bytes.
//
// What comes before is generated, as for map; SPREAD(F), which is F(input) for each
// input that broadcasts; and REDUCE(what), the names of the type and the functions
// that make up the reduction. Each row has a team of threads, and fused or alone its
// elements are joined in the same order, so that the bits are the same.

#ifdef FUSED

#define WHOLE whole
#define FROM(x) int GLUE(x, _from) = offset(p.row, kept, GLUE(x, _kept));
#define AT(x) GLUE(x, _from) + offset(i, reduced, GLUE(x, _reduced))

extern "C" __global__ void ENTRY(PARAMETERS) {
    post p = post_in(team);
    REDUCE(part) all = REDUCE(none)();
    if (p.row < rows) {
        int from = offset(p.row, kept, kept_strides);
        SPREAD(FROM)
        for (int i = p.member; i < count; i += team) {
            int whole = from + offset(i, reduced, reduced_strides);
            PARTS
            all = REDUCE(join)(all, REDUCE(one)(RESULT));
        }
    }
    all = team_fold(all, team, REDUCE(join));
    if (p.row < rows && p.member == 0) {
        STORE(RESULT_DTYPE, out, p.row, REDUCE(end)(all));
    }
}

#else

extern "C" __global__ void ENTRY(PARAMETERS) {
    reduce(x, out, {rows, count, team, kept, kept_strides, reduced, reduced_strides}, REDUCE(none)(),
           [](REDUCE(part) all, C v, int) { return REDUCE(join)(all, REDUCE(one)(v)); }, REDUCE(join), REDUCE(end));
}

#endif
