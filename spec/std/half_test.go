package std_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/runtest"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec"
)

// What f16 and bf16 give is compared with what f32 gives of the same numbers,
// rounded once: bit for bit, since nothing between may be rounded. And f32 with
// f64.

var halves = []flowrun.DType{ir.F16, ir.BF16}

// rounded brings a tensor to another dtype.
func rounded(x *flowrun.Tensor, d flowrun.DType) *flowrun.Tensor {
	if !x.Type.DType.IsFloat() {
		return x
	}
	out := ir.NewTensor(ir.Type{DType: d, Shape: x.Type.Shape})
	for i := range x.Type.Shape.Numel() {
		out.SetFloat(i, x.Float(i))
	}
	return out
}

// requireSame compares numbers, NaN being NaN and 0 being -0.
func requireSame(t *testing.T, want, got *flowrun.Tensor, what string) {
	t.Helper()
	require.Equal(t, want.Type, got.Type, what)
	for i := range want.Type.Shape.Numel() {
		w, g := want.Float(i), got.Float(i)
		if w != g && !(math.IsNaN(w) && math.IsNaN(g)) {
			require.Failf(t, "not rounded once", "%s: element %d is %v instead of %v", what, i, g, w)
		}
	}
}

// evaluated runs nodes over inputs.
func evaluated(t *testing.T, device string, inputs map[string]*flowrun.Tensor, nodes ...string) map[string]*flowrun.Tensor {
	t.Helper()
	var spec strings.Builder
	spec.WriteString("flowrun: 1\nmodel:\n  inputs:\n")
	for name, x := range inputs {
		fmt.Fprintf(&spec, "    %s: %q\n", name, x.Type)
	}
	spec.WriteString("  nodes:\n")
	var outputs []string
	for i, n := range nodes {
		name, expr, named := strings.Cut(n, ": ")
		if !named {
			name, expr = fmt.Sprintf("n%d", i), n
		}
		if !strings.HasPrefix(expr, "{") { // which begins a module's call
			expr = strconv.Quote(expr)
		}
		fmt.Fprintf(&spec, "    %s: %s\n", name, expr)
		outputs = append(outputs, name)
	}
	fmt.Fprintf(&spec, "  outputs: [%s]\n", strings.Join(outputs, ", "))
	p, err := flowrun.Parse("half.yaml", []byte(spec.String()))
	require.NoError(t, err, spec.String())
	out, err := p.Infer(context.Background(), inputs, flowrun.On(device))
	require.NoError(t, err)
	return out
}

// spread are numbers of both signs and all sizes that a dtype holds, 0 and its
// ends included.
func spread(d flowrun.DType) []float64 {
	var all []float64
	for exponent := -26.0; exponent <= 40; exponent += 1.25 {
		v := math.Exp2(exponent) * 1.37
		all = append(all, v, -v)
	}
	all = append(all, 0, -300, 300, 1, -1, 65504, -65504, 1e30, -1e30)
	var fitting []float64
	for _, v := range all {
		if held := ir.ScalarTensor(d, v).Float(0); !math.IsInf(held, 0) {
			fitting = append(fitting, held)
		}
	}
	return fitting
}

// weighted is a scalar that depends on each element of y in its own way.
func weighted(y string) string {
	return fmt.Sprintf(`sum(cast(flatten(%s), "f32") * cos(cumsum(ones_like(cast(flatten(%[1]s), "f32")), 0)))`, y)
}

