// matmul: the matrix product, with NumPy's rules for vectors and batches.
//
// a [..., m, k], b [..., k, n] → out [..., m, n]; a vector a is [1, k], a vector b
// [k, 1], and the added dimension is not in the output; leading dimensions
// broadcast. transpose_a takes a as [..., k, m], transpose_b b as [..., n, k].
// Element (i, l) of a lies at i·a_row + l·a_column, and b's alike; of either's two
// strides one is 1. Bound by flops: 2·m·n·k.
//
// A threadgroup of 128 threads computes a square of `tile` elements a side: 64, or 32
// where there would be too few squares of 64 for all of a GPU; or, in small products
// and where a device takes no threadgroups as large, 16, straight from the device's
// memory. Strips of a and b, DEPTH deep, go through the threadgroup's memory, as C.
// It has one pair of them, 8.5 KB of f32: while one threadgroup of a processor waits
// for the device's memory, the others multiply.
//
// Of floats each simdgroup has a quarter of the square, in blocks of 8 × 8 that are
// spread over its lanes and multiplied as a whole (simdgroup_matrix), where the
// device can do that. Otherwise, and of integers, each thread has elements 8 rows
// and 16 columns apart. Neither reads the threadgroup's memory with conflicts. The
// sizes are chosen by what is known of Apple's GPUs, and were never measured.

#define THREADS 128              // of a threadgroup whose squares are of 32 or 64
#define ROWS 8                   // of a square in which each thread has one element
#define COLUMNS 16               // its columns
#define DEPTH 16                 // of a strip
#define PITCH(tile) ((tile) + 4) // 8 elements each of 8 neighbouring lines are twice in each of 32 banks
#define BLOCK 8                  // side of a simdgroup's matrix
#define SIDE(tile) ((tile) / 2)  // of a simdgroup's quarter of a square
#define BLOCKS(tile) (SIDE(tile) / BLOCK)

// An operand as the product sees it: lines, of a the rows and of b the columns, each
// of count elements.
struct operand {
    device const T *x;
    int lines, line_stride, count, stride;
};

// load_strip reads the strip from line first_line and element first on, 0 beyond the
// operand, and puts it where the elements l of all lines lie beside each other.
// Neighbouring threads read neighbouring elements, whichever way the operand lies.
template <int tile>
DEVICE void load_strip(threadgroup C *strip, thread const operand &from, int first_line, int first, int me) {
    for (int e = me; e < tile * DEPTH; e += THREADS) {
        int line = from.stride == 1 ? e / DEPTH : e % tile, l = from.stride == 1 ? e % DEPTH : e / tile;
        int at = first_line + line, i = first + l;
        bool inside = at < from.lines && i < from.count;
        strip[l * PITCH(tile) + line] = inside ? LOAD(T, from.x, at * from.line_stride + i * from.stride) : (C)0;
    }
}

#if SIMDGROUP_MATRIX && IS_FLOAT(T)

// What a simdgroup has of a square: a quarter.
template <int tile> struct share {
    simdgroup_float8x8 sums[BLOCKS(tile)][BLOCKS(tile)];
};

template <int tile> DEVICE void clear(thread share<tile> &s) {
#pragma unroll
    for (int i = 0; i < BLOCKS(tile); i++) {
#pragma unroll
        for (int j = 0; j < BLOCKS(tile); j++) {
            s.sums[i][j] = make_filled_simdgroup_matrix<float, BLOCK, BLOCK>((float)0);
        }
    }
}

// add adds the products of two strips' elements. That of rows is read transposed:
// its lines are the matrix's columns.
template <int tile>
DEVICE void add(thread share<tile> &s, threadgroup const C *rows, threadgroup const C *columns, int simdgroup, int) {
    rows += simdgroup / 2 * SIDE(tile);
    columns += simdgroup % 2 * SIDE(tile);
#pragma unroll
    for (int l = 0; l < DEPTH; l += BLOCK) {
        simdgroup_float8x8 x[BLOCKS(tile)], y[BLOCKS(tile)];
#pragma unroll
        for (int i = 0; i < BLOCKS(tile); i++) {
            simdgroup_load(x[i], rows + l * PITCH(tile) + i * BLOCK, PITCH(tile), ulong2(0, 0), true);
            simdgroup_load(y[i], columns + l * PITCH(tile) + i * BLOCK, PITCH(tile), ulong2(0, 0), false);
        }
#pragma unroll
        for (int i = 0; i < BLOCKS(tile); i++) {
#pragma unroll
            for (int j = 0; j < BLOCKS(tile); j++) {
                simdgroup_multiply_accumulate(s.sums[i][j], x[i], y[j], s.sums[i][j]);
            }
        }
    }
}

// write writes what of the square that begins at (row, column) lies in out, m × n.
// Which lane has which element of a block only Metal knows, so the sums go through
// the threadgroup's memory, where each simdgroup has its own for a row of blocks.
template <int tile>
DEVICE void write(thread share<tile> &s, device U *out, int m, int n, int row, int column,
                         threadgroup C *strips, int simdgroup, int lane) {
    const int pitch = SIDE(tile) + 4;
    threadgroup C *mine = strips + simdgroup * BLOCK * pitch;
    row += simdgroup / 2 * SIDE(tile);
    column += simdgroup % 2 * SIDE(tile);
#pragma unroll
    for (int i = 0; i < BLOCKS(tile); i++) {
#pragma unroll
        for (int j = 0; j < BLOCKS(tile); j++) {
            simdgroup_store(s.sums[i][j], mine + j * BLOCK, pitch, ulong2(0, 0), false);
        }
        simdgroup_barrier(mem_flags::mem_threadgroup);
        for (int e = lane; e < BLOCK * SIDE(tile); e += SIMDGROUP) {
            int at = row + i * BLOCK + e / SIDE(tile), to = column + e % SIDE(tile);
            if (at < m && to < n) {
                STORE(U, out, at * n + to, mine[e / SIDE(tile) * pitch + e % SIDE(tile)]);
            }
        }
        simdgroup_barrier(mem_flags::mem_threadgroup);
    }
}

