// uniform: random numbers from low up to high, equally likely.
//
// step i64[] → out [...]. Bound by flops.
//
// Element i is low + (high - low) · (u >> 8) / 2²⁴ of the word u drawn for it,
// each operation rounded in f32 (in f64 for f64), so that all devices agree.
//
// Each work-item makes four elements of one block of Philox.

kernel void flowrun_uniform(global const i64 *step, global T *out, S low, S high, long key, int n) {
    int block = get_global_id(0), first = 4 * block;
    if (first >= n) {
        return;
    }
    uint4 w = draw(key, step[0], block);
    uint word[4] = {w.x, w.y, w.z, w.w};
    S span = high - low;
    for (int i = first; i < n && i < first + 4; i++) {
        STORE(T, out, i, low + span * ((S)(word[i - first] >> 8) * (S)0x1p-24));
    }
}
