// bits_of: the lowest bits of integers, least significant first. Negative integers are
// in two's complement; beyond their width comes the sign.
//
// x [...] → out [..., bits], 0 or 1; its last dimension says how many. Bound by bytes.

kernel void flowrun_bits_of(global const T *x, global T *out, int n, int bits) {
    int i = get_global_id(0);
    if (i < n) {
        int bit = min(i % bits, (int)sizeof(T) * 8 - 1);
        out[i] = x[i / bits] >> bit & 1;
    }
}
