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
// Each thread makes four elements of one block of Philox.

extern "C" __global__ void flowrun_uniform(const i64 *step, T *out, S base, S span, S scale, S top, i64 key, int n) {
    draw_batch(step, out, key, n, [=](drawn d, batch<C> *b) {
        for (int e = 0; e < EACH; e++) {
            S v = (base + span * ((S)(d.word[e] >> 8) * (S)0x1p-24)) * scale;
            b->v[e] = v < top ? v : top;
        }
    });
}
