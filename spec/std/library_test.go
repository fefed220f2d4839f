package std_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/ir"
)

// evaluate computes nodes of a model over inputs, on the CPU. Everything is
// f32, so results are compared to 1e-5 of values of about 1.
func evaluate(t *testing.T, inputs map[string]*flowrun.Tensor, nodes ...string) map[string]*flowrun.Tensor {
	t.Helper()
	var text strings.Builder
	text.WriteString("flowrun: 1\nmodel:\n  inputs:\n")
	for name, value := range inputs {
		fmt.Fprintf(&text, "    %s: %q\n", name, value.Type.String())
	}
	text.WriteString("  nodes:\n")
	var names []string
	for _, node := range nodes {
		text.WriteString("    " + node + "\n")
		name, _, _ := strings.Cut(node, ":")
		names = append(names, name)
	}
	text.WriteString("  outputs: [" + strings.Join(names, ", ") + "]\n")
	p, err := flowrun.Parse("library.yaml", []byte(text.String()))
	require.NoError(t, err, text.String())
	got, err := p.Infer(context.Background(), inputs, flowrun.On("cpu"))
	require.NoError(t, err)
	return got
}

const near = 1e-5

func requireNear(t *testing.T, want []float64, got *flowrun.Tensor, tolerance float64) {
	t.Helper()
	require.Equal(t, len(want), got.Type.Shape.Numel())
	for i := range want {
		require.InDelta(t, want[i], got.Float(i), tolerance, "element %d", i)
	}
}

// floats are n numbers of about 1.
func floats(n int, seed float64) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(1.7 * math.Sin(seed+2.3*float64(i)))
	}
	return out
}

// crossEntropy is the loss of each row of [n, c] logits and its gradient, for a
// target that label smoothing has spread; both 0 for an ignored label.
func crossEntropy(x []float32, labels []int64, classes int, smoothing float64, ignored int64) (losses, grad []float64) {
	losses, grad = make([]float64, len(labels)), make([]float64, len(x))
	for i, label := range labels {
		if label == ignored {
			continue
		}
		row := x[i*classes : (i+1)*classes]
		total := 0.0
		for _, v := range row {
			total += math.Exp(float64(v))
		}
		for c, v := range row {
			target := smoothing / float64(classes)
			if int64(c) == label {
				target += 1 - smoothing
			}
			losses[i] -= target * (float64(v) - math.Log(total))
			grad[i*classes+c] = math.Exp(float64(v))/total - target
		}
	}
	return losses, grad
}

func TestCrossEntropySmoothsLabelsAndLeavesOutIgnoredOnes(t *testing.T) {
	const n, classes = 5, 4
	x := floats(n*classes, 1)
	for _, c := range []struct {
		args    string
		labels  []int64
		smooth  float64
		ignored int64
	}{
		{"", []int64{0, 3, 1, 2, 2}, 0, -100},
		{"", []int64{0, -100, 1, -100, 2}, 0, -100},
		{", label_smoothing=0.2", []int64{0, 3, -100, 2, 2}, 0.2, -100},
		{", ignore_index=2", []int64{0, 3, 1, 2, 2}, 0, 2},
	} {
		losses, grad := crossEntropy(x, c.labels, classes, c.smooth, c.ignored)
		counted, sum := 0.0, 0.0
		for i, label := range c.labels {
			if label != c.ignored {
				counted++
			}
			sum += losses[i]
		}
		for _, d := range []flowrun.DType{flowrun.U8, flowrun.I32, flowrun.I64} {
			if d == flowrun.U8 && slices.Min(c.labels) < 0 {
				continue // it has no such labels
			}
			got := evaluate(t, map[string]*flowrun.Tensor{
				"x": ir.FromFloat32(flowrun.Shape{n, classes}, x),
				"y": ir.FromInt64(d, flowrun.Shape{n}, c.labels),
			},
				`each: "cross_entropy(x, y, reduction='none'`+c.args+`)"`,
				`total: "cross_entropy(x, y, reduction='sum'`+c.args+`)"`,
				`average: "cross_entropy(x, y`+c.args+`)"`,
				`slope: "grad(average, x)"`)
			requireNear(t, losses, got["each"], near)
			requireNear(t, []float64{sum}, got["total"], near)
			requireNear(t, []float64{sum / counted}, got["average"], near)
			for i := range grad {
				require.InDelta(t, grad[i]/counted, got["slope"].Float(i), near, c.args)
			}
		}
	}
}

