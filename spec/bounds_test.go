package spec

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/syntax"
)

func TestNaNIsOutsideTheBoundsOfAVar(t *testing.T) {
	nan := filepath.Join(t.TempDir(), "nan.yaml")
	require.NoError(t, os.WriteFile(nan, []byte("v: .nan\n"), 0o600))
	for _, bounds := range []string{"min: 0", "max: 1", "min: -.inf", "max: .inf", "min: 0, max: 1", "type: float, min: 0", "type: float, max: 1"} {
		text := func(value string) string {
			return "flowrun: 1\nvars: {v: {value: " + value + ", " + bounds + "}}\nmodel:\n  nodes: {y: \"full([2], v)\"}\n  outputs: [y]\n"
		}
		for value, o := range map[string]Options{".nan": {}, "0.5": {Set: []Setting{{Key: "v", Value: ".NaN"}}}, "0.25": {VarsFiles: []string{nan}}} {
			var list diag.List
			syntax.Decode("a.yaml", []byte(text(value)), o, &list)
			require.Len(t, list.Items, 1, "%s, %s", value, bounds)
			require.Equal(t, diag.InvalidValue, list.Items[0].Rule, list.Text())
			require.Contains(t, list.Items[0].Message, "the var v is NaN")
		}
		var list diag.List
		syntax.Decode("a.yaml", []byte(text("0.5")), Options{}, &list)
		require.Empty(t, list.Items, list.Text())
	}
	for _, at := range []string{"min", "max"} { // and bounds nothing
		var list diag.List
		syntax.Decode("a.yaml", []byte("flowrun: 1\nvars: {v: {value: 1, "+at+": .nan}}\nmodel:\n  nodes: {y: \"full([2], v)\"}\n  outputs: [y]\n"), Options{}, &list)
		require.Len(t, list.Items, 1)
		require.Equal(t, diag.InvalidValue, list.Items[0].Rule)
		require.Contains(t, list.Items[0].Message, at+" must not be NaN")
	}
}

func TestNaNIsOutsideTheBoundsOfAnArgument(t *testing.T) {
	checked := 0
	for _, modules := range []map[string]*syntax.Module{syntax.Standard().Modules, syntax.Standard().Optimizers} {
		for name, m := range modules {
			for _, a := range m.Args {
				if a.Min == nil && a.Max == nil {
					continue
				}
				checked++
				given := func(v float64) any {
					if a.Kind == syntax.ArgNumbers {
						return slices.Repeat([]any{v}, max(a.Length, 1))
					}
					return v
				}
				require.NotEmpty(t, a.Refuses(given(math.NaN())), "%s.%s", name, a.Name)
				require.Equal(t, a.Max != nil, a.Refuses(given(math.Inf(1))) != "", "%s.%s", name, a.Name)
				require.Equal(t, a.Min != nil, a.Refuses(given(math.Inf(-1))) != "", "%s.%s", name, a.Name)
			}
		}
	}
	require.Greater(t, checked, 40)
	for _, call := range []string{"{Dropout: x, p: .nan}", "{LayerNorm: x, eps: .nan}", "{M: x, a: .nan}", "{M: x, a: -.inf}", "{N: x, a: [.nan]}"} {
		_, list := Parse("a.yaml", fmt.Appendf(nil, `flowrun: 1
modules:
  M: {inputs: {x: "f32[2]"}, args: {a: {type: scalar, min: 0}}, output: x * a}
  N: {inputs: {x: "f32[2]"}, args: {a: {type: numbers, max: 1, default: [1]}}, output: x * len(a)}
model:
  inputs: {x: "f32[2]"}
  nodes: {y: %s, m: {M: x, a: 1}, n: {N: x}}
  outputs: [y, m, n]
`, call), Options{})
		require.Len(t, list.Items, 1, "%s: %s", call, list.Text())
		require.Equal(t, diag.InvalidArgument, list.Items[0].Rule, list.Text())
	}
}
