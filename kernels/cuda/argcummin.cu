// argcummin: the index of the smallest element so far along dim, the element itself included: of
// equal ones the last. NaN wins over all numbers.
//
// x [...] → out i32, of x's shape. Bound by bytes.
//
// Each row along dim has a team of threads, which takes one stretch after the other, an
// element for each; the members of a stretch go on with what all before it have.

// A candidate: an element, and its index, which is -1 for none.
struct candidate {
    C value;
    int index;
};

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

extern "C" __global__ void flowrun_argcummin(const T *x, i32 *out, int dim, int rows, int n, int inner, int team) {
    __shared__ candidate scratch[GROUP];
    post p = post_in(team);
    i64 from = (i64)(p.row / inner) * n * inner + p.row % inner;
    candidate before = one((C)0, -1), all;
    for (int first = 0; first < n; first += team) {
        int i = first + p.member;
        bool here = p.row < rows && i < n;
        candidate v = here ? one(LOAD(T, x, from + i * inner), i) : one((C)0, -1);
        v = team_scan(scratch, v, team, later, &all);
        if (here) {
            out[from + i * inner] = later(before, v).index;
        }
        before = later(before, all);
    }
}
