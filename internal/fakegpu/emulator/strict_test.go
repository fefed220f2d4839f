package emulator

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/kernels"
)

// metalUnit is a kernel k in Metal, whose first line is line 3 of k.metal.
func metalUnit(text string) Unit {
	source := "#include <metal_stdlib>\nusing namespace metal;\n" + text
	return Unit{Name: "k", Language: "metal", Entry: "k", Source: kernels.Source{Files: []kernels.File{{Name: "k.metal", Text: source}}}}
}

// inKernel wraps statements, on line 6, in a kernel with a few parameters.
func inKernel(statements string) string {
	return `struct arguments { int n; };
kernel void k(device const float *x [[buffer(0)]], device float *out [[buffer(1)]],
    constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
` + statements + "\n}"
}

// findings returns the errors of each way to compile a source: to be run, with address
// spaces as attributes, and as OpenCL.
func findings(t *testing.T, u Unit) (said [3]string) {
	t.Helper()
	clang, err := Compiler()
	if err != nil {
		t.Skip("needs the emulator's compiler: ", err)
	}
	dir, err := Unpack()
	require.NoError(t, err)
	source := text([]Unit{u})
	_, running := buildMetal(clang, dir, []Unit{u}, None)
	for i, err := range []error{running, check(clang, dir, toCheck[0], source), check(clang, dir, toCheck[1], source)} {
		if err != nil {
			said[i] = err.Error()
		}
	}
	return said
}

const helpers = `struct f16 { ushort bits; };
static inline float square(thread float *v) { return *v * *v; }
static inline float near(threadgroup float *v) { return v[0]; }
`

