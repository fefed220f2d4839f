// remainder: a - b·⌊a / b⌋, of b's sign, as Python's %, elementwise. By 0 it is NaN for
// floats and 0 for integers.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by flops.

#if IS_FLOAT(T)
DEVICE C BODY(remainder)(C a, C b) {
    C r = fmod(a, b);
    return r != (C)0 && (r < (C)0) != (b < (C)0) ? r + b : r;
}
#else
DEVICE C BODY(remainder)(C a, C b) {
    if (b == (C)0 || b == (C)-1) { // the least integer by -1 would overflow
        return (C)0;
    }
    C r = a % b;
    return r != (C)0 && (r < (C)0) != (b < (C)0) ? r + b : r;
}
#endif
