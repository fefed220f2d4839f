// attention_grad: the gradient of attention for its query (of = 0), key, value or scores.
//
// query [..., queries, depth], key [..., keys, depth], value [..., keys, features], mask
// [..., queries, keys], broadcast, g [..., queries, features], rows [..., queries, 3], step
// i64[] → out, of the shape of query, key or value, or [..., queries, keys]; a head of
// keys serves `sharing` heads of queries. Bound by flops:
// 2·queries·keys·(2·depth + features).
//
// A weight is p = exp(score - top) / sum, computed anew, where rows has top, sum and delta
// of each query. Values get the sum of p·keep·g, and scores p·(keep·(g·value) - delta),
// which times scale and the other side's vectors is what queries and keys get. A group's
// rows are of queries, or, for key and value, of keys, which go over the queries of all
// heads that share them. common/attention.h says how the work is shared.

#define OF_QUERY 0
#define OF_KEY 1
#define OF_VALUE 2
#define OF_SCORES 3
#define FACTS 3

extern "C" __global__ void __launch_bounds__(LANES, 1)
flowrun_attention_grad(const T *query, const T *key, const T *value, const T *mask, const T *g, const U *rows, const i64 *step, T *out, int of, S scale, int is_causal, int window,
                       S dropout_p, i64 seed, S keep, int heads, int sharing, int queries, int keys,
                       int depth, int features, int mask_row, int mask_column, list batch, list mask_batch,
                       int count, int width) {
    __shared__ C strips[STRIPS], tile[ROWS * PITCH];
    attending a = {queries, keys, is_causal, window, mask_row, mask_column, scale, dropout_p, keep, seed, step[0]};
    int by_keys = of == OF_KEY || of == OF_VALUE;
    int tiles = (count + ROWS - 1) / ROWS, number = (int)blockIdx.x / tiles, row = (int)blockIdx.x % tiles * ROWS;
    int first = (int)blockIdx.y * LANES * PARTS, lane = threadIdx.x;
    C scores[ROWS], slopes[ROWS], results[PARTS * ROWS];
    for (int e = 0; e < PARTS * ROWS; e++) {
        results[e] = (C)0;
    }
    int from = of == OF_SCORES ? 0 : first_seen(a, row, by_keys);
    int end = of == OF_SCORES ? keys : end_seen(a, row, by_keys);
    // One loop over the heads that share keys and, in each, the columns.
    int steps = end > from ? (end - from + LANES - 1) / LANES : 0, shares = by_keys ? sharing : 1;
    for (int n = 0; n < steps * shares; n++) {
        int h = number * shares + n / steps, column = from + n % steps * LANES, columns = by_keys ? queries : keys;
        MEMORY const T *q = query + h * queries * depth, *k = key + h / sharing * keys * depth;
        MEMORY const T *slope = g + h * queries * features, *v = value + h / sharing * keys * features;
        MEMORY const T *added = mask + offset(h, batch, mask_batch);
        dots(scores, by_keys ? k : q, row, count, by_keys ? q : k, column, columns, depth, strips, lane);
        dots(slopes, by_keys ? v : slope, row, count, by_keys ? slope : v, column, columns,
             of == OF_VALUE ? 0 : features, strips, lane);
        for (int r = 0; r < ROWS; r++) {
            int i = by_keys ? column + lane : row + r, j = by_keys ? row + r : column + lane;
            C s = score(a, added, scores[r], i, j), w = (C)0;
            if (s != -INFINITE) {
                int at = h * queries + i;
                C p = exp(s - LOAD(U, rows, at * FACTS)) / LOAD(U, rows, at * FACTS + 1);
                C drop = a.dropped > (C)0 ? kept(a, at, j) : (C)1;
                w = of == OF_VALUE ? p * drop : p * (drop * slopes[r] - LOAD(U, rows, at * FACTS + 2));
                w = of == OF_QUERY || of == OF_KEY ? w * a.scale : w;
            }
            tile[r * PITCH + lane] = w;
            if (of == OF_SCORES && i < queries && j < keys) {
                STORE(T, out, (h * queries + i) * keys + j, w);
            }
        }
        BARRIER;
        int seen = of == OF_SCORES ? 0 : end - column < LANES ? end - column : LANES;
        gather(results, tile, of == OF_QUERY ? k : of == OF_KEY ? q : slope, column, seen, width, first, lane);
        BARRIER;
    }
    out += number * count * width;
    for (int part = 0; part < PARTS; part++) {
        int f = first + part * LANES + lane;
        for (int r = 0; r < ROWS; r++) {
            if (of != OF_SCORES && row + r < count && f < width) {
                STORE(T, out, (row + r) * width + f, results[part * ROWS + r]);
            }
        }
    }
}
