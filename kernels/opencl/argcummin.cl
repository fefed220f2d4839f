// argcummin: the index of the smallest element so far along dim, the element itself included: of
// equal ones the last. NaN wins over all numbers.
//
// x [...] → out i32, of x's shape. Bound by bytes.
//
// Each row along dim has a team of work-items, which takes one stretch after the other, an
// element for each; the members of a stretch go on with what all before it have.

// A candidate: an element, and its index, which is -1 for none.
typedef struct {
    C value;
    int index;
} candidate;

// The later of equals wins, and of NaNs, which win over all numbers.
DEVICE candidate later(candidate a, candidate b) {
    if (b.index < 0) {
        return a;
    }
    return a.index < 0 || IS_NAN(b.value) || (!IS_NAN(a.value) && b.value <= a.value) ? b : a;
}

DEVICE candidate one(C v, int i) {
    candidate c = {v, i};
    return c;
}

TEAM_SCAN(argcummin_scan, candidate, later)

kernel void flowrun_argcummin(global const T *x, global i32 *out, int dim, int rows, int n, int inner, int team) {
    local candidate scratch[GROUP];
    int row = get_global_id(0) / team, member = get_global_id(0) & (team - 1);
    int from = row / inner * n * inner + row % inner;
    candidate before = one((C)0, -1), all;
    for (int first = 0; first < n; first += team) {
        int i = first + member;
        int here = row < rows && i < n;
        candidate v = one((C)0, -1);
        if (here) {
            v = one(LOAD(T, x, from + i * inner), i);
        }
        v = argcummin_scan(scratch, v, team, &all);
        if (here) {
            out[from + i * inner] = later(before, v).index;
        }
        before = later(before, all);
    }
}
