// uniform: random numbers from low up to high, equally likely.
//
// step i64[] → out [...]. Bound by flops.
//
// Element i is min((base + span · u) · scale, top) with u = (word >> 8) / 2²⁴ of
// the word drawn for it, each operation rounded in f32, so that
// all devices agree. base and span are low and high - low, and scale 1; halves and
// 2 where the range is wider than the largest float. top keeps high out, which
// rounding would come to.
//
// Each thread makes four elements of one block of Philox.

struct arguments {
    S base, span, scale, top;
    i64 key;
    int n;
};

kernel void flowrun_uniform(device const i64 *step [[buffer(0)]], device T *out [[buffer(1)]],
                            constant arguments &with [[buffer(2)]], uint block [[thread_position_in_grid]]) {
    uint first = 4 * block, n = with.n;
    if (first >= n) {
        return;
    }
    drawn d = draw(with.key, step[0], block);
    for (uint e = 0; e < 4 && first + e < n; e++) {
        S v = (with.base + with.span * ((S)(d.word[e] >> 8) * flowrun::power_of_two<float>(-24))) * with.scale;
        STORE(T, out, first + e, v < with.top ? v : with.top);
    }
}