// What Metal forbids is reported at its line, by each way that can detect it.
func TestFaultsAgainstMetalAreFound(t *testing.T) {
	const running, opencl, checks, all = 1, 4, 6, 7 // bits of who finds it
	for _, c := range []struct {
		name, text string
		by         int
		want       string
	}{
		{"a parameter without device", "kernel void k(float *out [[buffer(0)]]) {}", all, "k.metal:3: error: this parameter is a pointer or a reference without an address space"},
		{"a helper without device", "static inline float f(const float *v) { return *v; }\n" + inKernel("out[i] = f(x);"), all, "k.metal:3: error: this parameter is a pointer"},
		{"a local pointer without an address space", inKernel("const float *p = x; out[i] = *p;"), all, "k.metal:6: error: p is a pointer or a reference without"},
		{"a local reference without an address space", inKernel("float y = 0; float &z = y; out[i] = z;"), all, "k.metal:6: error: z is a pointer or a reference without"},
		{"a cast without an address space", inKernel("out[i] = ((const float *)x)[i];"), all, "k.metal:6: error: this type is a pointer or a reference without"},
		{"device memory for a thread's own", helpers + inKernel("out[i] = square(out + i);"), checks, "k.metal:9:10: error: no matching function for call to 'square'"},
		{"device memory for a threadgroup's", helpers + inKernel("out[i] = near(out + i);"), checks, "k.metal:9:10: error: no matching function for call to 'near'"},
		{"a threadgroup's memory for a thread's own", helpers + inKernel("threadgroup float s[4]; out[i] = square(s);"), checks, "error: no matching function for call to 'square'"},
		{"a thread's own memory as device memory", inKernel("float y = 0; device float *p = &y; out[i] = *p;"), checks, "k.metal:6:"},
		{"a cast from one address space to another", inKernel("out[i] = *(threadgroup float *)(x + i);"), opencl, "k.metal:6:"},
		{"a write to constant memory", inKernel("with.n = 3; out[i] = 0;"), all, "k.metal:6:"},
		{"a write to a constant table", "constant int table[2] = {1, 2};\n" + inKernel("table[1] = 3; out[i] = 0;"), all, "k.metal:7:"},
		{"a variable outside of functions", "const int two = 2;\n" + inKernel("out[i] = two;"), all, "k.metal:3: error: a variable outside of functions must be in the address space constant"},
		{"a static variable", inKernel("static int n = 0; out[i] = n;"), all, "k.metal:6: error: Metal has no static variables"},
		{"threadgroup memory inside of a block", inKernel("{ threadgroup float s[4]; s[0] = 1; out[i] = s[0]; }"), all, "k.metal:6: error: threadgroup memory is declared at the outermost level"},
		{"threadgroup memory with a value", inKernel("threadgroup float s = 1; out[i] = s;"), all, "k.metal:6: error: threadgroup memory is declared as a name or an array"},
		{"too much threadgroup memory", inKernel("threadgroup float s[8193]; s[i] = 1; out[i] = s[i];"), running, "a kernel has at most 32768 bytes of threadgroup memory"},
		{"double", inKernel("double y = x[i]; out[i] = y;"), all, "k.metal:6: error: Metal has no double"},
		{"long long", inKernel("long long y = 1; out[i] = y;"), all, "k.metal:6: error: Metal has no long long"},
		{"a literal of half", inKernel("out[i] = x[i] + 0.0h;"), all, "k.metal:6: error: 0.0h is of type half, regardless of the kernel's dtype"},
		{"a number out of range for f32", inKernel("out[i] = (float)1e39;"), all, "k.metal:6: error: 1e39 is out of range for f32"},
		{"an element of f16 as a number", helpers + inKernel("device const f16 *h = (device const f16 *)x; out[i] = h[i] * 2;"), all, "k.metal:9:"},
		{"a float4 made half4 by itself", inKernel("half4 h = float4(1.0); out[i] = (float)h.x;"), all, "k.metal:6:"},
		{"a half4 made float4 by itself", inKernel("float4 f = half4(1.0); out[i] = f.x;"), all, "k.metal:6:"},
		{"too many elements of a vector", inKernel("uint2 v = uint2(1, 2, 3); out[i] = v.x;"), all, "a vector is made of as many elements as it has"},
		{"bfloat", inKernel("bfloat y = 0; out[i] = 0;"), all, "k.metal:6: error: bfloat needs MSL 3.1"},
		{"if constexpr", inKernel("if constexpr (true) { out[i] = 0; }"), all, "k.metal:6: error: if constexpr needs C++17"},
		{"a fold expression", "template <class... n> static inline int all(n... v) { return (v + ...); }\n" + inKernel("out[i] = all(1, 2);"), running, "k.metal:3:67: error: pack fold expression is a C++17 extension"},
		{"an inline variable", "inline constant int two = 2;\n" + inKernel("out[i] = two;"), running, "k.metal:3:1: error: inline variables are a C++17 extension"},
		{"a structured binding", "struct two { int a, b; };\n" + inKernel("two v = {1, 2}; auto [a, b] = v; out[i] = a + b;"), running, "k.metal:7:22: error: decomposition declarations are a C++17 extension"},
		{"maybe_unused", "[[maybe_unused]] static inline int f() { return 1; }\n" + inKernel("out[i] = 0;"), all, "k.metal:3: error: [[maybe_unused]] is not a supported attribute"},
		{"a lambda", inKernel("auto f = [](float v) { return v; }; out[i] = f(x[i]);"), all, "k.metal:6: error: Metal has no lambdas"},
		{"a lambda that is an argument", "template <class f> static inline float g(f call) { return call(1); }\n" + inKernel("out[i] = g([=](float v) { return v; });"), all, "k.metal:7: error: Metal has no lambdas"},
		{"a pointer to a function", "static inline float f(float v) { return v; }\n" + inKernel("float (*p)(float) = f; out[i] = p(x[i]);"), all, "k.metal:7: error: Metal has no pointers to functions"},
		{"a derived class", "struct one { int a; };\nstruct two : one { int b; };\n" + inKernel("out[i] = 0;"), all, "k.metal:4: error: Metal has no derived classes"},
		{"a virtual function", "struct one { virtual int f() { return 1; } };\n" + inKernel("out[i] = 0;"), all, "k.metal:3: error: Metal has no virtual functions"},
		{"goto", inKernel("goto end; end: out[i] = 0;"), all, "k.metal:6: error: Metal has no goto"},
		{"new", inKernel("thread float *p = new float; out[i] = *p;"), all, "k.metal:6: error: Metal has no new"},
		{"an array of a size that isn't constant", inKernel("int n = with.n; float v[n]; v[0] = 1; out[i] = v[0];"), all, "k.metal:6:"},
		{"a function that devices differ in", inKernel("out[i] = exp(x[i]);"), all, "k.metal:6:10: error: 'exp' is unavailable: devices differ in it"},
		{"an exchange of 64 bits", inKernel("out[i] = simd_shuffle_xor((long)i, 1);"), all, "k.metal:6:10: error: no matching function for call to 'simd_shuffle_xor'"},
		{"an exchange of a bool", inKernel("out[i] = simd_shuffle(i > 3, 1);"), all, "k.metal:6:10: error: no matching function for call to 'simd_shuffle'"},
		{"a word of Metal as a name", "kernel void k(device float *out [[buffer(0)]], uint thread [[thread_position_in_grid]]) {}", all, "k.metal:3: error: thread is a keyword of Metal and can't be a name"},
		{"a misspelt built-in", "kernel void k(device float *out [[buffer(0)]], uint i [[thread_position_in_gird]]) {}", all, "k.metal:3: error: [[thread_position_in_gird]] is not a parameter attribute"},
		{"a parameter without an attribute", "kernel void k(device float *out, uint i [[thread_position_in_grid]]) {}", all, "k.metal:3: error: the parameter out of the kernel k has no attribute [[…]]"},
		{"a value that isn't by reference", "kernel void k(device float *out [[buffer(0)]], int n [[buffer(1)]]) {}", all, "k.metal:3: error: the buffer n must be a pointer"},
		{"a reference to device memory", "kernel void k(device float &out [[buffer(0)]]) {}", all, "k.metal:3: error: the buffer out must be a pointer"},
		{"an index above Metal's limit", "kernel void k(device float *out [[buffer(31)]]) {}", all, "k.metal:3: error: [[buffer(31)]]: a buffer's index is a number from 0 to 30"},
		{"two buffers of one index", "kernel void k(device float *x [[buffer(0)]], device float *y [[buffer(0)]]) {}", running, "k.metal:3: error: two parameters of the kernel k are buffer(0)"},
		{"positions of different components", "kernel void k(device float *out [[buffer(0)]], uint i [[thread_position_in_grid]], uint2 g [[threadgroup_position_in_grid]]) {}", all,
			"k.metal:3: error: the positions of a kernel have the same number of components: i has 1, and g 2"},
		{"a built-in of a wrong type", "kernel void k(device float *out [[buffer(0)]], int i [[thread_position_in_grid]]) {}", all, "k.metal:3: error: i [[thread_position_in_grid]] must be of type uint"},
		{"a number as components", "kernel void k(device float *out [[buffer(0)]], uint2 i [[thread_index_in_simdgroup]]) {}", all, "must be of type uint or ushort"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i, said := range findings(t, metalUnit(c.text)) {
				if c.by&(1<<i) != 0 {
					require.Contains(t, said, c.want, "reading %d", i)
				} else {
					require.Empty(t, said, "reading %d: if it finds this now, the table should say so", i)
				}
			}
		})
	}
}

