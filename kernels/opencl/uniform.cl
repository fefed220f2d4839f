// uniform: random numbers from low up to high, equally likely.
//
// step i64[] → out [...]. Bound by flops.
//
// Element i is min((base + span · u) · scale, top) with u = (word >> 8) / 2²⁴ of
// the word drawn for it, each operation rounded in f32 (in f64 for f64), so that
// all devices agree. base and span are low and high - low, and scale 1; halves and
// 2 where the range is wider than the largest float. top keeps high out, which
// rounding would come to.
//
// Each work-item makes four elements of one block of Philox.

kernel void flowrun_uniform(global const i64 *step, global T *out, S base, S span, S scale, S top,
                            long key, int n) {
    int block = get_global_id(0), first = 4 * block;
    if (first >= n) {
        return;
    }
    drawn d = draw(key, step[0], block);
    for (int i = first; i < n && i < first + 4; i++) {
        S v = (base + span * ((S)(d.word[i - first] >> 8) * (S)0x1p-24)) * scale;
        STORE(T, out, i, v < top ? v : top);
    }
}
