// matmul: the matrix product, with NumPy's rules for vectors and batches.
//
// a [..., m, k], b [..., k, n] → out [..., m, n]; a vector a is [1, k], a vector b
// [k, 1], and the added dimension is not in the output; leading dimensions
// broadcast. transpose_a takes a as [..., k, m], transpose_b b as [..., n, k].
// Element (i, l) of a lies at i·a_row + l·a_column, and b's alike; of either's two
// strides one is 1. Bound by flops: 2·m·n·k.
//
// A block of 256 threads computes a square of `tile` elements a side: 128, of which
// each thread has 8 × 8; 64, 4 × 4 each, where there would be too few squares of 128
// for all of a GPU; or, in small products, 16, one each, straight from global memory.
// Strips of a and b, DEPTH deep, go through shared memory, into one half of it while
// the other is used. A thread's elements are blocks of 4 × 4, and a warp's threads lie
// 8 by 4, so that 16 bytes at a time are read from shared memory without conflict,
// and less of it is read than the multiplications take time for. However it is
// divided, the terms are added in the order of k, so the result is the same.

#define THREADS 256
#define SIDE 16                         // of a block's square in which each thread has one element
#define BLOCKS (sizeof(C) == 8 ? 1 : 2) // on a processor at a time, which bounds a thread's registers
#define DEPTH 8                         // of a strip; with 16, its part on the way took too many registers
#define PITCH(tile) ((tile) + 4)        // neighbouring lines lie in other banks

// A matrix as the product sees it: lines, of a the rows and of b the columns, each of
// count elements.
struct matrix {
    const T *x;
    int lines, line_stride, count, stride;
};

// A thread's part of a strip, on its way from global to shared memory. Neighbouring
// threads read neighbouring elements, whichever way the matrix lies.
template <int tile> struct part {
    enum { batches = tile * DEPTH / EACH, mine = (batches + THREADS - 1) / THREADS };
    batch<C> b[mine];

    // Where batch number j of this thread begins: its first line and element.
    static __device__ __forceinline__ bool where(const matrix &m, int j, int *line, int *l) {
        int i = threadIdx.x + j * THREADS;
        *line = m.stride == 1 ? i / (DEPTH / EACH) : i % (tile / EACH) * EACH;
        *l = m.stride == 1 ? i % (DEPTH / EACH) * EACH : i / (tile / EACH);
        return i < batches;
    }

    // Reads the strip from line first_line and element first on, 0 beyond the matrix.
    __device__ __forceinline__ void fetch(const matrix &m, int first_line, int first) {
#pragma unroll
        for (int j = 0; j < mine; j++) {
            int line, l;
            bool any = where(m, j, &line, &l);
            line += first_line;
            l += first;
            int left = m.stride == 1 ? m.count - l : m.lines - line;
            if (any && line < m.lines && l < m.count) {
                b[j] = load_batch(m.x + line * m.line_stride + l * m.stride, 1, left);
            } else {
                b[j] = batch<C>{};
            }
        }
    }

    // Puts it where the element l of all lines of the strip lie beside each other.
    __device__ __forceinline__ void put(const matrix &m, C *strip) const {
#pragma unroll
        for (int j = 0; j < mine; j++) {
            int line, l;
            if (!where(m, j, &line, &l)) {
                continue;
            }
            C *to = strip + l * PITCH(tile) + line;
            store_batch(to, 1, m.stride == 1 ? 0 : EACH, b[j]);
            if (m.stride == 1) {
#pragma unroll
                for (int e = 0; e < EACH; e++) {
                    to[e * PITCH(tile)] = b[j].v[e];
                }
            }
        }
    }
};

// multiply computes the square whose first element is (row, column).
template <int tile> DEVICE void multiply(const matrix &a, const matrix &b, U *out, int row, int column, C *shared) {
    const int blocks = tile / (SIDE * EACH), strip = DEPTH * PITCH(tile);
    C sums[blocks][EACH][blocks][EACH] = {};
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    int i0 = warp / 4 * (tile / 2) + lane / 4 * EACH, j0 = warp % 4 * (tile / 4) + lane % 4 * EACH;
    part<tile> of_a, of_b;
    of_a.fetch(a, row, 0);
    of_b.fetch(b, column, 0);
    of_a.put(a, shared);
    of_b.put(b, shared + strip);
    __syncthreads();
    for (int first = 0, half = 0; first < a.count; first += DEPTH) {
        bool more = first + DEPTH < a.count;
        if (more) {
            of_a.fetch(a, row, first + DEPTH);
            of_b.fetch(b, column, first + DEPTH);
        }
        const C *rows = shared + half * 2 * strip + i0, *columns = shared + (half * 2 + 1) * strip + j0;
#pragma unroll
        for (int l = 0; l < DEPTH; l++) {
            several<C> x[blocks], y[blocks];
#pragma unroll
            for (int q = 0; q < blocks; q++) {
                x[q] = *(const several<C> *)(rows + l * PITCH(tile) + q * (tile / 2 / blocks));
                y[q] = *(const several<C> *)(columns + l * PITCH(tile) + q * (tile / 4 / blocks));
            }
#pragma unroll
            for (int i = 0; i < blocks * EACH; i++) {
#pragma unroll
                for (int j = 0; j < blocks * EACH; j++) {
                    C *sum = &sums[i / EACH][i % EACH][j / EACH][j % EACH];
                    *sum = MULTIPLY_ADD(x[i / EACH].v[i % EACH], y[j / EACH].v[j % EACH], *sum);
                }
            }
        }
        if (more) {
            half = 1 - half;
            of_a.put(a, shared + half * 2 * strip);
            of_b.put(b, shared + (half * 2 + 1) * strip);
            __syncthreads();
        }
    }
#pragma unroll
    for (int i = 0; i < blocks * EACH; i++) {
        int at = row + i0 + i / EACH * (tile / 2 / blocks) + i % EACH;
#pragma unroll
        for (int q = 0; q < blocks; q++) {
            int to = column + j0 + q * (tile / 4 / blocks);
            if (at < a.lines && to < b.lines) {
                batch<C> values;
#pragma unroll
                for (int e = 0; e < EACH; e++) {
                    values.v[e] = sums[i / EACH][i % EACH][q][e];
                }
                store_batch(out + at * b.lines + to, 1, b.lines - to, values);
            }
        }
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)
flowrun_matmul(const T *a, const T *b, U *out, int transpose_a, int transpose_b,
               int m, int n, int k, int a_row, int a_column, int b_row, int b_column, int tile,
               list batch, list a_batch, list b_batch) {
    __shared__ __align__(16) C shared[4 * DEPTH * PITCH(128)];
    matrix rows = {a + offset(blockIdx.z, batch, a_batch), m, a_row, k, a_column};
    matrix columns = {b + offset(blockIdx.z, batch, b_batch), n, b_column, k, b_row};
    out += blockIdx.z * m * n;
    int row = blockIdx.y * tile, column = blockIdx.x * tile;
    if (tile == 128) {
        multiply<128>(rows, columns, out, row, column, shared);
    } else if (tile == 64) {
        multiply<64>(rows, columns, out, row, column, shared);
    } else {
        int i = row + threadIdx.x / SIDE, j = column + threadIdx.x % SIDE;
        if (i < m && j < n) {
            C sum = (C)0;
            for (int l = 0; l < k; l++) {
                sum = MULTIPLY_ADD(LOAD(T, rows.x, i * a_row + l * a_column), LOAD(T, columns.x, j * b_column + l * b_row), sum);
            }
            STORE(U, out, i * n + j, sum);
        }
    }
}
