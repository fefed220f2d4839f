// cos: the cosine, elementwise. OpenCL's own function, which the standard allows 4
// units in the last place.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(cos)(C x) { return cos(x); }
