package std_test

import (
	"testing"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/ir"
)

// The gradient of an einsum is that of the same sums written with other operations.
func TestEinsumHasTheGradientOfItsSums(t *testing.T) {
	numbers := func(shape ...int) *flowrun.Tensor {
		v := make([]float64, ir.Shape(shape).Numel())
		for i := range v {
			v[i] = float64((i*7+3)%11)/4 - 1
		}
		return ir.FromFloat64(ir.F64, shape, v)
	}
	for equation, c := range map[string]struct {
		a, b    []int
		written string
	}{
		"ij,jk->ik":         {[]int{2, 3}, []int{3, 4}, "matmul(a, b)"},
		"bij,bkj->bki":      {[]int{2, 3, 4}, []int{2, 1, 4}, "transpose(matmul(a, b, transpose_b=true))"},
		"ii,j->ij":          {[]int{3, 3}, []int{2}, "reshape(sum(where(cast(eye(3), 'bool'), a, 0.0), 1), [3, 1]) * b"},
		"ij,ij->":           {[]int{2, 3}, []int{2, 3}, "sum(a * b)"},
		"ijk,l->i":          {[]int{2, 3, 1}, []int{4}, "sum(a, [1, 2]) * sum(b)"},
		"...i,ij->...j":     {[]int{2, 3, 4}, []int{4, 5}, "matmul(a, b)"},
		"...,...":           {[]int{2, 1}, []int{3}, "a * b"},
		"ij,jk":             {[]int{2, 1}, []int{3, 2}, "reshape(sum(a, 1), [2, 1]) * sum(b, 0)"},
		"b i, b j -> b j i": {[]int{2, 0}, []int{2, 3}, "transpose(unsqueeze(a, 2) * unsqueeze(b, 1))"},
	} {
		t.Run(equation, func(t *testing.T) {
			nodes := func(value string) []string {
				return []string{"y: " + value, "s: sum(exp(y) * y)", "da: grad(s, a)", "db: grad(s, b)", "dda: grad(sum(da * da) + sum(y), b)"}
			}
			in := map[string]*flowrun.Tensor{"a": numbers(c.a...), "b": numbers(c.b...)}
			want := evaluated(t, "cpu", in, nodes(c.written)...)
			got := evaluated(t, "cpu", in, nodes("einsum('"+equation+"', [a, b])")...)
			for name, w := range want {
				values := make([]float64, w.Type.Shape.Numel())
				for i := range values {
					values[i] = w.Float(i)
				}
				requireNear(t, values, got[name], 1e-11)
			}
		})
	}
}
