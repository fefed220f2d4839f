// square: x · x, elementwise.
//
// x [...] → out [...]. Bound by bytes.
DEVICE C BODY(square)(C x) { return (C)((W)x * (W)x); }
