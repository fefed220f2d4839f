// copy: to[i] = from[i], for the driver's copies. UNIT is as wide as the alignment of
// both sides and the size allow: uint4, uint or uchar.
#include <metal_stdlib>
using namespace metal;

struct arguments {
    int n;
};

kernel void flowrun_copy(device const UNIT *from [[buffer(0)]], device UNIT *to [[buffer(1)]],
                         constant arguments &with [[buffer(2)]], uint at [[thread_position_in_grid]]) {
    int i = at;
    if (i < with.n) {
        to[i] = from[i];
    }
}
