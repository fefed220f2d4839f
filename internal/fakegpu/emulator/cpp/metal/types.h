// Metal's scalars and vectors. Metal has no double; bfloat came after MSL 3.0.

#pragma once

// Built into Metal.
typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef ulong size_t;
typedef long ptrdiff_t;
#ifndef STRICT_OPENCL
typedef _Float16 half;
#endif

typedef signed char int8_t;
typedef uchar uint8_t;
typedef short int16_t;
typedef ushort uint16_t;
typedef int int32_t;
typedef uint uint32_t;
typedef long int64_t;
typedef ulong uint64_t;

#define VECTORS(type, name)                                   \
    typedef type name##2 __attribute__((ext_vector_type(2))); \
    typedef type name##3 __attribute__((ext_vector_type(3))); \
    typedef type name##4 __attribute__((ext_vector_type(4)));
VECTORS(char, char)
VECTORS(uchar, uchar)
VECTORS(short, short)
VECTORS(ushort, ushort)
VECTORS(int, int)
VECTORS(uint, uint)
VECTORS(long, long)
VECTORS(ulong, ulong)
VECTORS(half, half)
VECTORS(float, float)
#undef VECTORS

namespace metal {

// shape is the number and type of a type's elements.
template <class type> struct shape {
    typedef type element;
    enum { count = 1 };
};
#define VECTORS(type, name)                                                  \
    template <> struct shape<name##2> { typedef type element; enum { count = 2 }; }; \
    template <> struct shape<name##3> { typedef type element; enum { count = 3 }; }; \
    template <> struct shape<name##4> { typedef type element; enum { count = 4 }; };
VECTORS(char, char)
VECTORS(uchar, uchar)
VECTORS(short, short)
VECTORS(ushort, ushort)
VECTORS(int, int)
VECTORS(uint, uint)
VECTORS(long, long)
VECTORS(ulong, ulong)
VECTORS(half, half)
VECTORS(float, float)
#undef VECTORS

template <bool> struct require {};
template <> struct require<true> { typedef void ok; };

// placing copies one argument's elements to their position in a vector.
template <int count> struct placing {
    template <class to, class from> static inline void place(to &v, int at, from a) {
        for (int i = 0; i < count; i++) {
            v[at + i] = (typename shape<to>::element)a[i];
        }
    }
};
template <> struct placing<1> {
    template <class to, class from> static inline void place(to &v, int at, from a) { v[at] = (typename shape<to>::element)a; }
};
template <class to> static inline void place_elements(to &, int) {}
template <class to, class from, class... others> static inline void place_elements(to &v, int at, from a, others... rest) {
    placing<shape<from>::count>::template place<to>(v, at, a);
    place_elements<to>(v, at + shape<from>::count, rest...);
}

template <class... types> struct total;
template <> struct total<> { enum { count = 0 }; };
template <class type, class... others> struct total<type, others...> {
    enum { count = shape<type>::count + total<others...>::count };
};

// make constructs a vector from elements and vectors with together as many elements, from
// a vector of another type, or from one number for all elements.
template <class to, int count> struct making {
    template <class... types> static inline to make(types... from) {
        static_assert(total<types...>::count == shape<to>::count, "a vector is made of as many elements as it has, of one number for all, or of none");
        to v;
        place_elements<to>(v, 0, from...);
        return v;
    }
};
template <class to> struct making<to, 1> {
    template <class from> static inline to make(from a) {
        return (to)(typename shape<to>::element)a;
    }
};
template <class to, class... types> static inline to make(types... from) { return making<to, total<types...>::count>::make(from...); }
template <class to> static inline to make() { return (to)0; }

// The bits of a value as another type.
template <class to, class from> static inline to as_bits(from v) {
    static_assert(sizeof(to) == sizeof(from), "as_type is between types of one size");
    return __builtin_bit_cast(to, v);
}

} // namespace metal

// as_type is a keyword of Metal.
template <class to, class from> static inline to as_type(from v) { return metal::as_bits<to>(v); }
