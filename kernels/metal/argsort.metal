// argsort: the indices that sort x along a dim, ascending or descending. Equal elements
// keep their order; NaN counts as larger than all numbers.
//
// x [...] → out i32, of x's shape. Bound by bytes.
//
// A bitonic network (Batcher, "Sorting networks and their applications", 1968) in the form
// whose comparators all put the smaller element first: rows of any length are then rows
// of 2^levels whose missing elements are the largest, and never move. Elements are compared
// by integers that are ordered as they are, and equal ones by their index. A group has
// BLOCK neighbouring places, of one row or of several. The first launch does the levels
// whose comparators stay in a group's places, in threadgroup memory; each level beyond takes a
// launch for every step that doesn't, which exchanges indices where they lie, and one for
// all others.

#define BLOCK 2048
#define BLOCK_LEVELS 11

DEVICE int order_of(int v) { return v; }
DEVICE i64 order_of(i64 v) { return v; }
DEVICE int order_of(float v) {
    int bits = (int)to_bits(v);
    return IS_NAN(v) ? 0x7fffffff : bits < 0 ? -(bits & 0x7fffffff) : bits;
}
typedef decltype(order_of(C())) key;

// The rows: there are `rows` of n elements, inner apart, in 2^levels places each.
struct row_shape {
    int n, inner, rows, levels, descending;
};

struct arguments {
    int dim, descending;
    int launch, n, inner, rows, levels;
};

// Where the element of a place lies; -1 if there is none.
DEVICE int offset_of(row_shape s, uint place) {
    int row = place >> s.levels, i = place & ((1u << s.levels) - 1);
    return row < s.rows && i < s.n ? row / s.inner * s.n * s.inner + row % s.inner + i * s.inner : -1;
}

DEVICE key key_at(device const T *x, row_shape s, int first, int index) {
    key k = order_of(LOAD(T, x, first + index * s.inner));
    return s.descending ? ~k : k;
}

// The first element of the row in which an element lies.
DEVICE int first_of(row_shape s, int at) { return at / (s.n * s.inner) * s.n * s.inner + at % s.inner; }

// The places that comparator c joins, 2^step apart; in the first step of a level the
// second half of its places is taken backwards.
DEVICE uint lower(uint c, int step) { return (c >> step << (step + 1)) | (c & ((1u << step) - 1)); }
DEVICE uint upper(uint low, int step, int backwards) { return low ^ (backwards ? (2u << step) - 1 : 1u << step); }

DEVICE void exchange_all(threadgroup key *keys, threadgroup int *at, int step, int backwards, uint me, uint size) {
    for (uint c = me; c < BLOCK / 2; c += size) {
        uint low = lower(c, step), high = upper(low, step, backwards);
        key a = keys[low], b = keys[high];
        int i = at[low], j = at[high];
        if (j >= 0 && (b < a || (b == a && j < i))) {
            keys[low] = b;
            keys[high] = a;
            at[low] = j;
            at[high] = i;
        }
    }
}

kernel void flowrun_argsort(device const T *x [[buffer(0)]], device i32 *out [[buffer(1)]], constant arguments &with [[buffer(2)]],
                            uint group [[threadgroup_position_in_grid]], uint me [[thread_position_in_threadgroup]],
                            uint size [[threads_per_threadgroup]]) {
    threadgroup key keys[BLOCK];
    threadgroup int at[BLOCK];
    row_shape s = {with.n, with.inner, with.rows, with.levels, with.descending};
    int launch = with.launch, level = BLOCK_LEVELS, step = launch;
    while (level < s.levels && step > level - BLOCK_LEVELS) {
        step -= level - BLOCK_LEVELS + 1;
        level++;
    }
    uint base = group * BLOCK;
    if (launch > 0 && step < level - BLOCK_LEVELS) { // between groups
        int reach = level - 1 - step;
        for (uint c = group * (BLOCK / 2) + me; c < (group + 1) * (BLOCK / 2); c += size) {
            uint low = lower(c, reach);
            int p = offset_of(s, low), q = offset_of(s, upper(low, reach, step == 0));
            if (q < 0) {
                continue;
            }
            int first = first_of(s, p), i = out[p], j = out[q];
            key a = key_at(x, s, first, i), b = key_at(x, s, first, j);
            if (b < a || (b == a && j < i)) {
                out[p] = j;
                out[q] = i;
            }
        }
        return;
    }
    for (uint i = me; i < BLOCK; i += size) {
        int p = offset_of(s, base + i);
        at[i] = -1;
        keys[i] = 0;
        if (p >= 0) {
            int first = first_of(s, p);
            at[i] = launch == 0 ? (p - first) / s.inner : out[p];
            keys[i] = key_at(x, s, first, at[i]);
        }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    int last = launch == 0 && s.levels < BLOCK_LEVELS ? s.levels : BLOCK_LEVELS;
    for (int l = launch == 0 ? 1 : BLOCK_LEVELS; l <= last; l++) {
        for (int r = l - 1; r >= 0; r--) {
            exchange_all(keys, at, r, launch == 0 && r == l - 1, me, size);
            threadgroup_barrier(mem_flags::mem_threadgroup);
        }
    }
    for (uint i = me; i < BLOCK; i += size) {
        int p = offset_of(s, base + i);
        if (p >= 0) {
            out[p] = at[i];
        }
    }
}
