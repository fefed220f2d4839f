// sqrt: the square root, elementwise. OpenCL's own function; 3 units in the last place,
// but where the device rounds it correctly.
//
// x [...] → out [...]. Bound by bytes.
DEVICE C BODY(sqrt)(C x) { return sqrt(x); }