// [batch, classes, places] with a label for each place, as PyTorch has it.
func TestCrossEntropyTakesTheClassesFromTheSecondDimension(t *testing.T) {
	const batch, classes, places = 2, 3, 4
	x := floats(batch*classes*places, 2)
	labels := []int64{0, 1, 2, 0, 2, 2, 1, 0}
	var rows []float32
	for b := range batch {
		for p := range places {
			for c := range classes {
				rows = append(rows, x[(b*classes+c)*places+p])
			}
		}
	}
	want, _ := crossEntropy(rows, labels, classes, 0, -100)
	got := evaluate(t, map[string]*flowrun.Tensor{
		"x": ir.FromFloat32(flowrun.Shape{batch, classes, places}, x),
		"y": ir.FromInt64(flowrun.I64, flowrun.Shape{batch, places}, labels),
	}, `each: "cross_entropy(x, y, reduction='none')"`)
	require.Equal(t, "f32[2, 4]", got["each"].Type.String())
	requireNear(t, want, got["each"], near)
}

// Images and labels as they are in files.
func TestPixelsAndLabelsOf8BitsAreUsedAsTheyAre(t *testing.T) {
	got := evaluate(t, map[string]*flowrun.Tensor{
		"pixels": ir.FromInt64(flowrun.U8, flowrun.Shape{2, 2}, []int64{0, 51, 204, 255}),
		"ids":    ir.FromInt64(flowrun.U8, flowrun.Shape{3}, []int64{2, 0, 255}),
		"table":  ir.FromFloat32(flowrun.Shape{3, 1}, []float32{1, 2, 3}),
	},
		"scaled: pixels / 255", "centred: pixels - 128", "flipped: flip(pixels, 1)",
		"chosen: where(ids >= 0, ids, ids)", // computed: what is given as an id is compared with the table's rows before
		"rows: embedding(chosen, table)", `slope: "grad(sum(embedding(chosen, table)), table)"`,
		`total: sum(pixels)`, "hits: ids == 255", "last: ids == 256")
	requireNear(t, []float64{0, 0.2, 0.8, 1}, got["scaled"], near)
	require.Equal(t, "f32[2, 2]", got["scaled"].Type.String())
	require.Equal(t, ir.FromInt64(flowrun.I32, flowrun.Shape{2, 2}, []int64{-128, -77, 76, 127}), got["centred"])
	require.Equal(t, ir.FromInt64(flowrun.U8, flowrun.Shape{2, 2}, []int64{51, 0, 255, 204}), got["flipped"])
	require.EqualValues(t, 510, got["total"].Int(0))
	require.Equal(t, []float64{3, 1}, []float64{got["rows"].Float(0), got["rows"].Float(1)})
	require.True(t, math.IsNaN(got["rows"].Float(2)))
	requireNear(t, []float64{1, 0, 1}, got["slope"], 0)
	require.Equal(t, []byte{0, 0, 1}, got["hits"].Data)
	require.Equal(t, []byte{0, 0, 0}, got["last"].Data)
}

func TestALabelThatIsNotThereGivesNaN(t *testing.T) {
	got := evaluate(t, map[string]*flowrun.Tensor{
		"x": ir.FromFloat32(flowrun.Shape{2, 3}, floats(6, 1)),
		"y": ir.FromInt64(flowrun.I32, flowrun.Shape{2}, []int64{1, 3}),
	}, "average: cross_entropy(x, y + 0)") // computed: what is given as a label is compared with the classes before
	require.True(t, math.IsNaN(got["average"].Float(0)))
}

