// argmin: the index of the first smallest element along a dim, or in all of x laid
// flat.
//
// x [...] → out i32 without (or with, as 1) the dim. Bound by bytes.
//
// The first NaN wins over all numbers.
//
// Each output has a team of threads, each of which folds every team-th element;
// exchanges between them join what they have.

// A candidate: an element, and its index, which is -1 for none.
struct candidate {
    C value;
    int index;
};

DEVICE bool is_better(C a, C b) { return a < b || (IS_NAN(a) && !IS_NAN(b)); }

// The first of equals wins, and of NaNs, which win over all numbers.
DEVICE candidate better(candidate a, candidate b) {
    if (a.index < 0 || b.index < 0) {
        return a.index < 0 ? b : a;
    }
    if (is_better(a.value, b.value)) {
        return a;
    }
    if (is_better(b.value, a.value)) {
        return b;
    }
    return a.index < b.index ? a : b;
}

TEAM_FOLD(argmin_team, candidate, better)

struct arguments {
    int rows, count, team;
    list kept, kept_strides, reduced, reduced_strides;
};

kernel void flowrun_argmin(device const T *x [[buffer(0)]], device i32 *out [[buffer(1)]], constant arguments &with [[buffer(2)]],
                           uint group [[threadgroup_position_in_grid]], uint size [[threads_per_threadgroup]],
                           uint simdgroup [[simdgroup_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]]) {
    threadgroup candidate of_simdgroup[SIMDGROUP];
    post p = post_in(with.team, group, size, simdgroup, lane);
    candidate best = {(C)0, -1};
    if (p.row < with.rows) {
        device const T *from = x + offset(p.row, with.kept, with.kept_strides);
        for (int i = p.member; i < with.count; i += with.team) {
            candidate here = {LOAD(T, from, offset(i, with.reduced, with.reduced_strides)), i};
            best = better(best, here);
        }
    }
    best = argmin_team(of_simdgroup, best, with.team, p);
    if (p.row < with.rows && p.member == 0) {
        out[p.row] = best.index;
    }
}