#else

// What a thread has of a square.
template <int tile> struct share {
    C sums[tile / ROWS][tile / COLUMNS];
};

template <int tile> DEVICE void clear(thread share<tile> &s) {
#pragma unroll
    for (int i = 0; i < tile / ROWS; i++) {
#pragma unroll
        for (int j = 0; j < tile / COLUMNS; j++) {
            s.sums[i][j] = (C)0;
        }
    }
}

// add adds the products of two strips' elements.
template <int tile>
DEVICE void add(thread share<tile> &s, threadgroup const C *rows, threadgroup const C *columns, int simdgroup, int lane) {
    int me = simdgroup * SIMDGROUP + lane;
    rows += me / COLUMNS;
    columns += me % COLUMNS;
    for (int l = 0; l < DEPTH; l++) {
        C y[tile / COLUMNS];
#pragma unroll
        for (int j = 0; j < tile / COLUMNS; j++) {
            y[j] = columns[l * PITCH(tile) + j * COLUMNS];
        }
#pragma unroll
        for (int i = 0; i < tile / ROWS; i++) {
            C x = rows[l * PITCH(tile) + i * ROWS];
#pragma unroll
            for (int j = 0; j < tile / COLUMNS; j++) {
                s.sums[i][j] = MULTIPLY_ADD(x, y[j], s.sums[i][j]);
            }
        }
    }
}

// write writes what of the square that begins at (row, column) lies in out, m × n.
template <int tile>
DEVICE void write(thread share<tile> &s, device U *out, int m, int n, int row, int column,
                         threadgroup C *, int simdgroup, int lane) {
    int me = simdgroup * SIMDGROUP + lane;
    row += me / COLUMNS;
    column += me % COLUMNS;
#pragma unroll
    for (int i = 0; i < tile / ROWS; i++) {
#pragma unroll
        for (int j = 0; j < tile / COLUMNS; j++) {
            int at = row + i * ROWS, to = column + j * COLUMNS;
            if (at < m && to < n) {
                STORE(U, out, at * n + to, s.sums[i][j]);
            }
        }
    }
}

#endif

// multiply computes the square that begins at (row, column).
template <int tile>
DEVICE void multiply(thread const operand &a, thread const operand &b, device U *out, int row, int column,
                            threadgroup C *strips, int simdgroup, int lane) {
    threadgroup C *rows = strips, *columns = strips + DEPTH * PITCH(tile);
    int me = simdgroup * SIMDGROUP + lane;
    share<tile> s;
    clear(s);
    for (int first = 0; first < a.count; first += DEPTH) {
        load_strip<tile>(rows, a, row, first, me);
        load_strip<tile>(columns, b, column, first, me);
        threadgroup_barrier(mem_flags::mem_threadgroup);
        add(s, rows, columns, simdgroup, lane);
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
    write(s, out, a.lines, b.lines, row, column, strips, simdgroup, lane);
}

struct arguments {
    int transpose_a, transpose_b;
    int m, n, k, a_row, a_column, b_row, b_column, tile;
    list batch, a_batch, b_batch;
};

kernel void flowrun_matmul(device const T *a [[buffer(0)]], device const T *b [[buffer(1)]], device U *out [[buffer(2)]],
                           constant arguments &with [[buffer(3)]], uint group [[threadgroup_position_in_grid]],
                           uint size [[threads_per_threadgroup]], uint simdgroup [[simdgroup_index_in_threadgroup]],
                           uint lane [[thread_index_in_simdgroup]]) {
    threadgroup C strips[2 * DEPTH * PITCH(64)];
    int m = with.m, n = with.n, k = with.k, tile = with.tile;
    int across = (n + tile - 1) / tile, down = (m + tile - 1) / tile;
    int column = (int)group % across * tile, row = (int)group / across % down * tile, number = (int)group / across / down;
    operand rows = {a + offset(number, with.batch, with.a_batch), m, with.a_row, k, with.a_column};
    operand columns = {b + offset(number, with.batch, with.b_batch), n, with.b_column, k, with.b_row};
    out += number * m * n;
    if (tile == 64) {
        multiply<64>(rows, columns, out, row, column, strips, simdgroup, lane);
    } else if (tile == 32) {
        multiply<32>(rows, columns, out, row, column, strips, simdgroup, lane);
    } else {
        for (int e = simdgroup * SIMDGROUP + lane; e < tile * tile; e += size) {
            int i = row + e / tile, j = column + e % tile;
            if (i < m && j < n) {
                C sum = (C)0;
                for (int l = 0; l < k; l++) {
                    sum = MULTIPLY_ADD(LOAD(T, rows.x, i * rows.line_stride + l * rows.stride),
                                       LOAD(T, columns.x, j * columns.line_stride + l * columns.stride), sum);
                }
                STORE(U, out, i * n + j, sum);
            }
        }
    }
}