func TestElementwiseLossesAndTheirGradients(t *testing.T) {
	x, y := floats(6, 3), floats(6, 5)
	x[2] = 0 // where |x| and max(x, 0) have a kink
	for i := range y {
		y[i] = 0.5 + 0.25*y[i]
	}
	sigmoid := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	logs := func(x, y float64) float64 { return -y*math.Log(sigmoid(x)) - (1-y)*math.Log(sigmoid(-x)) }
	for call, f := range map[string]func(x, y float64) (loss, slope float64){
		"mse_loss(x, y%s)": func(x, y float64) (float64, float64) { return (x - y) * (x - y), 2 * (x - y) },
		"l1_loss(x, y%s)":  func(x, y float64) (float64, float64) { return math.Abs(x - y), math.Copysign(1, x-y) },
		"huber_loss(x, y, delta=0.7%s)": func(x, y float64) (float64, float64) {
			d := math.Abs(x - y)
			if d < 0.7 {
				return d * d / 2, x - y
			}
			return 0.7 * (d - 0.35), math.Copysign(0.7, x-y)
		},
		"binary_cross_entropy_with_logits(x, y%s)": func(x, y float64) (float64, float64) { return logs(x, y), sigmoid(x) - y },
		"binary_cross_entropy_with_logits(x, y, pos_weight=3.0%s)": func(x, y float64) (float64, float64) {
			return -3*y*math.Log(sigmoid(x)) - (1-y)*math.Log(sigmoid(-x)), (1-y)*sigmoid(x) - 3*y*sigmoid(-x)
		},
		"kl_div(x, y%s)": func(x, y float64) (float64, float64) { return y * (math.Log(y) - x), -y },
		"kl_div(x, y, log_target=true%s)": func(x, y float64) (float64, float64) {
			return math.Exp(y) * (y - x), -math.Exp(y)
		},
	} {
		var each, slopes []float64
		sum := 0.0
		for i := range x {
			loss, slope := f(float64(x[i]), float64(y[i]))
			each, slopes, sum = append(each, loss), append(slopes, slope/6), sum+loss
		}
		got := evaluate(t, map[string]*flowrun.Tensor{
			"x": ir.FromFloat32(flowrun.Shape{2, 3}, x),
			"y": ir.FromFloat32(flowrun.Shape{2, 3}, y),
		},
			fmt.Sprintf(`each: "`+call+`"`, ", reduction='none'"),
			fmt.Sprintf(`total: "`+call+`"`, ", reduction='sum'"),
			fmt.Sprintf(`average: "`+call+`"`, ""),
			`slope: "grad(average, x)"`)
		requireNear(t, each, got["each"], near)
		requireNear(t, []float64{sum}, got["total"], 6*near)
		requireNear(t, []float64{sum / 6}, got["average"], near)
		requireNear(t, slopes, got["slope"], near)
	}
}

func TestKLDivergenceOfAZeroProbabilityIsZero(t *testing.T) {
	got := evaluate(t, map[string]*flowrun.Tensor{
		"x": ir.FromFloat32(flowrun.Shape{2, 2}, []float32{-0.5, -1, -2, -0.25}),
		"y": ir.FromFloat32(flowrun.Shape{2, 2}, []float32{1, 0, 0.25, 0.75}),
	}, `d: "kl_div(x, y, reduction='batchmean')"`, `slope: "grad(d, y)"`)
	want := (0.5 + 0.25*(math.Log(0.25)+2) + 0.75*(math.Log(0.75)+0.25)) / 2
	requireNear(t, []float64{want}, got["d"], near)
	require.False(t, math.IsNaN(got["slope"].Float(1)))
}

func TestLossesRefuseShapesThatWouldBroadcast(t *testing.T) {
	_, err := flowrun.Parse("bad.yaml", []byte(`
flowrun: 1
model:
  inputs: {x: "f32[8, 1]", y: "f32[8]"}
  nodes: {d: "mse_loss(x, y)"}
  outputs: [d]
`))
	require.ErrorContains(t, err, "the input target of mse_loss must be float[...size], got f32[8]: size is [8, 1] here, not [8]")
}

func TestArgumentsOfModulesHaveBounds(t *testing.T) {
	for node, want := range map[string]string{
		"{Dropout: x, p: 1.5}":                             "the argument p of Dropout must be at most 1, got 1.5",
		"{MLP: x, hidden_features: 0}":                     "the argument hidden_features of MLP must be at least 1, got 0",
		"{MLP: x, hidden_features: 8, activation: sigmod}": `must be one of gelu, gelu_tanh, relu, silu, tanh, got "sigmod"`,
	} {
		_, err := flowrun.Parse("bad.yaml", []byte("flowrun: 1\nmodel:\n  inputs: {x: \"f32[2, 3]\"}\n  nodes: {y: "+node+"}\n  outputs: [y]\n"))
		require.ErrorContains(t, err, want)
	}
}

