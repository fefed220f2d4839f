// normal: random numbers of the normal distribution with a mean and a standard
// deviation.
//
// step i64[] → out [...]. Bound by flops.
//
// Box and Muller's method: elements 2j and 2j+1 are r·cos θ and r·sin θ with
// r = √(-2 ln u₀), θ = 2π u₁, of u₀ in (0, 1] and u₁ in [0, 1), 24 bits each.
// All of it is computed in C.
//
// Each work-item makes four elements of one block of Philox.

kernel void flowrun_normal(global const i64 *step, global T *out, S mean, S std, long key, int n) {
    int block = get_global_id(0), first = 4 * block;
    if (first >= n) {
        return;
    }
    drawn d = draw(key, step[0], block);
    for (int i = first; i < n && i < first + 4; i += 2) {
        C r = sqrt((C)-2 * log((C)((d.word[i - first] >> 8) + 1) * (C)0x1p-24));
        C turns = (C)(d.word[i - first + 1] >> 8) * (C)0x1p-23; // θ / π
        STORE(T, out, i, mean + std * (r * cospi(turns)));
        if (i + 1 < n) {
            STORE(T, out, i + 1, mean + std * (r * sinpi(turns)));
        }
    }
}
