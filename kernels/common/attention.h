// What the kernels of attention share: scores of a few rows against many columns, and
// who sees whom.
//
// A group of LANES work-items has ROWS rows, of queries or, in gradients of keys and
// values, of keys. It goes over the other side LANES columns at a time: of each column
// one work-item has the scores for all rows. Both sides' vectors go through shared
// memory, CHUNK elements at a time, so that an element of a column serves ROWS
// products and one of a row LANES. What the rows become, of vectors that belong to the
// columns, is added up in registers: each work-item has PARTS elements of each row, and
// longer rows are shared out among groups, which compute the scores each for itself.
// Sums are taken in an order that the sizes alone decide.

// Where what a pointer points to lies (a buffer, the group's memory, the work-item's own), and
// where all work-items of a group wait for each other.
#if defined(SIMDGROUP) // Metal
#define MEMORY device
#define SHARED threadgroup
#define PRIVATE thread
#define BARRIER threadgroup_barrier(mem_flags::mem_threadgroup)
#elif defined(WARP) // CUDA
#define MEMORY
#define SHARED
#define PRIVATE
#define BARRIER __syncthreads()
#else
#define MEMORY global
#define SHARED local
#define PRIVATE private
#define BARRIER barrier(CLK_LOCAL_MEM_FENCE)
#endif

#define LANES 64
#define ROWS 8
#define CHUNK 16
#define PARTS 2
#define PITCH 65                    // of a row of weights, so that rows lie in other banks
#define STRIPS (ROWS * CHUNK + LANES * (CHUNK + 1)) // what dots needs of shared memory

// What decides a score, but for the vectors.
typedef struct attending {
    int queries, keys, is_causal, window, mask_row, mask_column;
    C scale, dropped, keep;
    i64 seed, step;
} attending;

// dots gives the products of ROWS vectors from row on and the vector of this work-item's
// column: 0 beyond the last row or column. All work-items of the group must call it.
DEVICE void dots(PRIVATE C *sums, MEMORY const T *rows, int row, int row_count,
                 MEMORY const T *columns, int column, int column_count, int depth, SHARED C *strips, int lane) {
    SHARED C *of_columns = strips + ROWS * CHUNK;
    for (int r = 0; r < ROWS; r++) {
        sums[r] = (C)0;
    }
    for (int first = 0; first < depth; first += CHUNK) {
        for (int e = lane; e < ROWS * CHUNK; e += LANES) {
            int at = row + e / CHUNK, d = first + e % CHUNK;
            strips[e] = at < row_count && d < depth ? LOAD(T, rows, at * depth + d) : (C)0;
        }
        for (int e = lane; e < LANES * CHUNK; e += LANES) {
            int at = column + e / CHUNK, d = first + e % CHUNK;
            of_columns[e / CHUNK * (CHUNK + 1) + e % CHUNK] = at < column_count && d < depth ? LOAD(T, columns, at * depth + d) : (C)0;
        }
        BARRIER;
        for (int d = 0; d < CHUNK; d++) {
            C y = of_columns[lane * (CHUNK + 1) + d];
#pragma unroll
            for (int r = 0; r < ROWS; r++) {
                sums[r] = MULTIPLY_ADD(strips[r * CHUNK + d], y, sums[r]);
            }
        }
        BARRIER;
    }
}

// score is what a product of query i and key j becomes: -∞ if the key isn't seen.
DEVICE C score(attending a, MEMORY const T *mask, C product, int i, int j) {
    if (i >= a.queries || j >= a.keys || (a.is_causal && j > i) ||
        (a.window > 0 && (j - i >= a.window || i - j >= a.window))) {
        return -INFINITE;
    }
    return product * a.scale + LOAD(T, mask, i * a.mask_row + j * a.mask_column);
}

// kept is what dropout multiplies the weight of key j by, in the row of a query, which is
// its number among all heads'. Each row draws under a key of its own.
DEVICE C kept(attending a, int row, int j) {
    drawn d = draw((i64)((u64)a.seed + (u64)row * 0x9e3779b97f4a7c15), a.step, j / 4);
    C u = (C)(d.word[j % 4] >> 8) / (C)16777216;
    return u < a.dropped ? (C)0 : a.keep;
}

// What of the columns ROWS rows from row on can meet: from first_seen up to end_seen.
DEVICE int first_seen(attending a, int row, int by_keys) {
    if (by_keys && a.is_causal) {
        return row;
    }
    return a.window > 0 && row >= a.window ? row - a.window + 1 : 0;
}

DEVICE int end_seen(attending a, int row, int by_keys) {
    int end = by_keys ? a.queries : a.keys;
    if (!by_keys && a.is_causal) {
        return end < row + ROWS ? end : row + ROWS;
    }
    return a.window > 0 && a.window < end - row - ROWS ? row + ROWS + a.window : end;
}

// weigh makes weights of scores, of which each work-item has its column's: those that
// are less by the largest score so far, as exponentials, in tile. Of each row, tops has
// that score, sums the sum of weights, and fades what earlier weights are to be
// multiplied by. Scores of -∞ have no weight.
DEVICE void weigh(PRIVATE const C *scores, SHARED C *tile, SHARED C *tops, SHARED C *sums, SHARED C *fades, int lane) {
    for (int r = 0; r < ROWS; r++) {
        tile[r * PITCH + lane] = scores[r];
    }
    BARRIER;
    if (lane < ROWS) {
        C top = tops[lane];
        for (int c = 0; c < LANES; c++) {
            C s = tile[lane * PITCH + c];
            top = s > top || IS_NAN(s) ? s : top;
        }
        fades[lane] = tops[lane] == top ? (C)1 : exp(tops[lane] - top);
        tops[lane] = top;
    }
    BARRIER;
    for (int r = 0; r < ROWS; r++) {
        tile[r * PITCH + lane] = scores[r] == -INFINITE ? (C)0 : exp(scores[r] - tops[r]);
    }
    BARRIER;
    if (lane < ROWS) {
        C sum = (C)0;
        for (int c = 0; c < LANES; c++) {
            sum += tile[lane * PITCH + c];
        }
        sums[lane] = sums[lane] * fades[lane] + sum;
    }
}

// gather adds the vectors of count columns from column on, times the weights in tile, to
// a row's element: its first is `first`, and each work-item has every LANES-th. What has
// no weight adds nothing, whatever it is.
DEVICE void gather(PRIVATE C *sums, SHARED const C *tile, MEMORY const T *vectors, int column, int count,
                   int width, int first, int lane) {
#pragma unroll
    for (int part = 0; part < PARTS; part++) {
        int f = first + part * LANES + lane;
        if (f >= width) {
            continue;
        }
        for (int c = 0; c < count; c++) {
            C v = LOAD(T, vectors, (column + c) * width + f);
#pragma unroll
            for (int r = 0; r < ROWS; r++) {
                C w = tile[r * PITCH + c];
                sums[part * ROWS + r] = w == (C)0 ? sums[part * ROWS + r] : MULTIPLY_ADD(w, v, sums[part * ROWS + r]);
            }
        }
    }
}
