package kernels_test

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/fakegpu/emulator"
	"github.com/flowrun/flowrun/kernels"
)

// sanitizerVariable asks for the passes under the sanitizers, which take a minute.
const sanitizerVariable = "FLOWRUN_SANITIZERS"

// Under the sanitizers kernels run in f32, f16 and i32, each case in one of them. Groups are small under ThreadSanitizer, which otherwise forgets
// accesses before it can compare them.
func TestSourcesRunCleanUnderSanitizers(t *testing.T) {
	if os.Getenv(sanitizerVariable) == "" {
		t.Skipf("takes a minute or more: set %s=1 to run it", sanitizerVariable)
	}
	for _, in := range []dialect{inCUDA, inMetal, inPlainMetal} {
		for _, sanitizer := range []emulator.Sanitizer{emulator.Undefined, emulator.Thread} {
			t.Run(in.device+"/"+strings.ReplaceAll(string(sanitizer), ",", "+"), func(t *testing.T) {
				d := openEmulated(t, in, sourcesToTry(t), sanitizer, kernels.Limits{})
				require.NoError(t, d.modules.load(in.kernels(t)...))
				for _, k := range in.kernels(t) {
					t.Run(k.Name, func(t *testing.T) {
						d.limits.Group = 1024
						if group := k.For(in.language).Grid.Group; sanitizer == emulator.Thread && len(group) == 1 {
							d.limits.Group = 64
							if k.Name == "matmul" { // which has another way for small groups
								d.limits.Group = group[0]
							}
						}
						for _, op := range k.Ops {
							choices := slices.DeleteFunc(k.Choices(), func(types map[string]string) bool { return !isCommon(types) })
							for at, types := range choices {
								for i, c := range shareOf(casesOn(d, op), at, len(choices)) {
									conformCase(t, d, k, op, types, c, i)
								}
							}
						}
					})
				}
			})
		}
	}
}

// The watchers are watched: faults in kernels' sources are found, and told by name.
func TestFaultsPlantedInSourcesAreFound(t *testing.T) {
	const exchange, exchangeInMetal = "exchange_all(keys, at, r, launch == 0 && r == l - 1);\n", "exchange_all(keys, at, r, launch == 0 && r == l - 1, me, size);\n"
	const barrier = "            threadgroup_barrier(mem_flags::mem_threadgroup);\n"
	for _, c := range []struct {
		name             string
		in               dialect
		kernel, from, to string
		dtype            string
		sanitizer        emulator.Sanitizer
		want             []string
	}{
		{"a missing barrier", inCUDA, "argsort", exchange + "            __syncthreads();\n", exchange, "f16", emulator.Thread, []string{"kernel argsort", "data race"}},
		{"an element beyond the end", inCUDA, "concat", "thread < n", "thread <= n", "f16", emulator.Undefined, []string{"kernel concat", "heap-buffer-overflow"}},
		{"a barrier that some don't reach", inCUDA, "argsort", "__shared__", "if (threadIdx.x == 0) { return; }\n    __shared__", "f16", emulator.None,
			[]string{"kernel argsort", "divergence", "cuda/argsort.cu:107"}},
		{"signed overflow", inCUDA, "neg", "(C)-(W)x", "-x", "i32", emulator.Undefined, []string{"kernel neg", "cuda/neg.cu:4:", "negation of -2147483648 cannot be represented"}},
		{"a number of f16", inCUDA, "neg", "return (C)-(W)x;", "return 2.0h * (C)-(W)x;", "f16", emulator.None, []string{"cuda/neg.cu:4:", "error"}},
		{"bits taken for a number", inCUDA, "reshape", "move(out, x, n);", "out[0] = x[0] + x[1];", "f16", emulator.None, []string{"cuda/reshape.cu:6:", "invalid operands"}},
		{"a missing barrier", inMetal, "argsort", exchangeInMetal + barrier, exchangeInMetal, "f16", emulator.Thread, []string{"kernel argsort", "data race", "metal/argsort.metal:"}},
		{"an element beyond the end", inMetal, "concat", "i < (uint)with.n", "i <= (uint)with.n", "f16", emulator.Undefined, []string{"kernel concat", "heap-buffer-overflow", "metal/concat.metal"}},
		{"a barrier that some don't reach", inMetal, "argsort", "row_shape s =", "if (me == 0) { return; }\n    row_shape s =", "f16", emulator.None,
			[]string{"kernel argsort", "divergence", "metal/argsort.metal:109"}},
		{"signed overflow", inMetal, "neg", "(C)-(W)x", "-x", "i32", emulator.Undefined, []string{"kernel neg", "metal/neg.metal:4:", "negation of -2147483648 cannot be represented"}},
		{"a number of f16", inMetal, "neg", "return (C)-(W)x;", "return 2.0h * (C)-(W)x;", "f16", emulator.None, []string{"metal/neg.metal:4:", "2.0h is of type half"}},
		{"bits taken for a number", inMetal, "reshape", "out[i] = x[i];", "out[i] = x[i] + x[0];", "f16", emulator.None, []string{"metal/reshape.metal:12:", "invalid operands"}},
	} {
		t.Run(c.in.language+"/"+c.name, func(t *testing.T) {
			source, err := kernels.Embedded().Source(c.in.language, &kernels.Kernel{Name: c.kernel})
			require.NoError(t, err)
			file := source.Files[len(source.Files)-1]
			require.Contains(t, file.Text, c.from)
			dir := t.TempDir()
			require.NoError(t, os.Mkdir(filepath.Join(dir, c.in.language), 0o755))
			planted := strings.Replace(file.Text, c.from, c.to, 1)
			require.NoError(t, os.WriteFile(filepath.Join(dir, c.in.language, path.Base(file.Name)), []byte(planted), 0o644))
			sources, err := kernels.Overlay(dir)
			require.NoError(t, err)
			d := openEmulated(t, c.in, sources, c.sanitizer, kernels.Limits{Group: 64})
			d.modules.short = true
			for _, test := range casesOf(c.kernel) {
				k := load(t).Kernel(c.kernel)
				n, arrays := nodeOf(t, k, c.kernel, map[string]string{"T": c.dtype}, test)
				call, _ := bindable(t, d, k, n, arrays)
				run, bound := d.Bind(call)
				if err = bound; err == nil {
					err = run.Run()
				}
				if err != nil {
					break
				}
			}
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}
