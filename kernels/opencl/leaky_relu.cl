// leaky_relu: x above 0, and negative_slope·x below.
//
// x [...] → out [...]. Bound by bytes.
DEVICE C BODY(leaky_relu)(C x, S negative_slope) { return x > (C)0 ? x : negative_slope * x; }
