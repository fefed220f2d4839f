// cos: the cosine, elementwise.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(cos)(C x) { return cos(x); }
