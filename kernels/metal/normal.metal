// normal: random numbers of the normal distribution with a mean and a standard
// deviation.
//
// step i64[] → out [...]. Bound by flops.
//
// Box and Muller's method: elements 2j and 2j+1 are r·cos θ and r·sin θ with
// r = √(-2 ln u₀), θ = 2π u₁, of u₀ in (0, 1] and u₁ in [0, 1), 24 bits each.
// All of it is computed in C.
//
// Each thread makes four elements of one block of Philox.

struct arguments {
    S mean, std;
    i64 key;
    int n;
};

kernel void flowrun_normal(device const i64 *step [[buffer(0)]], device T *out [[buffer(1)]],
                           constant arguments &with [[buffer(2)]], uint block [[thread_position_in_grid]]) {
    uint first = 4 * block, n = with.n;
    if (first >= n) {
        return;
    }
    drawn d = draw(with.key, step[0], block);
    for (uint e = 0; e < 4 && first + e < n; e += 2) {
        C r = sqrt((C)-2 * log((C)((d.word[e] >> 8) + 1) * flowrun::power_of_two<float>(-24)));
        C turns = (C)(d.word[e + 1] >> 8) * flowrun::power_of_two<float>(-23); // θ / π
        STORE(T, out, first + e, with.mean + with.std * (r * cospi(turns)));
        if (first + e + 1 < n) {
            STORE(T, out, first + e + 1, with.mean + with.std * (r * sinpi(turns)));
        }
    }
}
