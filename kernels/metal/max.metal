// max: the largest element over dims. NaN if one is NaN. Of no elements it is the least
// value of the type.
//
// x [...] → out without (or with, as 1) the dims. Bound by bytes.

typedef C BODY(max_part);
DEVICE C BODY(max_none)(void) { return (C)LOWEST(T); }
DEVICE C BODY(max_one)(C v) { return v; }
// A NaN is taken over anything, and nothing over a NaN.
DEVICE C BODY(max_join)(C a, C b) { return b > a || IS_NAN(b) ? b : a; }
DEVICE C BODY(max_end)(C p) { return p; }
