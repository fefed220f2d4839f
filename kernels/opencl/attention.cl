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

kernel void flowrun_attention(global const T *query, global const T *key, global const T *value,
                              global const T *mask, global const i64 *step, global T *out, S scale,
                              int is_causal, int window, S dropout_p, long seed, S keep, int heads,
                              int sharing, int queries, int keys, int depth, int features, int mask_row,
                              int mask_column, int8 batch, int8 mask_batch) {
    local C strips[STRIPS], tile[ROWS * PITCH], tops[ROWS], sums[ROWS], fades[ROWS];
    attending a = {queries, keys, is_causal, window, mask_row, mask_column, scale, dropout_p, keep, seed, step[0]};
    int tiles = (queries + ROWS - 1) / ROWS, h = (int)get_group_id(0) / tiles, row = (int)get_group_id(0) % tiles * ROWS;
    int first = (int)get_group_id(1) * LANES * PARTS, lane = get_local_id(0), width = features;
    query += h * queries * depth;
    key += h / sharing * keys * depth;
    value += h / sharing * keys * width;
    mask += offset(h, batch, mask_batch);
    out += h * queries * width;
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
        dots(scores, query, row, queries, key, column, keys, depth, strips, lane);
        for (int r = 0; r < ROWS; r++) {
            scores[r] = score(a, mask, scores[r], row + r, column + lane);
        }
        BARRIER;
        weigh(scores, tile, tops, sums, fades, lane);
        BARRIER;
        if (a.dropped > (C)0) {
            for (int r = 0; r < ROWS; r++) {
                tile[r * PITCH + lane] *= kept(a, h * queries + row + r, column + lane);
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
            if (row + r < queries && f < width) {
                STORE(T, out, (row + r) * width + f, sums[r] == (C)0 ? (C)0 : results[part * ROWS + r] / sums[r]);
            }
        }
    }
}
