package ops_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
)

// Values and gradients of what looks at windows are those that PyTorch gives in float64;
// testdata/windows.py says of which elements.
func TestWindowsAreThoseOfPyTorch(t *testing.T) {
	text, err := os.ReadFile("testdata/windows.json")
	require.NoError(t, err)
	var cases []struct {
		Expr         string
		X, Y         ir.Shape
		Values, Grad []float64
	}
	require.NoError(t, json.Unmarshal(text, &cases))
	pattern := func(shape ir.Shape, factor, modulus int, divisor float64) *ir.Array {
		x := ir.NewArray(ir.Type{DType: ir.F64, Shape: shape})
		for i := range x.F {
			x.F[i] = float64(i*factor%modulus-modulus/2) / divisor
		}
		return x
	}
	for _, c := range cases {
		t.Run(c.Expr, func(t *testing.T) {
			p := compile(t, c.Expr, map[string]*ir.Array{"x": pattern(c.X, 37, 101, 16)})
			// The recorded values have twelve digits.
			requireClose(t, floats(ir.F64, c.Y, c.Values...), p.value(), 1e-11, "value")
			g := p.grads(pattern(c.Y, 53, 97, 32))["x"]
			require.NotNil(t, g)
			requireClose(t, floats(ir.F64, c.X, c.Grad...), p.eval(g)[0], 1e-11, "gradient")
		})
	}
}
