// randint: random integers from low to high - 1, equally likely.
//
// step i64[] → out [...]. Bound by flops.
//
// Element i is low + ⌊u · (high - low) / 2³²⌋ of the word u drawn for it.
//
// Each thread makes four elements of one block of Philox.

struct arguments {
    i64 low, high, key;
    int n;
};

kernel void flowrun_randint(device const i64 *step [[buffer(0)]], device T *out [[buffer(1)]],
                            constant arguments &with [[buffer(2)]], uint block [[thread_position_in_grid]]) {
    uint first = 4 * block, n = with.n;
    if (first >= n) {
        return;
    }
    drawn d = draw(with.key, step[0], block);
    for (uint e = 0; e < 4 && first + e < n; e++) {
        // A span of 2^32 fits: the product has 64 bits.
        STORE(T, out, first + e, (C)((W)with.low + (W)((u64)d.word[e] * (u64)(with.high - with.low) >> 32)));
    }
}
