// scatter_ordered: x joined with elements of src by their index along dim: for dim 0 of
// two, out[index[i][j]][j] and src[i][j]. order has the positions along dim by the size of
// their indices, equal ones in their order.
//
// x [...], index and order, which broadcast to src but for dim, src, but for dim at most as
// large as x → out, of x's shape. Bound by bytes.
//
// Two launches: the first copies x. In the second a place has one thread, that of
// the first of its indices in the order, which joins what follows in C as long as the index
// is the same; the others leave. So the result is the same in every run, which atomic
// additions' isn't, and is rounded once. An index out of range writes nothing.
//
// how: 0 sum, 1 product, 2 mean, 3 maximum, 4 minimum, 5 the last.

DEVICE W joined(int how, W a, W b) {
    switch (how) {
    case 1:
        return a * b;
    case 3:
        return (C)b > (C)a || IS_NAN((C)b) ? b : a;
    case 4:
        return (C)b < (C)a || IS_NAN((C)b) ? b : a;
    case 5:
        return b;
    }
    return a + b;
}

DEVICE C averaged(C sum, int count) {
#if IS_FLOAT(T)
    return sum / (C)count;
#else
    return sum / count - (sum % count < 0 ? 1 : 0);
#endif
}

struct arguments {
    int dim, how, include_self;
    int launch, n, columns, count, x_count, index_stride, order_stride, src_stride, x_stride;
    list dims, index_strides, order_strides, src_strides, x_strides;
};

kernel void flowrun_scatter_ordered(device const T *x [[buffer(0)]], device const I *index [[buffer(1)]],
                                    device const i32 *order [[buffer(2)]], device const T *src [[buffer(3)]],
                                    device T *out [[buffer(4)]], constant arguments &with [[buffer(5)]],
                                    uint at_grid [[thread_position_in_grid]]) {
    int i = at_grid;
    if (with.launch == 0) {
        if (i < with.n) {
            out[i] = x[i];
        }
        return;
    }
    int column = i % with.columns, mine = i / with.columns;
    if (mine >= with.count) {
        return;
    }
    index += offset(column, with.dims, with.index_strides);
    order += offset(column, with.dims, with.order_strides);
    I at = index[order[mine * with.order_stride] * with.index_stride];
    if (at < (I)0 || at >= (I)with.x_count || (mine > 0 && index[order[(mine - 1) * with.order_stride] * with.index_stride] == at)) {
        return;
    }
    int from = offset(column, with.dims, with.src_strides), to = offset(column, with.dims, with.x_strides) + (int)at * with.x_stride;
    W value = (W)LOAD(T, out, to);
    int parts = with.include_self;
    for (int k = mine; k < with.count; k++) {
        int position = order[k * with.order_stride];
        if (index[position * with.index_stride] != at) {
            break;
        }
        W next = (W)LOAD(T, src, from + position * with.src_stride);
        value = parts == 0 ? next : joined(with.how, value, next);
        parts++;
    }
    STORE(T, out, to, with.how == 2 ? averaged((C)value, parts) : (C)value);
}
