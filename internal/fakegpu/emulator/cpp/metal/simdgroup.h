// Operations of several threads: barriers, exchange within a simdgroup of 32, 8×8
// matrices of a simdgroup. All participants must reach the same source position; the
// emulator reports where they don't.

#pragma once

namespace metal {

// The memory that a barrier orders. The emulator orders all memory at every barrier.
enum class mem_flags { mem_device = 1, mem_threadgroup = 2 };
static inline mem_flags operator|(mem_flags a, mem_flags b) { return (mem_flags)((int)a | (int)b); }

// The types that can be exchanged: numbers of 16 and 32 bits, and vectors of them.
template <class> struct is_exchanged { enum { value = false }; };
#define EXCHANGED(type)                                          \
    template <> struct is_exchanged<type> { enum { value = true }; };    \
    template <> struct is_exchanged<type##2> { enum { value = true }; }; \
    template <> struct is_exchanged<type##4> { enum { value = true }; };
EXCHANGED(short)
EXCHANGED(ushort)
EXCHANGED(int)
EXCHANGED(uint)
EXCHANGED(half)
EXCHANGED(float)
#undef EXCHANGED
#define IF_EXCHANGED(type) class = typename require<is_exchanged<type>::value>::ok

#if defined(STRICT_OPENCL) || defined(STRICT_ATTRIBUTES)

void threadgroup_barrier(mem_flags);
void simdgroup_barrier(mem_flags);
template <class type, IF_EXCHANGED(type)> type simd_shuffle(type v, ushort lane);
template <class type, IF_EXCHANGED(type)> type simd_shuffle_xor(type v, ushort bits);
template <class type, IF_EXCHANGED(type)> type simd_shuffle_up(type v, ushort by);
template <class type, IF_EXCHANGED(type)> type simd_shuffle_down(type v, ushort by);
template <class type, IF_EXCHANGED(type)> type simd_broadcast(type v, ushort lane);
template <class type, IF_EXCHANGED(type)> type simd_broadcast_first(type v);
template <class type, IF_EXCHANGED(type)> type simd_sum(type v);
template <class type, IF_EXCHANGED(type)> type simd_max(type v);
template <class type, IF_EXCHANGED(type)> type simd_min(type v);
bool simd_all(bool);
bool simd_any(bool);

#else

#define PLACE const char *file = __builtin_FILE(), int line = __builtin_LINE()

static inline void threadgroup_barrier(mem_flags, PLACE) { emulator_barrier(file, line); }
static inline void simdgroup_barrier(mem_flags, PLACE) { emulator_sync_lanes(file, line); }

template <class type> static inline type exchange(type v, int how, uint by, const char *file, int line) {
    enum { words = (sizeof(type) + 3) / 4 };
    uint w[words] = {};
    __builtin_memcpy(w, &v, sizeof v);
    for (int i = 0; i < words; i++) {
        w[i] = emulator_exchange(0xffffffffu, w[i], how, by, file, line);
    }
    __builtin_memcpy(&v, w, sizeof v);
    return v;
}
template <class type, IF_EXCHANGED(type)> static inline type simd_shuffle(type v, ushort lane, PLACE) {
    return exchange(v, emulator_from_lane, lane, file, line);
}
template <class type, IF_EXCHANGED(type)> static inline type simd_shuffle_xor(type v, ushort bits, PLACE) {
    return exchange(v, emulator_from_xor, bits, file, line);
}
template <class type, IF_EXCHANGED(type)> static inline type simd_shuffle_up(type v, ushort by, PLACE) {
    return exchange(v, emulator_from_below, by, file, line);
}
template <class type, IF_EXCHANGED(type)> static inline type simd_shuffle_down(type v, ushort by, PLACE) {
    return exchange(v, emulator_from_above, by, file, line);
}
template <class type, IF_EXCHANGED(type)> static inline type simd_broadcast(type v, ushort lane, PLACE) {
    return exchange(v, emulator_from_lane, lane, file, line);
}
template <class type, IF_EXCHANGED(type)> static inline type simd_broadcast_first(type v, PLACE) {
    return exchange(v, emulator_from_lane, 0, file, line);
}

// A fold exchanges with lanes at growing distances; Metal doesn't specify the order. A
// partial simdgroup has fewer lanes to fold.
#define FOLD(name, join)                                                                           \
    template <class type, IF_EXCHANGED(type)> static inline type name(type v, PLACE) {             \
        for (uint reach = 1; reach < 32; reach *= 2) {                                             \
            type other = exchange(v, emulator_from_xor, reach, file, line);                        \
            if ((emulator_current->lane ^ reach) < emulator_lanes()) {                             \
                v = join;                                                                          \
            }                                                                                      \
        }                                                                                          \
        return exchange(v, emulator_from_lane, 0, file, line);                                     \
    }
FOLD(simd_sum, (type)(v + other))
FOLD(simd_max, other > v ? other : v)
FOLD(simd_min, other < v ? other : v)
#undef FOLD
static inline bool simd_all(bool v, PLACE) { return emulator_exchange(0xffffffffu, !v, emulator_from_all, 0, file, line) == 0; }
static inline bool simd_any(bool v, PLACE) { return emulator_exchange(0xffffffffu, v, emulator_from_all, 0, file, line) != 0; }

#endif

// An 8×8 matrix, of which each lane has two elements; Metal doesn't specify which.
template <class type, int rows, int columns> struct simdgroup_matrix {
    static_assert(rows == 8 && columns == 8, "a simdgroup's matrix has 8 rows and 8 columns");
    type mine[2];
};
typedef simdgroup_matrix<float, 8, 8> simdgroup_float8x8;
typedef simdgroup_matrix<half, 8, 8> simdgroup_half8x8;

template <class type, int rows, int columns> static inline simdgroup_matrix<type, rows, columns> make_filled_simdgroup_matrix(type v) {
    return simdgroup_matrix<type, rows, columns>{{v, v}};
}

#if defined(STRICT_OPENCL) || defined(STRICT_ATTRIBUTES)

template <class type> void simdgroup_load(simdgroup_matrix<type, 8, 8> &, const IN_DEVICE type *, ulong = 8, ulong2 = make<ulong2>(), bool = false);
template <class type> void simdgroup_load(simdgroup_matrix<type, 8, 8> &, const IN_THREADGROUP type *, ulong = 8, ulong2 = make<ulong2>(), bool = false);
template <class type> void simdgroup_store(simdgroup_matrix<type, 8, 8>, IN_DEVICE type *, ulong = 8, ulong2 = make<ulong2>(), bool = false);
template <class type> void simdgroup_store(simdgroup_matrix<type, 8, 8>, IN_THREADGROUP type *, ulong = 8, ulong2 = make<ulong2>(), bool = false);
template <class d, class a, class b, class c>
void simdgroup_multiply_accumulate(simdgroup_matrix<d, 8, 8> &, simdgroup_matrix<a, 8, 8>, simdgroup_matrix<b, 8, 8>, simdgroup_matrix<c, 8, 8>);
template <class d, class a, class b>
void simdgroup_multiply(simdgroup_matrix<d, 8, 8> &, simdgroup_matrix<a, 8, 8>, simdgroup_matrix<b, 8, 8>);

#else

// The position of a matrix in memory, the same for all lanes.
template <class type> struct simdgroup_place {
    type *at;
    ulong stride;
    bool transposed;

    type *element(uint i) const { return transposed ? at + i % 8 * stride + i / 8 : at + i / 8 * stride + i % 8; }
};

template <class type> static inline simdgroup_place<type> place_of(type *p, ulong stride, ulong2 origin, bool transposed) {
    return simdgroup_place<type>{p + origin.y * stride + origin.x, stride, transposed};
}

// gather returns `words` words of each lane. All lanes must participate and pass the same
// position.
template <class type>
static inline void gather(simdgroup_place<type> place, const uint *mine, uint words, uint *all, const char *file, int line) {
    if (emulator_lanes() != 32) {
        emulator_refuse("matrices need a simdgroup of 32 threads", file, line);
    }
    ulong at = (ulong)place.at, shape = place.stride * 2 + place.transposed;
    uint own[emulator_gathered] = {(uint)at, (uint)(at >> 32), (uint)shape, (uint)(shape >> 32)}, lanes[32 * emulator_gathered];
    for (uint i = 0; i < words; i++) {
        own[4 + i] = mine[i];
    }
    emulator_gather(own, 4 + words, lanes, file, line);
    for (uint lane = 0; lane < 32; lane++) {
        const uint *other = lanes + lane * (4 + words);
        if (other[0] != own[0] || other[1] != own[1] || other[2] != own[2] || other[3] != own[3]) {
            emulator_refuse("the simdgroup's threads don't all pass the same address of a matrix", file, line);
        }
        for (uint i = 0; i < words; i++) {
            all[lane * words + i] = other[4 + i];
        }
    }
}

// Two elements as the words that lanes exchange.
template <class type> struct element_pair {
    enum { words = (2 * sizeof(type) + 3) / 4 };
    uint w[2];
    element_pair(const type *v) : w() { __builtin_memcpy(w, v, 2 * sizeof(type)); }
};
template <class type> static inline type element_of(const uint *words, uint i) {
    type v;
    __builtin_memcpy(&v, (const char *)words + i * sizeof(type), sizeof v);
    return v;
}

// A lane loads other elements than it stores, so that a missing barrier shows.
template <class type, class from>
static inline void simdgroup_load(simdgroup_matrix<type, 8, 8> &d, const from *p, ulong stride = 8, ulong2 origin = make<ulong2>(),
                                  bool transposed = false, PLACE) {
    static_assert(shape<from>::count == 1 && sizeof(from) == sizeof(type) && __is_same(from, type), "a matrix's memory has its type");
    simdgroup_place<const type> place = place_of(p, stride, origin, transposed);
    const uint apart = 17;
    uint first = 2 * ((emulator_current->lane + apart) % 32), all[64];
    type read[2] = {*place.element(first), *place.element(first + 1)};
    gather(place, element_pair<type>(read).w, element_pair<type>::words, all, file, line);
    uint from_lane = (emulator_current->lane + 32 - apart) % 32;
    for (uint i = 0; i < 2; i++) {
        d.mine[i] = element_of<type>(all + from_lane * element_pair<type>::words, i);
    }
}

template <class type>
static inline void simdgroup_store(simdgroup_matrix<type, 8, 8> m, type *p, ulong stride = 8, ulong2 origin = make<ulong2>(),
                                   bool transposed = false, PLACE) {
    simdgroup_place<type> place = place_of(p, stride, origin, transposed);
    gather(place, nullptr, 0, nullptr, file, line);
    for (uint i = 0; i < 2; i++) {
        *place.element(2 * emulator_current->lane + i) = m.mine[i];
    }
}

// A product's terms are added in order, in f32; Metal doesn't specify the order.
template <class result, class left, class right, class before>
static inline void simdgroup_multiply_accumulate(simdgroup_matrix<result, 8, 8> &d, simdgroup_matrix<left, 8, 8> a,
                                                 simdgroup_matrix<right, 8, 8> b, simdgroup_matrix<before, 8, 8> c, PLACE) {
    uint of_a[64], of_b[64];
    simdgroup_place<const char> nowhere = {nullptr, 0, false};
    gather(nowhere, element_pair<left>(a.mine).w, element_pair<left>::words, of_a, file, line);
    gather(nowhere, element_pair<right>(b.mine).w, element_pair<right>::words, of_b, file, line);
    for (uint i = 0; i < 2; i++) {
        uint row = (2 * emulator_current->lane + i) / 8, column = (2 * emulator_current->lane + i) % 8;
        float sum = (float)c.mine[i];
        for (uint k = 0; k < 8; k++) {
            sum = fma((float)element_of<left>(of_a, row * 8 + k), (float)element_of<right>(of_b, k * 8 + column), sum);
        }
        d.mine[i] = (result)sum;
    }
}
template <class result, class left, class right>
static inline void simdgroup_multiply(simdgroup_matrix<result, 8, 8> &d, simdgroup_matrix<left, 8, 8> a,
                                      simdgroup_matrix<right, 8, 8> b, PLACE) {
    simdgroup_multiply_accumulate(d, a, b, make_filled_simdgroup_matrix<float, 8, 8>(0.0f), file, line);
}

#undef PLACE
#endif
#undef IF_EXCHANGED

} // namespace metal
