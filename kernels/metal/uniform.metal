// uniform: random numbers from low up to high, equally likely.
//
// step i64[] → out [...]. Bound by flops.
//
// Element i is low + (high - low) · (u >> 8) / 2²⁴ of the word u drawn for it,
// each operation rounded in f32, so that all devices agree.
//
// Each thread makes four elements of one block of Philox.

struct arguments {
    S low, high;
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
    S span = with.high - with.low;
    for (uint e = 0; e < 4 && first + e < n; e++) {
        STORE(T, out, first + e, with.low + span * ((S)(d.word[e] >> 8) * own::power_of_two(-24)));
    }
}
