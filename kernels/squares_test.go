package kernels_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/internal/fakegpu/emulator"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
)

// A matmul's source has a way for each size of square that the manifest may choose, by
// the shapes. Large squares are for products that would take the emulator minutes, so
// here the manifest chooses them for small ones too, whose edges cut every square.
func TestProductsAreRightInSquaresOfEverySize(t *testing.T) {
	for _, c := range []struct {
		in    dialect
		tiles []int
	}{{inCUDA, []int{16, 64, 128}}, {inMetal, []int{16, 32, 64}}, {inPlainMetal, []int{16, 32, 64}}} {
		forwards := openEmulated(t, c.in, sourcesToTry(t), emulator.None, kernels.Limits{Group: 1024})
		for _, tile := range c.tiles {
			k := matmulInSquares(t, c.in.language, tile)
			for _, d := range []*emulated{forwards, forwards.running(emulator.Backwards)} {
				t.Run(fmt.Sprintf("%s/%d", d.Name(), tile), func(t *testing.T) {
					for _, types := range [][2]string{{"f16", "f16"}, {"f16", "f32"}, {"f32", "f32"}, {"i64", "i64"}} {
						wide := types[0] != types[1]
						for i, c := range products(wide) {
							n, arrays := nodeOf(t, k, "matmul", map[string]string{"T": types[0], "U": types[1]}, c)
							compare(t, d, i, n, arrays, n.Op.Reference(n, arrays), launchAs(t, d, k, n, arrays))
						}
					}
				})
			}
		}
	}
}

// products are of few terms, whose squares are cut at every edge, and cross two of 128;
// wide: 16 bits give f32.
func products(wide bool) []opCase {
	var cases []opCase
	for _, s := range [][3]int{{1, 1, 1}, {3, 0, 4}, {17, 33, 9}, {65, 17, 33}, {133, 5, 141}} {
		m, k, n := s[0], s[1], s[2]
		cases = append(cases,
			one(list(false, false, wide), seeded(1, ir.Shape{m, k}), seeded(2, ir.Shape{k, n})),
			one(list(false, true, wide), seeded(1, ir.Shape{m, k}), seeded(2, ir.Shape{n, k})),
			one(list(true, false, wide), seeded(1, ir.Shape{k, m}), seeded(2, ir.Shape{k, n})),
			one(list(true, true, wide), seeded(1, ir.Shape{k, m}), seeded(2, ir.Shape{n, k})))
	}
	return append(cases, one(list(false, false, wide), seeded(1, ir.Shape{2, 1, 3, 4}), seeded(2, ir.Shape{5, 4, 66})))
}

// matmulInSquares is matmul as the manifest would have it if a language always took
// squares of one size.
func matmulInSquares(t *testing.T, language string, tile int) *kernels.Kernel {
	t.Helper()
	pattern := regexp.MustCompile(`(\n    ` + language + `:\n      sizes: )"tile int = .*"\n`)
	text := pattern.ReplaceAllString(kernels.ManifestText(), fmt.Sprintf("$1 tile int = %d\n", tile))
	require.NotEqual(t, kernels.ManifestText(), text)
	m, err := kernels.Parse("squares.yaml", text)
	require.NoError(t, err)
	return m.Kernel("matmul")
}

// launchAs runs a node by a kernel that needn't be the manifest's.
func launchAs(t *testing.T, d *emulated, k *kernels.Kernel, n *ir.Node, arrays []*ir.Array) *ir.Array {
	t.Helper()
	call, free := callAs(t, d, k, n, arrays)
	defer free()
	return result(t, d, call, n.Type).Array()
}

// callAs uploads a node's operands and makes a call of such a kernel.
func callAs(t *testing.T, d *emulated, k *kernels.Kernel, n *ir.Node, arrays []*ir.Array) (call *device.Call, free func()) {
	t.Helper()
	call, free = uploaded(t, d, n, arrays)
	shapes := make([][]int, len(arrays))
	for i, a := range arrays {
		shapes[i] = a.Type.Shape
	}
	var err error
	call.Kernel = k
	call.Scalars, err = k.EvalScalars(n.LookupAttr, shapes, n.Type.Shape)
	require.NoError(t, err)
	return call, free
}
