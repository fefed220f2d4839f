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

kernel void flowrun_attention_rows(global const T *query, global const T *key, global const T *value,
                              global const T *mask, global const T *g, global const i64 *step, global U *out, S scale,
                              int is_causal, int window, S dropout_p, long seed, S keep, int heads,
                              int sharing, int queries, int keys, int depth, int features, int mask_row,
                              int mask_column, int8 batch, int8 mask_batch) {
    // PoCL 3.1's compiler crashes on a second call of dots with the same memory.
    local C strips[STRIPS], more_strips[STRIPS], tile[ROWS * PITCH], tops[ROWS], sums[ROWS], fades[ROWS], deltas[ROWS];
    attending a = {queries, keys, is_causal, window, mask_row, mask_column, scale, dropout_p, keep, seed, step[0]};
    int tiles = (queries + ROWS - 1) / ROWS, h = (int)get_group_id(0) / tiles, row = (int)get_group_id(0) % tiles * ROWS, lane = get_local_id(0);
    query += h * queries * depth;
    key += h / sharing * keys * depth;
    value += h / sharing * keys * features;
    mask += offset(h, batch, mask_batch);
    g += h * queries * features;
    C scores[ROWS], slopes[ROWS];
    if (lane < ROWS) {
        tops[lane] = -INFINITE;
        sums[lane] = deltas[lane] = (C)0;
    }
    BARRIER;
    int end = end_seen(a, row, 0);
    for (int column = first_seen(a, row, 0); column < end; column += LANES) {
        dots(scores, query, row, queries, key, column, keys, depth, strips, lane);
        dots(slopes, g, row, queries, value, column, keys, features, more_strips, lane);
        for (int r = 0; r < ROWS; r++) {
            scores[r] = score(a, mask, scores[r], row + r, column + lane);
        }
        BARRIER;
        weigh(scores, tile, tops, sums, fades, lane);
        BARRIER;
        for (int r = 0; r < ROWS; r++) {
            C weight = tile[r * PITCH + lane];
            C drop = a.dropped > (C)0 ? kept(a, h * queries + row + r, column + lane) : (C)1;
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
    if (lane < ROWS && row + lane < queries) {
        int at = (h * queries + row + lane) * FACTS;
        STORE(U, out, at, tops[lane]);
        STORE(U, out, at + 1, sums[lane]);
        STORE(U, out, at + 2, sums[lane] == (C)0 ? (C)0 : deltas[lane] / sums[lane]);
    }
}
