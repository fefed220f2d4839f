// sqrt: the square root, elementwise.
//
// x [...] → out [...]. Bound by bytes.
//
// OpenCL's own function; 3 units in the last place, but where the device rounds it
// correctly.

DEVICE C BODY(sqrt)(C x) { return sqrt(x); }
