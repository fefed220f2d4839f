// argmax: the index of the first largest element along a dim, or in all of x laid flat.
// The first NaN wins over all numbers.
//
// x [...] → out i32 without (or with, as 1) the dim. Bound by bytes.

// A candidate: an element, and its index, which is -1 for none.
struct candidate {
    C value;
    int index;
};

DEVICE bool is_better(C a, C b) { return a > b || (IS_NAN(a) && !IS_NAN(b)); }

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

extern "C" __global__ void flowrun_argmax(const T *x, i32 *out, int rows, int count, int team,
                                          list kept, list kept_strides, list reduced, list reduced_strides) {
    reduce(x, out, {rows, count, team, kept, kept_strides, reduced, reduced_strides}, candidate{(C)0, -1},
           [](candidate best, C v, int i) { return better(best, candidate{v, i}); }, better, [](candidate best) { return best.index; });
}
