// any: whether any element over dims is not 0.
//
// x [...] → out bool without (or with, as 1) the dims; of no elements false. Bound by bytes.

typedef int BODY(any_part);
DEVICE int BODY(any_none)(void) { return 0; }
DEVICE int BODY(any_one)(C v) { return v != (C)0; }
DEVICE int BODY(any_join)(int a, int b) { return a || b; }
DEVICE int BODY(any_end)(int p) { return p; }

#ifndef FUSED
extern "C" __global__ void flowrun_any(const T *x, b8 *out, int lines, int count, int team,
                                       list kept, list kept_step, list reduced, list reduced_step) {
    reduce(x, out, {lines, count, team, kept, kept_step, reduced, reduced_step}, BODY(any_none)(),
           [](BODY(any_part) all, C v, int) { return BODY(any_join)(all, BODY(any_one)(v)); }, BODY(any_join), BODY(any_end));
}
#endif
