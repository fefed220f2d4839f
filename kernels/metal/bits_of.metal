// bits_of: the lowest bits of integers, least significant first. Negative integers are
// in two's complement; beyond their width comes the sign.
//
// x [...] → out [..., bits], 0 or 1; its last dimension says how many. Bound by bytes.

struct arguments {
    int n, bits;
};

kernel void flowrun_bits_of(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                            constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        int bit = i % with.bits, last = (int)sizeof(T) * 8 - 1;
        out[i] = x[i / with.bits] >> (bit < last ? bit : last) & 1;
    }
}
