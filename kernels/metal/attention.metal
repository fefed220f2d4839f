// attention: softmax(query keyᵀ scale + mask) value, over the keys that a query sees, with
// dropout (the online softmax of Milakov and Gimelshein, "Online normalizer calculation
// for softmax", 2018; in blocks as in Dao et al., "FlashAttention", 2022).
//
// query [..., queries, depth], key [..., keys, depth], value [..., keys, features], mask
// [..., queries, keys], broadcast, step i64[] → out [..., queries, features]; a head of
// keys serves `sharing` heads of queries. Bound by flops:
// 2·queries·keys·(depth + features).
//
// No row of weights is ever whole: a row's sums fade when a larger score comes.
// common/attention.h says how the work is shared.

struct arguments {
    S scale;
    int is_causal;
    int window;
    S dropout_p;
    i64 seed;
    S keep;
    int heads, sharing, queries, keys, depth, features, mask_row, mask_column;
    list batch, mask_batch;
};

kernel void flowrun_attention(device const T *query [[buffer(0)]], device const T *key [[buffer(1)]],
                              device const T *value [[buffer(2)]], device const T *mask [[buffer(3)]],
                              device const i64 *step [[buffer(4)]], device T *out [[buffer(5)]],
                              constant arguments &with [[buffer(6)]],
                              uint2 group [[threadgroup_position_in_grid]],
                              uint2 thread_of_group [[thread_position_in_threadgroup]]) {
    threadgroup C strips[STRIPS], tile[ROWS * PITCH], tops[ROWS], sums[ROWS], fades[ROWS];
    attending a = {with.queries, with.keys, with.is_causal, with.window, with.mask_row, with.mask_column, with.scale, with.dropout_p, with.keep, with.seed, step[0]};
    int tiles = (with.queries + ROWS - 1) / ROWS, h = (int)group.x / tiles, row = (int)group.x % tiles * ROWS;
    int first = (int)group.y * LANES * PARTS, lane = thread_of_group.x, width = with.features;
    query += h * with.queries * with.depth;
    key += h / with.sharing * with.keys * with.depth;
    value += h / with.sharing * with.keys * width;
    mask += offset(h, with.batch, with.mask_batch);
    out += h * with.queries * width;
    C scores[ROWS], results[PARTS * ROWS];
    for (int e = 0; e < PARTS * ROWS; e++) {
        results[e] = (C)0;
    }
    if (lane < ROWS) {
        tops[lane] = -INFINITE;
        sums[lane] = (C)0;
    }
    BARRIER;
    int end = end_seen(a, row, 0);
    for (int column = first_seen(a, row, 0); column < end; column += LANES) {
        dots(scores, query, row, with.queries, key, column, with.keys, with.depth, strips, lane);
        for (int r = 0; r < ROWS; r++) {
            scores[r] = score(a, mask, scores[r], row + r, column + lane);
        }
        BARRIER;
        weigh(scores, tile, tops, sums, fades, lane);
        BARRIER;
        if (a.dropped > (C)0) {
            for (int r = 0; r < ROWS; r++) {
                tile[r * PITCH + lane] *= kept(a, h * with.queries + row + r, column + lane);
            }
            BARRIER;
        }
        for (int e = 0; e < PARTS * ROWS; e++) {
            results[e] *= fades[e % ROWS];
        }
        gather(results, tile, value, column, end - column < LANES ? end - column : LANES, width, first, lane);
        BARRIER;
    }
    for (int part = 0; part < PARTS; part++) {
        int f = first + part * LANES + lane;
        for (int r = 0; r < ROWS; r++) {
            if (row + r < with.queries && f < width) {
                STORE(T, out, (row + r) * width + f, sums[r] == (C)0 ? (C)0 : results[part * ROWS + r] / sums[r]);
            }
        }
    }
}
