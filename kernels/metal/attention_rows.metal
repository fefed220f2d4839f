// attention_rows: of each query its largest score, the sum of the exponentials of its scores
// less that, and delta, the sum of its weights times their gradients.
//
// query [..., queries, depth], key [..., keys, depth], value [..., keys, features], mask
// [..., queries, keys], broadcast, g [..., queries, features], step i64[] → out [...,
// queries, 3]; a head of keys serves `sharing` heads of queries. Bound by flops:
// 2·queries·keys·(depth + features).
//
// A weight's gradient is g·value, times what dropout makes of it. A query that sees no key
// has -∞, 0 and 0. common/attention.h says how the work is shared.

#define FACTS 3

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

kernel void flowrun_attention_rows(device const T *query [[buffer(0)]], device const T *key [[buffer(1)]],
                              device const T *value [[buffer(2)]], device const T *mask [[buffer(3)]],
                              device const T *g [[buffer(4)]], device const i64 *step [[buffer(5)]], device U *out [[buffer(6)]],
                              constant arguments &with [[buffer(7)]],
                              uint2 group [[threadgroup_position_in_grid]],
                              uint2 thread_of_group [[thread_position_in_threadgroup]]) {
    threadgroup C strips[STRIPS], tile[ROWS * PITCH], tops[ROWS], sums[ROWS], fades[ROWS], deltas[ROWS];
    attending a = {with.queries, with.keys, with.is_causal, with.window, with.mask_row, with.mask_column, with.scale, with.dropout_p, with.keep, with.seed, step[0]};
    int tiles = (with.queries + ROWS - 1) / ROWS, h = (int)group.x / tiles, row = (int)group.x % tiles * ROWS, lane = thread_of_group.x;
    query += h * with.queries * with.depth;
    key += h / with.sharing * with.keys * with.depth;
    value += h / with.sharing * with.keys * with.features;
    mask += offset(h, with.batch, with.mask_batch);
    g += h * with.queries * with.features;
    C scores[ROWS], slopes[ROWS];
    if (lane < ROWS) {
        tops[lane] = -INFINITE;
        sums[lane] = deltas[lane] = (C)0;
    }
    BARRIER;
    int end = end_seen(a, row, 0);
    for (int column = first_seen(a, row, 0); column < end; column += LANES) {
        dots(scores, query, row, with.queries, key, column, with.keys, with.depth, strips, lane);
        dots(slopes, g, row, with.queries, value, column, with.keys, with.features, strips, lane);
        for (int r = 0; r < ROWS; r++) {
            scores[r] = score(a, mask, scores[r], row + r, column + lane);
        }
        BARRIER;
        weigh(scores, tile, tops, sums, fades, lane);
        BARRIER;
        for (int r = 0; r < ROWS; r++) {
            C weight = tile[r * PITCH + lane];
            C drop = a.dropped > (C)0 ? kept(a, h * with.queries + row + r, column + lane) : (C)1;
            tile[r * PITCH + lane] = weight == (C)0 ? (C)0 : weight * (drop * slopes[r]);
        }
        BARRIER;
        if (lane < ROWS) {
            C sum = (C)0;
            for (int c = 0; c < LANES; c++) {
                sum += tile[lane * PITCH + c];
            }
            deltas[lane] = deltas[lane] * fades[lane] + sum;
        }
    }
    if (lane < ROWS && row + lane < with.queries) {
        int at = (h * with.queries + row + lane) * FACTS;
        STORE(U, out, at, tops[lane]);
        STORE(U, out, at + 1, sums[lane]);
        STORE(U, out, at + 2, sums[lane] == (C)0 ? (C)0 : deltas[lane] / sums[lane]);
    }
}
