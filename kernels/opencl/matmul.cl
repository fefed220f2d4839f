// matmul: the matrix product, with NumPy's rules for vectors and batches.
//
// a [..., m, k], b [..., k, n] → out [..., m, n]; a vector a is [1, k], a vector b
// [k, 1], and the added dimension is not in the output; leading dimensions
// broadcast. transpose_a takes a as [..., k, m], transpose_b b as [..., n, k].
// Element (i, l) of a lies at i·a_row + l·a_column, and b's alike. Bound by flops:
// 2·m·n·k.
//
// A group of 8 × 8 work-items computes a tile of 32 × 32 elements, 4 × 4 each, from
// strips of a and b in local memory, 16 deep: an element that is read from there
// serves four multiplications, one from global memory 32. In small products, tile
// 8, each work-item computes one element, straight from global memory: their tiles
// would be mostly empty. Either way the terms are added in the order of k.

#define SIDE 8  // work-items in a row or column of a group
#define EACH 4  // elements in a row or column of a work-item
#define TILE 32 // SIDE · EACH
#define DEPTH 16

DEVICE C dot_product(global const T *a, global const T *b, int k, int a_stride, int b_stride) {
    C sum = (C)0;
    for (int l = 0; l < k; l++) {
        sum = MULTIPLY_ADD(LOAD(T, a, l * a_stride), LOAD(T, b, l * b_stride), sum);
    }
    return sum;
}

// load_strip reads TILE lines of DEPTH elements, 0 beyond the matrix. Neighbouring
// work-items read neighbouring elements, whichever way the matrix lies.
DEVICE void load_strip(local C strip[DEPTH][TILE + 1], global const T *x, int first_line, int lines, int line_stride,
                       int first, int count, int stride) {
    int me = get_local_id(1) * SIDE + get_local_id(0);
    for (int e = me; e < TILE * DEPTH; e += SIDE * SIDE) {
        int line = stride == 1 ? e / DEPTH : e % TILE;
        int l = stride == 1 ? e % DEPTH : e / TILE;
        int inside = first_line + line < lines && first + l < count;
        strip[l][line] = inside ? LOAD(T, x, (first_line + line) * line_stride + (first + l) * stride) : (C)0;
    }
}

kernel void flowrun_matmul(global const T *a, global const T *b, global U *out, int transpose_a, int transpose_b,
                           int m, int n, int k, int a_row, int a_column, int b_row, int b_column, int tile,
                           int8 batch, int8 a_batch, int8 b_batch) {
    local C rows[DEPTH][TILE + 1], columns[DEPTH][TILE + 1];
    int number = get_global_id(2), x = get_local_id(0), y = get_local_id(1);
    a += offset(number, batch, a_batch);
    b += offset(number, batch, b_batch);
    out += number * m * n;
    if (tile == SIDE) {
        int i = get_global_id(1), j = get_global_id(0);
        if (i < m && j < n) {
            STORE(U, out, i * n + j, dot_product(a + i * a_row, b + j * b_column, k, a_column, b_row));
        }
        return;
    }
    int row = get_group_id(1) * TILE, column = get_group_id(0) * TILE;
    C sums[EACH][EACH];
    for (int i = 0; i < EACH; i++) {
        for (int j = 0; j < EACH; j++) {
            sums[i][j] = (C)0;
        }
    }
    for (int first = 0; first < k; first += DEPTH) {
        load_strip(rows, a, row, m, a_row, first, k, a_column);
        load_strip(columns, b, column, n, b_column, first, k, b_row);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int l = 0; l < DEPTH; l++) {
            for (int i = 0; i < EACH; i++) {
                for (int j = 0; j < EACH; j++) {
                    sums[i][j] = MULTIPLY_ADD(rows[l][y * EACH + i], columns[l][x * EACH + j], sums[i][j]);
                }
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    for (int i = 0; i < EACH; i++) {
        for (int j = 0; j < EACH; j++) {
            if (row + y * EACH + i < m && column + x * EACH + j < n) {
                STORE(U, out, (row + y * EACH + i) * n + column + x * EACH + j, sums[i][j]);
            }
        }
    }
}
