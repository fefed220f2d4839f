// scatter_ordered: x joined with elements of src by their index along dim: for dim 0 of
// two, out[index[i][j]][j] and src[i][j]. order has the positions along dim by the size of
// their indices, equal ones in their order.
//
// x [...], index and order, which broadcast to src but for dim, src, but for dim at most as
// large as x → out, of x's shape. Bound by bytes.
//
// Two launches: the first copies x. In the second a place has one work-item, that of
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

kernel void flowrun_scatter_ordered(global const T *x, global const I *index, global const i32 *order, global const T *src,
                                    global T *out, int dim, int how, int include_self, int launch, int n, int columns, int count,
                                    int x_count, int index_stride, int order_stride, int src_stride, int x_stride, int8 dims,
                                    int8 index_strides, int8 order_strides, int8 src_strides, int8 x_strides) {
    int i = get_global_id(0);
    if (launch == 0) {
        if (i < n) {
            out[i] = x[i];
        }
        return;
    }
    int column = i % columns, mine = i / columns;
    if (mine >= count) {
        return;
    }
    index += offset(column, dims, index_strides);
    order += offset(column, dims, order_strides);
    I at = index[order[mine * order_stride] * index_stride];
    if (at < (I)0 || at >= (I)x_count || (mine > 0 && index[order[(mine - 1) * order_stride] * index_stride] == at)) {
        return;
    }
    int from = offset(column, dims, src_strides), to = offset(column, dims, x_strides) + (int)at * x_stride;
    W value = (W)LOAD(T, out, to);
    int parts = include_self;
    for (int k = mine; k < count; k++) {
        int position = order[k * order_stride];
        if (index[position * index_stride] != at) {
            break;
        }
        W next = (W)LOAD(T, src, from + position * src_stride);
        value = parts == 0 ? next : joined(how, value, next);
        parts++;
    }
    STORE(T, out, to, how == 2 ? averaged((C)value, parts) : (C)value);
}
