package spec_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/irtest"
	"github.com/flowrun/flowrun/spec"
)

// Schedules in closed form, at many steps. Their constants are kept in f32.
func TestSchedulesFollowTheirFormulas(t *testing.T) {
	for call, want := range map[string]func(s float64) float64{
		"constant_lr(s, 0.3)":             func(s float64) float64 { return pick(s < 5, 0.1, 0.3) },
		"constant_lr(s, 0.3, 0.5, 100)":   func(s float64) float64 { return pick(s < 100, 0.15, 0.3) },
		"step_lr(s, 0.3, 30)":             func(s float64) float64 { return 0.3 * math.Pow(0.1, math.Floor(s/30)) },
		"step_lr(s, 0.3, 100, 0.5)":       func(s float64) float64 { return 0.3 * math.Pow(0.5, math.Floor(s/100)) },
		"exponential_lr(s, 0.3, 0.999)":   func(s float64) float64 { return 0.3 * math.Pow(0.999, s) },
		"cosine_annealing_lr(s, 0.3, 50)": func(s float64) float64 { return 0.15 * (1 + math.Cos(math.Pi*s/50)) },
		"cosine_annealing_lr(s, 0.3, 700, eta_min=0.1)": func(s float64) float64 {
			return 0.1 + 0.1*(1+math.Cos(math.Pi*s/700))
		},
		"linear_lr(s, 0.3)":                func(s float64) float64 { return 0.3 * (1 + 2*min(s/5, 1)) / 3 },
		"linear_lr(s, 0.3, 1.0, 0.0, 400)": func(s float64) float64 { return 0.3 * (1 - min(s/400, 1)) },
		"warmup_constant(s, 0.3, 100)":     func(s float64) float64 { return 0.3 * min((s+1)/100, 1) },
		"warmup_constant(s, 0.3, 0)":       func(float64) float64 { return 0.3 },
		"warmup_linear(s, 0.3, 100, 500, 0.1)": func(s float64) float64 {
			return pick(s < 100, 0.3*(s+1)/100, 0.3-0.2*min((s-100)/400, 1))
		},
		"warmup_cosine(s, 0.3, 100, 500)": func(s float64) float64 { return warmupCosine(int(s), 0.3, 100, 500, 0) },
		"warmup_cosine(s, 0.3, 0, 500, eta_min=0.1)": func(s float64) float64 {
			return warmupCosine(int(s), 0.3, 0, 500, 0.1)
		},
	} {
		p := parse(t, fmt.Sprintf("flowrun: 1\nmodel:\n  inputs: {s: \"i64[]\"}\n  nodes: {lr: %q}\n  outputs: [lr]\n", call), spec.Options{})
		for s := int64(0); s < 1000; s += 1 + s/20 {
			got, err := irtest.Reference([]*ir.Node{p.Infer.Outputs[0].Node}, func(n *ir.Node) (*ir.Array, error) {
				return &ir.Array{Type: n.Type, I: []int64{s}}, nil
			})
			require.NoError(t, err)
			require.Equal(t, "f32[]", got[0].Type.String(), call)
			// 0.999 in f32, to the power of 1000.
			require.InDelta(t, want(float64(s)), got[0].At(0), 1e-5, "%s at %d", call, s)
		}
	}
}

// For an f64 parameter, step is an f64[], and rates have all its digits.
func TestSchedulesKeepTheDigitsOfF64(t *testing.T) {
	for call, want := range map[string]float64{
		"constant_lr(s, 0.3)": 0.3, "constant_lr(s, 0.3, 0.1, 100)": 0.3 * 0.1, "step_lr(s, 0.3, 30)": 0.3, "step_lr(s, 0.3, 30, 0)": 0.3,
		"exponential_lr(s, 0.3, 0.9)": 0.3 * math.Pow(0.9, 7), "exponential_lr(s, 0.3, 0)": 0, "cosine_annealing_lr(s, 0.3, 7)": 0,
		"linear_lr(s, 0.3)": 0.3, "warmup_constant(s, 0.3, 5)": 0.3, "warmup_linear(s, 0.3, 10, 20)": 0.3 * 8 / 10, "warmup_cosine(s, 0.3, 10, 20)": 0.3 * 8 / 10,
	} {
		p := parse(t, fmt.Sprintf("flowrun: 1\nmodel:\n  inputs: {s: \"f64[]\"}\n  nodes: {lr: %q}\n  outputs: [lr]\n", call), spec.Options{})
		got, err := irtest.Reference([]*ir.Node{p.Infer.Outputs[0].Node}, func(n *ir.Node) (*ir.Array, error) {
			return &ir.Array{Type: n.Type, F: []float64{7}}, nil
		})
		require.NoError(t, err)
		require.Equal(t, "f64[]", got[0].Type.String(), call)
		require.InDelta(t, want, got[0].At(0), 1e-15, call)
	}
}

func pick(condition bool, a, b float64) float64 {
	if condition {
		return a
	}
	return b
}
