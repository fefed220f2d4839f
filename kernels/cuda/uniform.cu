// uniform: random numbers from low up to high, equally likely.
//
// step i64[] → out [...]. Bound by flops.
//
// Element i is low + (high - low) · (u >> 8) / 2²⁴ of the word u drawn for it,
// each operation rounded in f32 (in f64 for f64), so that all devices agree.
//
// Each thread makes four elements of one block of Philox.

extern "C" __global__ void flowrun_uniform(const i64 *step, T *out, S low, S high, i64 key, int n) {
    S span = high - low;
    draw_batch(step, out, key, n, [=](drawn d, batch<C> *b) {
        for (int e = 0; e < EACH; e++) {
            b->v[e] = low + span * ((S)(d.word[e] >> 8) * (S)0x1p-24);
        }
    });
}
