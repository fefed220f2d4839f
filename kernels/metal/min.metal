// min: the smallest element over dims. NaN if one is NaN. Of no elements it is the
// greatest value of the type.
//
// x [...] → out without (or with, as 1) the dims. Bound by bytes.

typedef C BODY(min_part);
DEVICE C BODY(min_none)(void) { return (C)HIGHEST(T); }
DEVICE C BODY(min_one)(C v) { return v; }
// A NaN is taken over anything, and nothing over a NaN.
DEVICE C BODY(min_join)(C a, C b) { return b < a || IS_NAN(b) ? b : a; }
DEVICE C BODY(min_end)(C p) { return p; }