// expressions over x and y, one for each op that takes floats and gives floats,
// and has a gradient.
func differentiable() []string {
	var all []string
	for name, op := range ir.Ops() {
		if op.Grad == nil || name == "cast" || name == "prod_of_others" || name == "scatter_others" || op.Family == ir.Convolution {
			continue
		}
		if name == "cholesky" || strings.HasPrefix(name, "qr_") {
			continue // factors of matrices that aren't just any
		}
		var tensors, dims int
		simple := true
		for _, p := range op.Params {
			switch {
			case p.Kind == ir.KTensor:
				tensors++
			case p.Name == "dim" && p.Kind == ir.KInt:
				dims++
			case !p.Optional:
				simple = false
			}
		}
		switch {
		case !simple:
		case tensors == 1 && dims == 1:
			all = append(all, name+"(x, 1)")
		case tensors == 1 && op.Class == ir.Reduce:
			all = append(all, name+"(x, 1)", name+"(x)")
		case tensors == 1 && name == "clamp":
			all = append(all, "clamp(x, -0.1, 0.3)", "clamp(x, max=70000.5)")
		case tensors == 1:
			all = append(all, name+"(x)")
		case tensors == 2 && op.Class == ir.Elementwise && name != "type_as":
			all = append(all, name+"(x, y)", name+"(x, slice(y, 0, 0, 1))")
		}
	}
	slices.Sort(all)
	return append(all, "where(x < y, x, y)", "layer_norm(x, row, row)", "rms_norm(x, row)", "elu(x, 0.3)", "softplus(x, 0.7)",
		"concat([x, y], 1)", "pad(x, [[1, 0], [0, 2]])", "gather(x, 1, cast(abs(y) * 0, \"i32\"))",
		"scatter_add(x, 1, cast(sign(y) + 1, \"i32\"), y)", "scatter_reduce(x, 1, cast(sign(y) + 1, \"i32\"), y, \"mean\")", "sort(x, 0, true)",
		"max_pool1d(x, 3, 2, 1)", "max_pool2d(unsqueeze(x, 0), 2)", "avg_pool1d(x, 3, 2, 1)", "avg_pool2d(unsqueeze(x, 0), [3, 2])",
		"adaptive_avg_pool2d(unsqueeze(x, 0), [4, 3])", "interpolate(unsqueeze(x, 0), 5, mode=\"linear\")",
		"interpolate(unsqueeze(unsqueeze(x, 0), 0), [4, 11], mode=\"bicubic\")")
}

// operandY finds y as a name.
var operandY = regexp.MustCompile(`\by\b`)

func TestOpsOn16BitsGiveWhatF32GivesRoundedOnce(t *testing.T) {
	exprs := differentiable()
	require.Greater(t, len(exprs), 60)
	for _, device := range []string{"cpu"} {
		t.Run(device, func(t *testing.T) {
			if device == "opencl" {
				runtest.NeedsOpenCL(t)
			}
			for _, d := range halves {
				values := spread(d)
				rows := len(values) / 8
				x := ir.FromFloat64(d, ir.Shape{rows, 8}, values[:8*rows])
				y := ir.FromFloat64(d, ir.Shape{rows, 8}, slices.Concat(values[5:8*rows], values[:5]))
				row := ir.FromFloat64(d, ir.Shape{8}, values[20:28])
				for _, expr := range exprs {
					in := map[string]*flowrun.Tensor{"x": x}
					nodes := []string{"out: " + expr, "s: " + weighted("out"), "gx: grad(s, x)"}
					if operandY.MatchString(expr) {
						in["y"] = y
						if !strings.HasPrefix(expr, "gather") {
							nodes = append(nodes, "gy: grad(s, y)")
						}
					}
					if strings.Contains(expr, "row") {
						in["row"] = row
						nodes = append(nodes, "grow: grad(s, row)")
					}
					requireRoundedOnce(t, device, d, in, nodes)
				}
			}
		})
	}
}

// requireRoundedOnce computes nodes in 16 bits, and in f32 of the same numbers.
func requireRoundedOnce(t *testing.T, device string, d flowrun.DType, in map[string]*flowrun.Tensor, nodes []string) {
	t.Helper()
	wide := map[string]*flowrun.Tensor{}
	for name, x := range in {
		wide[name] = rounded(x, ir.F32)
	}
	got := evaluated(t, device, in, nodes...)
	for name, want := range evaluated(t, device, wide, nodes...) {
		if name == "s" {
			continue // of values that are rounded already
		}
		if want.Type.DType.IsFloat() {
			want = rounded(want, d)
		}
		requireSame(t, want, got[name], fmt.Sprintf("%s in %s, %s on %s", name, d, nodes[0], device))
	}
}

