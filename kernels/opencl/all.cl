// all: whether all elements over dims are not 0.
//
// x [...] → out bool without (or with, as 1) the dims; of no elements true. Bound by bytes.

typedef int BODY(all_part);
DEVICE int BODY(all_none)(void) { return 1; }
DEVICE int BODY(all_one)(C v) { return v != (C)0; }
DEVICE int BODY(all_join)(int a, int b) { return a && b; }
DEVICE int BODY(all_end)(int p) { return p; }
