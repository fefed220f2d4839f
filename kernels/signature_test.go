package kernels_test

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/kernels"
)

// What Metal's entry points take is checked as the others' is, and their struct and
// their built-ins too.
func TestMetalSourcesAreHeldAgainstTheManifest(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "metal"), 0o755))
	s, err := kernels.Overlay(dir)
	require.NoError(t, err)
	right := `// clamp: a kernel.
static inline C BODY(clamp)(C x, C low, C high) { return x; }
#ifndef FUSED
struct arguments {
    C min, max; // two at once
    int n;
};

kernel void flowrun_clamp(device const T*x [[ buffer(0) ]], device T *out [[buffer (1)]],
                          constant arguments& with [[buffer(2)]], uint2 at [[thread_position_in_grid]],
                          uint lane [[thread_index_in_simdgroup]], uint2 size [[threads_per_threadgroup]]) {}
#endif
`
	check := func(text string) error {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "metal", "clamp.metal"), []byte(text), 0o644))
		return load(t).CheckOverlay(s)
	}
	require.NoError(t, check(right), "spaces and separate declarations are as one likes")
	for change, want := range map[string]string{
		"device const T*x>const T *x":             `clamp.metal:9: parameter 1 of flowrun_clamp is "const T *x [[buffer(0)]]", but "device const T *x [[buffer(0)]]" in the manifest`,
		"buffer (1)>buffer(2)":                    `parameter 2 of flowrun_clamp is "device T *out [[buffer(2)]]", but "device T *out [[buffer(1)]]" in the manifest`,
		"constant arguments& with>arguments with": `parameter 3 of flowrun_clamp is "arguments with [[buffer(2)]]", but "constant arguments &with [[buffer(2)]]" in the manifest`,
		"    int n;>":                             `clamp.metal:4: struct arguments lacks the member "int n", number 3 in the manifest`,
		"C min, max>C max, min":                   `clamp.metal:4: member 1 of struct arguments is "C max", but "C min" in the manifest`,
		"int n;>int n; int m;":                    `struct arguments has a member "int m" too many; the manifest has 3`,
		"struct arguments>struct others":          "there is no struct arguments { … }; with C min; C max; int n",
		"[[thread_index_in_simdgroup]]>":          `flowrun_clamp has a parameter "uint lane" too many: after those of the manifest there can be only built-ins`,
		"thread_index_in_simdgroup>lane_id":       `flowrun_clamp has a parameter "uint lane [[lane_id]]", which isn't one of the built-ins simdgroup_index_in_threadgroup, `,
		"uint lane>uint2 lane":                    `flowrun_clamp has a parameter "uint2 lane [[thread_index_in_simdgroup]]", which must be a uint`,
		"uint2 size>uint size":                    `flowrun_clamp has a parameter "uint size [[threads_per_threadgroup]]" beside one of type uint2`,
		"flowrun_clamp(>clamp(":                   "there is no kernel void flowrun_clamp(…)",
	} {
		from, to, _ := strings.Cut(change, ">")
		require.Contains(t, right, from)
		require.ErrorContains(t, check(strings.Replace(right, from, to, 1)), want)
	}
}

func TestArgumentsLieAsInAStructOfC(t *testing.T) {
	le := binary.LittleEndian
	four := func(v uint32) []byte { return le.AppendUint32(nil, v) }
	eight := func(v uint64) []byte { return le.AppendUint64(nil, v) }
	list := make([]byte, 32)
	list[0] = 9
	require.Empty(t, kernels.PackArguments(nil))
	require.Equal(t, four(7), kernels.PackArguments([][]byte{four(7)}))
	require.Equal(t, append(four(7), list...), kernels.PackArguments([][]byte{four(7), list}), "a list is aligned as its elements")
	got := kernels.PackArguments([][]byte{four(1), eight(2), four(3)})
	require.Len(t, got, 24, "filled up to the alignment of the largest")
	require.EqualValues(t, 1, le.Uint32(got))
	require.EqualValues(t, 2, le.Uint64(got[8:]))
	require.EqualValues(t, 3, le.Uint32(got[16:]))
}

// A number is the same f32 whether a compiler reads it as one or makes it one of a
// double, as compilers for other processors do.
func TestNumbersInMetalSourcesRoundOnce(t *testing.T) {
	paths, err := filepath.Glob("metal/*")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	literal := regexp.MustCompile(`\b\d+(?:\.\d+)?(?:e-?\d+)?\b`)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, number := range literal.FindAllString(remarks.ReplaceAllString(string(text), ""), -1) {
			once, err := strconv.ParseFloat(number, 32)
			require.NoError(t, err)
			twice, err := strconv.ParseFloat(number, 64)
			require.NoError(t, err)
			require.Equal(t, math.Float32bits(float32(once)), math.Float32bits(float32(twice)), "%s in %s", number, path)
		}
	}
}

func TestAFusedKernelTakesOneStructInMetal(t *testing.T) {
	clamp := kernels.Part{Kernel: kernel(t, "clamp"), Operands: []kernels.Operand{{Index: 0}}, DType: "f16", Scalars: []any{-1.0, 1.0}}
	cast := kernels.Part{Kernel: kernel(t, "cast"), Operands: []kernels.Operand{{Part: true}}, DType: "f32"}
	add := kernels.Part{Kernel: kernel(t, "add"), Operands: []kernels.Operand{{Index: 1, Part: true}, {Index: 1}}, DType: "f32"}
	k, err := kernels.Fuse(kernels.Recipe{Inputs: append(whole("f16"), kernels.Input{DType: "f32", Walk: kernels.Spread}), Parts: []kernels.Part{clamp, cast, add}})
	require.NoError(t, err)
	require.Equal(t, []string{"device const f16 *x0 [[buffer(0)]]", "device const f32 *x1 [[buffer(1)]]", "device f32 *out [[buffer(2)]]",
		"constant arguments &with [[buffer(3)]]"}, k.Parameters("metal"))
	require.Equal(t, []string{"COMPUTE(f16) p0_min", "COMPUTE(f16) p0_max", "int n", "list dims", "list x1_strides"}, k.Members("metal"))
	require.Empty(t, k.Members("cuda"))
	source, err := kernels.Embedded().Source("metal", k)
	require.NoError(t, err)
	text := source.Text()
	require.Contains(t, text, "struct arguments {\n    COMPUTE(f16) p0_min;\n    COMPUTE(f16) p0_max;\n    int n;\n    list dims;\n    list x1_strides;\n};\n")
	require.Contains(t, text, "BODY_OF(clamp, f16)(in0, with.p0_min, with.p0_max)")
}