// normalized brings groups of numbers to mean 0 and variance 1.
func normalized(x []float32, group func(i int) int, eps float64) []float64 {
	sum, squares, count := map[int]float64{}, map[int]float64{}, map[int]float64{}
	for i, v := range x {
		sum[group(i)] += float64(v)
		count[group(i)]++
	}
	for i, v := range x {
		d := float64(v) - sum[group(i)]/count[group(i)]
		squares[group(i)] += d * d
	}
	out := make([]float64, len(x))
	for i, v := range x {
		g := group(i)
		out[i] = (float64(v) - sum[g]/count[g]) / math.Sqrt(squares[g]/count[g]+eps)
	}
	return out
}

func TestNormalizationsStartAsPlainNormalizations(t *testing.T) {
	const batch, channels, places = 3, 4, 5
	x := floats(batch*channels*places, 4)
	inputs := map[string]*flowrun.Tensor{"x": ir.FromFloat32(flowrun.Shape{batch, channels, places}, x)}
	lines := normalized(x, func(i int) int { return i / places }, 1e-5)
	groups := normalized(x, func(i int) int { return i / (2 * places) }, 1e-5)
	got := evaluate(t, inputs,
		"ln: {LayerNorm: x}",
		"ln_without: {LayerNorm: x, elementwise_affine: false}",
		"ln_unbiased: {LayerNorm: x, bias: false}",
		"gn: {GroupNorm: x, num_groups: 2}",
		"gn_without: {GroupNorm: x, num_groups: 2, affine: false}",
		"rms: {RMSNorm: x}",
		"rms_without: {RMSNorm: x, elementwise_affine: false, eps: 0.1}")
	requireNear(t, lines, got["ln"], near)
	requireNear(t, lines, got["ln_without"], near)
	requireNear(t, lines, got["ln_unbiased"], near)
	requireNear(t, groups, got["gn"], near)
	requireNear(t, groups, got["gn_without"], near)
	for name, eps := range map[string]float64{"rms": 1.1920928955078125e-7, "rms_without": 0.1} {
		var want []float64
		for line := range slices.Chunk(x, places) {
			squares := 0.0
			for _, v := range line {
				squares += float64(v) * float64(v)
			}
			for _, v := range line {
				want = append(want, float64(v)/math.Sqrt(squares/places+eps))
			}
		}
		requireNear(t, want, got[name], near)
	}
}

func TestGroupsMustDivideTheChannels(t *testing.T) {
	_, err := flowrun.Parse("bad.yaml", []byte(`
flowrun: 1
model:
  inputs: {x: "f32[2, 3, 4]"}
  nodes: {y: {GroupNorm: x, num_groups: 2}}
  outputs: [y]
`))
	require.ErrorContains(t, err, "GroupNorm requires that num_groups divides the channels, but channels is 3 and num_groups is 2")
}

func TestModulesTakeBatchesWithoutExamples(t *testing.T) {
	inputs := map[string]*flowrun.Tensor{"x": ir.FromFloat32(flowrun.Shape{0, 4, 6}, nil), "label": ir.FromFloat32(flowrun.Shape{0, 6}, nil)}
	got := evaluate(t, inputs,
		"bn: {BatchNorm: x}", "gn: {GroupNorm: x, num_groups: 2}", "ln: {LayerNorm: x}", "rms: {RMSNorm: x}",
		"fc: {Linear: x, out_features: 6}", "conv: {Conv1d: x, out_channels: 4, kernel_size: 1}", "gru: GRU(x, 6).out",
		`ce: cross_entropy(x, cast(label, "i32"), weight=[1.0, 2.0, 1.0, 1.0], label_smoothing=0.1, reduction="sum")`)
	for _, name := range []string{"bn", "gn", "ln", "rms", "fc", "conv", "gru"} {
		require.Equal(t, flowrun.Shape{0, 4, 6}, got[name].Type.Shape, name)
	}
	require.Zero(t, got["ce"].Float(0))
	none := map[string]*flowrun.Tensor{"none": ir.FromFloat32(flowrun.Shape{2, 0}, nil)}
	require.Equal(t, make([]float32, 6), evaluate(t, none, "y: {Linear: none, out_features: 3}")["y"].Float32s())
}
