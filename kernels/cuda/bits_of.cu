// bits_of: the lowest bits of integers, least significant first. Negative integers are
// in two's complement; beyond their width comes the sign.
//
// x [...] → out [..., bits], 0 or 1; its last dimension says how many. Bound by bytes.

extern "C" __global__ void flowrun_bits_of(const T *x, T *out, int n, int bits) {
    move(out, n, [=](int i) {
        int bit = i % bits, last = (int)sizeof(T) * 8 - 1;
        return x[i / bits] >> (bit < last ? bit : last) & 1;
    });
}