func TestANumberNextToA16BitTensorKeepsItsValue(t *testing.T) {
	numbers := []string{"0.1", "1e-8", "3", "2049", "70000", "100000", "1e30", "-1e-5"}
	forms := []string{"x + %s", "%s - x", "x * %s", "x / %s", "%s / x", "x %% %s", "abs(x) ** %s", "x == %s", "x < %s", "x >= %s",
		"maximum(x, %s)", "minimum(x, %s)", "where(x > 0, x, %s)", "floor_divide(x, %s)", "clamp(x, max=abs(%s))"}
	for _, device := range []string{"cpu", "sim"} {
		for _, d := range halves {
			values := append(spread(d), ir.ScalarTensor(d, 0.1).Float(0))
			in := map[string]*flowrun.Tensor{"x": ir.FromFloat64(d, ir.Shape{len(values)}, values)}
			var nodes []string
			for _, form := range forms {
				for _, n := range numbers {
					nodes = append(nodes, fmt.Sprintf(strings.ReplaceAll(form, "abs(%s)", strings.TrimPrefix("%s", "-")), n))
				}
			}
			nodes = slices.DeleteFunc(nodes, func(n string) bool { return strings.Contains(n, "max=-") })
			requireRoundedOnce(t, device, d, in, nodes)
		}
	}
}

// layered modules hand on 16 bits between their layers, or their examples do; or products
// take gradients in 16 bits.
var layered = []string{"KeyValueCache", "cached_attention", "qkv_attention", "MLP", "SelfAttention", "CausalSelfAttention", "TransformerBlock",
	"GroupedQueryAttention", "SwiGLU", "qr", "binary_cross_entropy", "gaussian_nll_loss", "poisson_nll_loss"}

// gated modules have slopes of 1 - h², of which f32 keeps no digit where h is nearly 1: at
// sizes that saturate them.
var gated = []string{"RNN", "RNNCell", "rnn_layer", "rnn_step", "GRU", "GRUCell", "gru_layer", "gru_step", "LSTM", "LSTMCell", "lstm_layer", "lstm_step"}

var (
	exampleInputs = regexp.MustCompile(`(\w+): "((?:f32|i32)\[[^"]*\])"`)
	indexInPath   = regexp.MustCompile(`\.(\d+)\.`)
)

// moduleCase is the example of a module of the standard library as the module
// Case of a spec in any dtype.
type moduleCase struct {
	name, nodes, output string
	inputs              []string // names, in order
	types               map[string]flowrun.Type
}

func moduleCases(t *testing.T) []moduleCase {
	var cases []moduleCase
	for _, m := range spec.StandardModules() {
		if m.Optimizer || m.Group == "Schedules" || m.Group == "Metrics" || m.Group == "Sums over an evaluation" {
			continue
		}
		_, example, _ := strings.Cut(m.Source, "    example: |\n")
		c := moduleCase{name: m.Name, types: map[string]flowrun.Type{}}
		for _, line := range strings.Split(example, "\n") {
			text := strings.TrimSpace(line)
			if !strings.HasPrefix(line, "      ") {
				break
			}
			if name, nodes, one := strings.Cut(text, ": {"); name == "nodes" && one {
				text = strings.TrimSuffix(nodes, "}")
			}
			name, _, _ := strings.Cut(text, ":")
			switch name {
			case "inputs":
				for _, in := range exampleInputs.FindAllStringSubmatch(text, -1) {
					d, dims, _ := strings.Cut(in[2], "[")
					dtype, _ := ir.ParseDType(d)
					shape := ir.Shape{}
					for _, dim := range strings.Split(strings.TrimSuffix(dims, "]"), ",") {
						size := 0
						_, err := fmt.Sscan(strings.TrimSpace(dim), &size)
						require.NoError(t, err)
						shape = append(shape, size)
					}
					c.inputs, c.types[in[1]] = append(c.inputs, in[1]), flowrun.Type{DType: dtype, Shape: shape}
				}
			case "nodes":
			default:
				c.nodes, c.output = c.nodes+"      "+text+"\n", name
			}
		}
		c.nodes = strings.ReplaceAll(c.nodes, "log_softmax(logits, -1)", "logits") // what kl_div is given
		require.NotEmpty(t, c.inputs, m.Name)
		require.NotEmpty(t, c.output, m.Name)
		cases = append(cases, c)
	}
	return cases
}

