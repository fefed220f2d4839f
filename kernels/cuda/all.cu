// all: whether all elements over dims are not 0.
//
// x [...] → out bool without (or with, as 1) the dims; of no elements true. Bound by bytes.

typedef int BODY(all_part);
DEVICE int BODY(all_none)(void) { return 1; }
DEVICE int BODY(all_one)(C v) { return v != (C)0; }
DEVICE int BODY(all_join)(int a, int b) { return a && b; }
DEVICE int BODY(all_end)(int p) { return p; }

#ifndef FUSED
extern "C" __global__ void flowrun_all(const T *x, b8 *out, int lines, int count, int team,
                                       list kept, list kept_step, list reduced, list reduced_step) {
    reduce(x, out, {lines, count, team, kept, kept_step, reduced, reduced_step}, BODY(all_none)(),
           [](BODY(all_part) all, C v, int) { return BODY(all_join)(all, BODY(all_one)(v)); }, BODY(all_join), BODY(all_end));
}
#endif