func TestASourceMustIncludeMetalsLibrary(t *testing.T) {
	u := metalUnit("")
	u.Source.Files[0].Text = "kernel void k(device float *out [[buffer(0)]]) {}"
	for _, said := range findings(t, u) {
		require.Contains(t, said, "error: there is no #include <metal_stdlib>")
	}
	u.Source.Files[0].Text = "#include <cmath>\n"
	for _, said := range findings(t, u) {
		require.Contains(t, said, "k.metal:1:10: fatal error: 'cmath' file not found")
	}
}

// Valid sources have no errors in any way.
func TestValidMetalIsAccepted(t *testing.T) {
	text := helpers + `struct parts { float mantissa; int exponent[2]; };
struct whole {
    int v;
    whole operator*(whole other) const { return whole{v * other.v}; }
    void operator+=(thread const whole &other) { v += other.v; }
};
struct squared {
    int operator()(int v) const { return v * v; }
};
template <class function> static inline int applied(function f, int v) { return f(v); }
template <class value> struct pair { value v[2]; };
constant uint table[2] = {1, 0xffffffffu};
static inline parts split(float v) { return parts{v, {1, 2}}; }
template <class value> static inline value other(value v, uint reach) {
    union { value whole; uint words[sizeof(value) / sizeof(uint)]; } mine;
    mine.whole = v;
    for (uint i = 0; i < sizeof(value) / sizeof(uint); i++) {
        mine.words[i] = simd_shuffle_xor(mine.words[i], (ushort)reach);
    }
    return mine.whole;
}
static inline void put(device f16 *to, threadgroup const f16 *from, thread const f16 &v, constant f16 *fixed) {
    to[0] = from[0];
    to[1] = v;
    to[2] = fixed[0];
    *(device pair<f16> *)to = *(device const pair<f16> *)(to + 2);
}
struct arguments { int n; pair<f16> h; };
kernel void k(device f16 *out [[buffer(3)]], constant arguments &with [[buffer(5)]], uint3 at [[thread_position_in_grid]],
              ushort lane [[thread_index_in_simdgroup]], uint3 size [[threads_per_threadgroup]]) {
    threadgroup f16 s[64];
    threadgroup parts shared, more[2];
    f16 mine = f16{(ushort)(table[0] << 3 >> 1)};
    s[at.x] = mine;
    more[1] = split(0.5);
    shared = more[1];
    threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
    put(out, s, mine, with.h.v);
    pair<f16> copy = with.h;
    float4 v = float4(float2(1.0, 2.0), (float)at.x, other(parts(shared), 1).mantissa) * 2;
    half4 h = half4(v);
    whole w = whole{2} * whole{3};
    w += w;
    w.v += applied(squared(), w.v) + (with.n > 3 ? w.v : -1);
    simdgroup_float8x8 a = make_filled_simdgroup_matrix<float, 8, 8>(1.0f), b = a;
    threadgroup float *scratch = (threadgroup float *)s;
    simdgroup_load(a, scratch, 8, ulong2(0, 0), true);
    simdgroup_multiply_accumulate(b, a, a, b);
    simdgroup_store(b, scratch, 8);
    out[4 + lane] = h.x > (half)1 ? mine : copy.v[0];
}
`
	require.Equal(t, [3]string{}, findings(t, metalUnit(text)))
	require.Equal(t, [3]string{}, findings(t, metalUnit(strings.ReplaceAll(text, "    threadgroup f16 s[64];", "    alignas(16) threadgroup f16 s[64];"))))
}