// tensors are inputs for the case: of a size, ids from 0 up, and targets from 0
// to 1.
func (c moduleCase) tensors(d flowrun.DType, size float64) map[string]*flowrun.Tensor {
	all := map[string]*flowrun.Tensor{}
	for k, name := range c.inputs {
		t := c.types[name]
		values, ids := make([]float64, t.Shape.Numel()), make([]int64, t.Shape.Numel())
		for i := range values {
			values[i] = size * math.Sin(float64(7*i+3+k)*1.7)
			if name == "target" {
				values[i] = 0.5 + 0.5*math.Sin(float64(i))
			}
			ids[i] = int64(i*3) % 10
		}
		if t.DType.IsFloat() {
			all[name] = ir.FromFloat64(d, t.Shape, values)
		} else {
			all[name] = ir.FromInt64(t.DType, t.Shape, ids)
		}
	}
	return all
}

// start makes a session that trains the case on its inputs.
func (c moduleCase) start(t *testing.T, device string, d flowrun.DType, in map[string]*flowrun.Tensor, params []string, weights map[string]*flowrun.Tensor) *flowrun.Session {
	t.Helper()
	dir := t.TempDir()
	batches := map[string]*flowrun.Tensor{}
	var types, fields, nodes []string
	outputs := []string{"out"}
	for _, name := range c.inputs {
		x := in[name]
		types = append(types, fmt.Sprintf("%s: %q", name, x.Type))
		fields = append(fields, fmt.Sprintf("%s: {tensor: %[1]s, type: %q}", name, x.Type))
		batches[name] = &flowrun.Tensor{Type: flowrun.Type{DType: x.Type.DType, Shape: append(ir.Shape{1}, x.Type.Shape...)}, Data: x.Data}
		if x.Type.DType.IsFloat() {
			nodes = append(nodes, fmt.Sprintf("    grad_%s: grad(s, %[1]s)\n", name))
			outputs = append(outputs, "grad_"+name)
		}
	}
	for i, p := range params {
		outputs = append(outputs, fmt.Sprintf("grad_%d", i))
		nodes = append(nodes, fmt.Sprintf("    grad_%d: grad(s, %s)\n", i, indexInPath.ReplaceAllString(p, "[$1].")))
	}
	require.NoError(t, flowrun.WriteTensors(dir+"/d.safetensors", batches))
	text := "flowrun: 1\nmodules:\n  Case:\n    inputs: {" + strings.Join(types, ", ") + "}\n    nodes:\n" + c.nodes + "    output: " + c.output +
		"\ndata: {d: {replay: d.safetensors, fields: {" + strings.Join(fields, ", ") + "}}}\nmodel:\n  inputs: {" + strings.Join(types, ", ") +
		"}\n  nodes:\n    out: {Case: [" + strings.Join(c.inputs, ", ") + "], dtype: " + d.String() + "}\n    s: '" +
		strings.ReplaceAll(weighted("out"), `"f32"`, `"`+d.Wide().String()+`"`) + "'\n" + strings.Join(nodes, "") +
		"  outputs: [" + strings.Join(outputs, ", ") + "]\ntrain: {data: d, loss: s, optimizer: {SGD: {lr: 0}}, max_steps: 1}\n"
	p := parseIn(t, dir, text)
	options := []flowrun.StartOption{flowrun.On(device)}
	if len(weights) > 0 {
		options = append(options, flowrun.WithWeights(flowrun.Weights{Tensors: weights}))
	}
	s, err := p.Start(context.Background(), options...)
	require.NoError(t, err, text)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// values are what the case gives: its output, and the gradients of a weighted
// sum of it.
func (c moduleCase) values(t *testing.T, device string, d flowrun.DType, in, weights map[string]*flowrun.Tensor) map[string]*flowrun.Tensor {
	t.Helper()
	given, params := map[string]*flowrun.Tensor{}, []string{}
	for _, name := range slices.Sorted(maps.Keys(weights)) {
		given[name] = weights[name]
		if !strings.Contains(name, "running_") && weights[name].Type.DType.IsFloat() {
			params, given[name] = append(params, name), rounded(weights[name], d)
		} else if d == ir.F64 {
			given[name] = rounded(weights[name], d)
		}
	}
	s := c.start(t, device, d, in, params, given)
	names := []string{"out"}
	for _, name := range c.inputs {
		if in[name].Type.DType.IsFloat() {
			names = append(names, "grad_"+name)
		}
	}
	for i := range params {
		names = append(names, fmt.Sprintf("grad_%d", i))
	}
	all := map[string]*flowrun.Tensor{}
	for _, name := range names {
		v, err := s.Get(name)
		require.NoError(t, err, name)
		all[name] = v
	}
	return all
}
