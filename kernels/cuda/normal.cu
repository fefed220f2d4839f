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

extern "C" __global__ void flowrun_normal(const i64 *step, T *out, S mean, S std, i64 key, int n) {
    draw_batch(step, out, key, n, [=](drawn d, batch<C> *b) {
        for (int e = 0; e < EACH; e += 2) {
            C r = sqrt((C)-2 * log((C)((d.word[e] >> 8) + 1) * (C)0x1p-24));
            C turns = (C)(d.word[e + 1] >> 8) * (C)0x1p-23; // θ / π
            b->v[e] = mean + std * (r * cospi(turns));
            b->v[e + 1] = mean + std * (r * sinpi(turns));
        }
    });
}
