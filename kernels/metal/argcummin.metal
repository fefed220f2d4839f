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

TEAM_SCAN(argcummin_scan, candidate, later)

struct arguments {
    int dim;
    int rows, n, inner, team;
};

kernel void flowrun_argcummin(device const T *x [[buffer(0)]], device i32 *out [[buffer(1)]], constant arguments &with [[buffer(2)]],
                           uint group [[threadgroup_position_in_grid]], uint size [[threads_per_threadgroup]],
                           uint simdgroup [[simdgroup_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]]) {
    threadgroup candidate scratch[GROUP];
    int team = with.team, inner = with.inner;
    post p = post_in(team, group, size, simdgroup, lane);
    bool any = p.row < with.rows;
    int from = any ? p.row / inner * with.n * inner + p.row % inner : 0;
    candidate before = one((C)0, -1), all;
    for (int first = 0; first < with.n; first += team) {
        int i = first + p.member;
        bool here = any && i < with.n;
        candidate v = one((C)0, -1);
        if (here) {
            v = one(LOAD(T, x, from + i * inner), i);
        }
        v = argcummin_scan(scratch, v, team, p, all);
        if (here) {
            out[from + i * inner] = later(before, v).index;
        }
        before = later(before, all);
    }
}
