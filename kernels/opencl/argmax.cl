// argmax: the index of the first largest element along a dim, or in all of x laid
// flat.
//
// x [...] → out i32 without (or with, as 1) the dim. Bound by bytes.
//
// The first NaN wins over all numbers.
//
// Each output has a team of work-items, each of which folds every team-th element;
// a tree in local memory joins them.

// A candidate: an element, and its index, which is -1 for none.
typedef struct {
    C value;
    int index;
} candidate;

DEVICE int is_better(C a, C b) { return a > b || (IS_NAN(a) && !IS_NAN(b)); }

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

TEAM_FOLD(argmax_team, candidate, better)

kernel void flowrun_argmax(global const T *x, global i32 *out, int rows, int count, int team,
                           int8 kept, int8 kept_strides, int8 reduced, int8 reduced_strides) {
    local candidate scratch[GROUP];
    int row = get_global_id(0) / team, member = get_global_id(0) & (team - 1);
    candidate best = {(C)0, -1};
    if (row < rows) {
        int from = offset(row, kept, kept_strides);
        for (int i = member; i < count; i += team) {
            candidate here = {LOAD(T, x, from + offset(i, reduced, reduced_strides)), i};
            best = better(best, here);
        }
    }
    best = argmax_team(scratch, best, team);
    if (row < rows && member == 0) {
        out[row] = best.index;
    }
}
