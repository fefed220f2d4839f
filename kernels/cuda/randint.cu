// randint: random integers from low to high - 1, equally likely.
//
// step i64[] → out [...]. Bound by flops.
//
// Element i is low + ⌊u · (high - low) / 2³²⌋ of the word u drawn for it.
//
// Each thread makes four elements of one block of Philox.

extern "C" __global__ void flowrun_randint(const i64 *step, T *out, i64 low, i64 high, i64 key, int n) {
    draw_batch(step, out, key, n, [=](drawn d, batch<C> *b) {
        for (int e = 0; e < EACH; e++) {
            // A span of 2^32 fits: the product has 64 bits.
            b->v[e] = (C)((W)low + (W)((u64)d.word[e] * (u64)(high - low) >> 32));
        }
    });
}
