// any: whether any element over dims is not 0.
//
// x [...] → out bool without (or with, as 1) the dims; of no elements false. Bound by bytes.

typedef int BODY(any_part);
DEVICE int BODY(any_none)(void) { return 0; }
DEVICE int BODY(any_one)(C v) { return v != (C)0; }
DEVICE int BODY(any_join)(int a, int b) { return a || b; }
DEVICE int BODY(any_end)(int p) { return p; }
