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

struct arguments {
    int of;
    S scale;
    int is_causal;
    int window;
    S dropout_p;
    i64 seed;
    S keep;
    int heads, sharing, queries, keys, depth, features, mask_row, mask_column;
    list batch, mask_batch;
    int count, width;
};

kernel void flowrun_attention_grad(device const T *query [[buffer(0)]], device const T *key [[buffer(1)]],
                                   device const T *value [[buffer(2)]], device const T *mask [[buffer(3)]],
                                   device const T *g [[buffer(4)]], device const U *rows [[buffer(5)]], device const i64 *step [[buffer(6)]],
                                   device T *out [[buffer(7)]], constant arguments &with [[buffer(8)]],
                                   uint2 group [[threadgroup_position_in_grid]],
                                   uint2 thread_of_group [[thread_position_in_threadgroup]]) {
    threadgroup C strips[STRIPS], tile[ROWS * PITCH];
    attending a = {with.queries, with.keys, with.is_causal, with.window, with.mask_row, with.mask_column, with.scale, with.dropout_p, with.keep, with.seed, step[0]};
    int of = with.of, by_keys = of == OF_KEY || of == OF_VALUE, width = with.width;
    int tiles = (with.count + ROWS - 1) / ROWS, number = (int)group.x / tiles, row = (int)group.x % tiles * ROWS;
    int first = (int)group.y * LANES * PARTS, lane = thread_of_group.x;
    C scores[ROWS], slopes[ROWS], results[PARTS * ROWS];
    for (int e = 0; e < PARTS * ROWS; e++) {
        results[e] = (C)0;
    }
    int from = of == OF_SCORES ? 0 : first_seen(a, row, by_keys);
    int end = of == OF_SCORES ? with.keys : end_seen(a, row, by_keys);
    // One loop over the heads that share keys and, in each, the columns.
    int steps = end > from ? (end - from + LANES - 1) / LANES : 0, shares = by_keys ? with.sharing : 1;
    for (int n = 0; n < steps * shares; n++) {
        int h = number * shares + n / steps, column = from + n % steps * LANES, columns = by_keys ? with.queries : with.keys;
        MEMORY const T *q = query + h * with.queries * with.depth, *k = key + h / with.sharing * with.keys * with.depth;
        MEMORY const T *slope = g + h * with.queries * with.features, *v = value + h / with.sharing * with.keys * with.features;
        MEMORY const T *added = mask + offset(h, with.batch, with.mask_batch);
        dots(scores, by_keys ? k : q, row, with.count, by_keys ? q : k, column, columns, with.depth, strips, lane);
        dots(slopes, by_keys ? v : slope, row, with.count, by_keys ? slope : v, column, columns,
             of == OF_VALUE ? 0 : with.features, strips, lane);
        for (int r = 0; r < ROWS; r++) {
            int i = by_keys ? column + lane : row + r, j = by_keys ? row + r : column + lane;
            C s = score(a, added, scores[r], i, j), w = (C)0;
            if (s != -INFINITE) {
                int at = h * with.queries + i;
                C p = exp(s - LOAD(U, rows, at * FACTS)) / LOAD(U, rows, at * FACTS + 1);
                C drop = a.dropped > (C)0 ? kept(a, at, j) : (C)1;
                w = of == OF_VALUE ? p * drop : p * (drop * slopes[r] - LOAD(U, rows, at * FACTS + 2));
                w = of == OF_QUERY || of == OF_KEY ? w * a.scale : w;
            }
            tile[r * PITCH + lane] = w;
            if (of == OF_SCORES && i < with.queries && j < with.keys) {
                STORE(T, out, (h * with.queries + i) * with.keys + j, w);
            }
        }
        BARRIER;
        int seen = of == OF_SCORES ? 0 : end - column < LANES ? end - column : LANES;
        gather(results, tile, of == OF_QUERY ? k : of == OF_KEY ? q : slope, column, seen, width, first, lane);
        BARRIER;
    }
    out += number * with.count * width;
    for (int part = 0; part < PARTS; part++) {
        int f = first + part * LANES + lane;
        for (int r = 0; r < ROWS; r++) {
            if (of != OF_SCORES && row + r < with.count && f < width) {
                STORE(T, out, (row + r) * width + f, results[part * ROWS + r]);
            }
        }
    }
}
