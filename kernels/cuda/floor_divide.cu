// floor_divide: ⌊a / b⌋, elementwise. By 0 it is ±∞ or NaN for floats and 0 for
// integers.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by flops.

#if IS_FLOAT(T)
DEVICE C BODY(floor_divide)(C a, C b) {
    if (b == (C)0) {
        return a / b;
    }
    // The quotient of what divides without rest: a rounded quotient may lie above
    // the floor of the exact one, 1 / 0.1 for instance.
    C r = fmod(a, b);
    C q = rint((a - r) / b);
    return r != (C)0 && (r < (C)0) != (b < (C)0) ? q - (C)1 : q;
}
#else
DEVICE C BODY(floor_divide)(C a, C b) {
    if (b == (C)0) {
        return (C)0;
    }
    if (b == (C)-1) { // the least integer wraps around
        return (C)-(W)a;
    }
    C q = a / b;
    return a % b != (C)0 && (a < (C)0) != (b < (C)0) ? q - (C)1 : q;
}
#endif
