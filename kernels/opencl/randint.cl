// randint: random integers from low to high - 1, equally likely.
//
// step i64[] → out [...]. Bound by flops.
//
// Element i is low + ⌊u · (high - low) / 2³²⌋ of the word u drawn for it.
//
// Each work-item makes four elements of one block of Philox.

kernel void flowrun_randint(global const i64 *step, global T *out, long low, long high, long key, int n) {
    int block = get_global_id(0), first = 4 * block;
    if (first >= n) {
        return;
    }
    drawn d = draw(key, step[0], block);
    for (int i = first; i < n && i < first + 4; i++) {
        // A span of 2^32 fits: the product has 64 bits.
        STORE(T, out, i, (C)((W)low + (W)((ulong)d.word[i - first] * (ulong)(high - low) >> 32)));
    }
}
