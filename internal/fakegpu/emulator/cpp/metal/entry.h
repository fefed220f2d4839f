// What to_cpp.h writes of an entry point, so that hosts of the emulator find it: what
// its parameters are made of, and the registration of the kernel.

#pragma once

// Where the linker puts a module's threadgroup memory; NULL if it has none. The
// emulator fills it with garbage before each threadgroup. Under the sanitizers it
// lies where they watch it.
extern "C" char __start_emulator_shared[] __attribute__((weak, visibility("hidden")));
extern "C" char __stop_emulator_shared[] __attribute__((weak, visibility("hidden")));
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define EMULATED_THREADGROUP static
#else
#define EMULATED_THREADGROUP static __attribute__((section("emulator_shared")))
#endif

namespace emulator {

template <class type> struct without_reference { typedef type value; enum { is = false }; };
template <class type> struct without_reference<type &> { typedef type value; enum { is = true }; };
template <class type> struct pointed_to;
template <class type> struct pointed_to<type *> { typedef type value; };
template <class> struct is_constant { enum { value = false }; };
template <class type> struct is_constant<const type> { enum { value = true }; };

// The `position`-th of the parameters that a host binds, at an index: a buffer.
template <unsigned position, unsigned index> struct buffer {
    enum { bound = 1 };
    template <class type> static type get(void **parameters) { return *(type *)parameters[position]; }
    template <class type> static void describe(unsigned *sizes, emulator_binding *bindings) {
        typedef typename pointed_to<type>::value element;
        sizes[position] = sizeof(void *);
        bindings[position] = emulator_binding{index, 0, !is_constant<element>::value, alignof(element)};
    }
};

// Or bytes, which the kernel has a reference to.
template <unsigned position, unsigned index> struct bytes {
    enum { bound = 1 };
    template <class type> static type get(void **parameters) {
        return *(typename without_reference<type>::value *)parameters[position];
    }
    template <class type> static void describe(unsigned *sizes, emulator_binding *bindings) {
        typedef typename without_reference<type>::value value;
        sizes[position] = sizeof(value);
        bindings[position] = emulator_binding{index, 1, 0, alignof(value)};
    }
};

static inline emulator_index times(emulator_index a, emulator_index b) { return emulator_index{a.x * b.x, a.y * b.y, a.z * b.z}; }
static inline emulator_index plus(emulator_index a, emulator_index b) { return emulator_index{a.x + b.x, a.y + b.y, a.z + b.z}; }
static inline unsigned product(emulator_index a) { return a.x * a.y * a.z; }
static inline unsigned number_in_threadgroup() {
    emulator_index t = emulator_current->thread, n = emulator_threads;
    return (t.z * n.y + t.y) * n.x + t.x;
}

// A built-in of one to three components, in the type that the kernel has it in.
template <class type, int count> struct components {
    static type of(emulator_index v) {
        type r;
        const unsigned all[3] = {v.x, v.y, v.z};
        for (int i = 0; i < count; i++) {
            r[i] = all[i];
        }
        return r;
    }
};
template <class type> struct components<type, 1> {
    static type of(emulator_index v) { return v.x; }
};

#define BUILT_IN(name, value)                                                                                               \
    struct name {                                                                                                           \
        enum { bound = 0 };                                                                                                 \
        template <class type> static type get(void **) { return components<type, metal::shape<type>::count>::of(value); } \
        template <class> static void describe(unsigned *, emulator_binding *) {}                                            \
    };
#define NUMBER(...) emulator_index{__VA_ARGS__, 0, 0}
BUILT_IN(thread_position_in_grid, plus(times(emulator_block, emulator_threads), emulator_current->thread))
BUILT_IN(thread_position_in_threadgroup, emulator_current->thread)
BUILT_IN(threadgroup_position_in_grid, emulator_block)
BUILT_IN(threads_per_threadgroup, emulator_threads)
BUILT_IN(threadgroups_per_grid, emulator_blocks)
BUILT_IN(threads_per_grid, times(emulator_blocks, emulator_threads))
BUILT_IN(thread_index_in_threadgroup, NUMBER(number_in_threadgroup()))
BUILT_IN(thread_index_in_simdgroup, NUMBER(emulator_current->lane))
BUILT_IN(simdgroup_index_in_threadgroup, NUMBER(number_in_threadgroup() / 32))
BUILT_IN(threads_per_simdgroup, NUMBER(32))
BUILT_IN(simdgroups_per_threadgroup, NUMBER((product(emulator_threads) + 31) / 32))
#undef NUMBER
#undef BUILT_IN

template <class... sources> struct how_many;
template <> struct how_many<> { enum { value = 0 }; };
template <class source, class... others> struct how_many<source, others...> {
    enum { value = source::bound + how_many<others...>::value };
};

// registration makes a kernel known when its module is loaded.
template <class function, function f, class... sources> struct registration;
template <class... types, void (*f)(types...), class... sources> struct registration<void (*)(types...), f, sources...> {
    enum { count = how_many<sources...>::value };
    unsigned sizes[count + 1];
    emulator_binding bindings[count + 1];
    emulator_kernel kernel;

    static void run(void **parameters) { f(sources::template get<types>(parameters)...); }

    registration(const char *name, const unsigned *threadgroup_bytes)
        : sizes(), bindings(),
          kernel{name, count, sizes, run, __start_emulator_shared, __stop_emulator_shared, bindings, threadgroup_bytes} {
        int described[] = {0, (sources::template describe<types>(sizes, bindings), 0)...};
        (void)described;
        emulator_register(&kernel);
    }
};

// How much threadgroup memory a kernel has is known inside of it only. memory puts it
// where the registration finds it, when the module is loaded.
template <unsigned *to, unsigned bytes> struct memory {
    static_assert(bytes <= 32768, "a kernel has at most 32768 bytes of threadgroup memory");
    static int noted;
};
template <unsigned *to, unsigned bytes> int memory<to, bytes>::noted = (*to = bytes, 0);

// A threadgroup variable's share of it: Metal gives memory in steps of 16 bytes.
template <class type> struct stepped { enum { bytes = (sizeof(type) + 15) / 16 * 16 }; };

} // namespace emulator
