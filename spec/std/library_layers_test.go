package std_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/ir"
)

// dropped gives what a dropout of ones, or of normal numbers, gives in training.
func dropped(t *testing.T, x, call string, shape string) *flowrun.Tensor {
	t.Helper()
	_, s := start(t, `flowrun: 1
data: {d: {generate: {x: "`+x+`"}}}
model: {inputs: {x: "f32`+shape+`"}, nodes: {y: {`+call+`}, z: {Linear: y, out_features: 1}}, outputs: [z]}
train: {data: d, loss: mean(z), optimizer: {SGD: {lr: 0}}, max_steps: 1}
`, "cpu")
	require.NoError(t, s.Step(context.Background()))
	return get(t, s, "y")
}

func TestDropoutOfChannelsLeavesThemWholeOrSetsThemToZero(t *testing.T) {
	for call, shape := range map[string]string{"Dropout1d: x, p: 0.25": "[40, 50, 3]", "Dropout2d: x, p: 0.25": "[40, 50, 2, 2]", "Dropout3d: x, p: 0.25": "[40, 50, 1, 2, 1]"} {
		y := dropped(t, "ones("+shape+")", call, shape).Float32s()
		zeros, area := 0, len(y)/2000
		for channel := range slices.Chunk(y, area) {
			require.Equal(t, slices.Repeat([]float32{channel[0]}, area), channel, "a channel has one value")
			if channel[0] == 0 {
				zeros++
			} else {
				require.InDelta(t, 4.0/3, channel[0], 1e-6)
			}
		}
		require.InDelta(t, 500, zeros, 100, "of 2000, five deviations of 19 on either side") // √(2000 · 0.25 · 0.75)
	}
}

func TestAlphaDropoutKeepsMeanAndVariance(t *testing.T) {
	y := dropped(t, "normal(0, 1, [200, 500])", "AlphaDropout: x, p: 0.3", "[200, 500]")
	sum, squares, low := 0.0, 0.0, 0
	count := y.Type.Shape.Numel()
	// What is dropped is one number: selu's lower end, scaled and shifted.
	a := 1 / math.Sqrt(0.7*(1+0.3*1.7580993408473766*1.7580993408473766))
	to := -1.7580993408473766*a + 1.7580993408473766*a*0.3
	for i := range count {
		v := y.Float(i)
		sum, squares = sum+v, squares+v*v
		if math.Abs(v-to) < 1e-6 {
			low++
		}
	}
	n := float64(count)
	require.InDelta(t, 0, sum/n, 0.016, "five deviations of the mean of 10⁵ numbers of variance 1")
	require.InDelta(t, 1, squares/n, 0.03)
	require.InDelta(t, 0.3, float64(low)/n, 0.0073, "five deviations of √(0.3 · 0.7 / 10⁵)")
}

func TestInstanceNormAveragesTheStatisticsOfExamples(t *testing.T) {
	x := numbers{Shape: flowrun.Shape{1, 2, 3, 4}}
	for i := range 24 {
		x.Values = append(x.Values, float64(i*i%17)/4)
	}
	weights := trainedOn(t, x, `
model:
  inputs: {x: "f32[2, 3, 4]"}
  nodes: {y: {InstanceNorm: x, track_running_stats: true, momentum: 0.25}, z: {Linear: y, out_features: 1}}
  outputs: [z]
train: {data: rows, loss: sum(z), optimizer: {SGD: {lr: 0}}, max_steps: 1}
`, nil)
	var mean, variance []float64
	for c := range 3 {
		m, v := 0.0, 0.0
		for b := range 2 {
			line := x.Values[(b*3+c)*4 : (b*3+c+1)*4]
			average := (line[0] + line[1] + line[2] + line[3]) / 4
			m += average / 2
			for _, value := range line {
				v += (value - average) * (value - average) / 3 / 2 // of 4 values, unbiased; of 2 examples
			}
		}
		mean, variance = append(mean, 0.25*m), append(variance, 0.75+0.25*v)
	}
	requireNear(t, mean, weights["y.running_mean"], near)
	requireNear(t, variance, weights["y.running_var"], near)
	require.EqualValues(t, 1, weights["y.num_batches_tracked"].Int(0))

	p, err := flowrun.Parse("norm.yaml", []byte("flowrun: 1\nmodel: {inputs: {x: \"f32[1, 2, 1]\"}, nodes: {y: {InstanceNorm: x, track_running_stats: true}}, outputs: [y]}\n"))
	require.NoError(t, err, "in inference the running averages stand for the example's, also of one value")
	got, err := p.Infer(context.Background(), map[string]*flowrun.Tensor{"x": ir.FromFloat32(flowrun.Shape{1, 2, 1}, []float32{3, -4})})
	require.NoError(t, err)
	requireNear(t, []float64{3, -4}, got["y"], 1e-4) // of mean 0 and variance 1, and eps
}

// The message names what doesn't fit with what.
func TestFunctionsSayWhatDoesNotFit(t *testing.T) {
	for call, want := range map[string]string{
		"glu(x, 0)":                                   "glu requires that the size of dim is even, but size is [3, 4, 6] and dim is 0",
		"glu(x, 3)":                                   "glu requires that dim is one of x's, but size is [3, 4, 6] and dim is 3",
		"{PReLU: x, num_parameters: 6}":               "PReLU requires that num_parameters is 1 or the number of channels, but num_parameters is 6 and size is [3, 4, 6]",
		"pixel_shuffle(x, 2)":                         "pixel_shuffle requires that the square of upscale_factor divides the channels, but channels is 3 and upscale_factor is 2",
		"pixel_unshuffle(x, 4)":                       "downscale_factor divides height and width, but height is 4 and downscale_factor is 4 and width is 6",
		"channel_shuffle(x, 3)":                       "groups divides the channels, but channels is 4 and groups is 3",
		"diagonal(x, 7)":                              "the diagonal is one of x's, but rows is 4 and offset is 7 and columns is 6",
		"cross(x, x)":                                 "vectors have three elements, but size is [3, 4, 6] and dim is -1",
		"median(x, 3)":                                "dim is one of x's, but size is [3, 4, 6] and dim is 3",
		"quantile(x, 1.5)":                            "the argument q of quantile must be at most 1, got 1.5",
		"quantile(x, 0.5, nil, true)":                 "keepdim goes with dim, but dim is nil and keepdim is true",
		"searchsorted(x, flatten(x))":                 "rows is [3, 4] here, not []",
		"nll_loss(x, cast(max(x, 1), 'i32'), [1, 2])": "weight has one number per class, but weight is [1, 2] and classes is 4",
		"gaussian_nll_loss(x, x, max(x, 0, true))":    "var has the shape of input, or 1 or nothing as its last dimension, but size is [3, 4, 6] and var_size is [1, 4, 6]",
		"{Conv1d: x, out_channels: 2, kernel_size: 3, padding: 9, padding_mode: reflect}":                "reflect can pad dim -1 by at most 5; padding is [9, 9] there",
		"{Conv1d: x, out_channels: 2, kernel_size: 3, padding: [1, 2], padding_mode: reflect}":           "padding is same, valid, one int, but padding_mode is reflect and padding is [1, 2]",
		"{Conv1d: x, out_channels: 2, kernel_size: 3, stride: 2, padding: same, padding_mode: circular}": "stride is 1 for the padding same, but padding_mode is circular and padding is same and stride is [2]",
		"interpolate(x, nil, [2, 3])":                                                  "scale_factor must be one number, or a list of 1 number; it is [2 3]; x is f32[3, 4, 6]",
		"interpolate(x, 4, nil, 'linear', antialias=true)":                             "linear has no antialias; bilinear and bicubic have",
		"interpolate(x, 4, recompute_scale_factor=true)":                               "recompute_scale_factor goes with scale_factor, not with size",
		"interpolate(x, nil, [0.1])":                                                   "scale_factor 0.1 leaves nothing of dim -1; x is f32[3, 4, 6]",
		"index_add(cast(x, 'i32'), 0, arange(1), cast(slice(x, 0, 0, 1), 'i32'), 0.5)": "alpha is 0.5, which i32 can't represent",
		"max_unpool1d(x, arange(6), 2)":                                                "the input indices of max_unpool1d must be int[...lead, length], got i64[6]: lead is [3, 4] here, not []",
		"max_unpool2d(x, cast(x, 'i32'), [2, 2, 2])":                                   "kernel_size, stride and padding are one int, or one for each dimension",
	} {
		if call[0] != '{' {
			call = `"` + call + `"`
		}
		_, err := flowrun.Parse("bad.yaml", []byte("flowrun: 1\nmodel:\n  inputs: {x: \"f32[3, 4, 6]\"}\n  nodes:\n    y: "+call+"\n  outputs: [y]\n"))
		require.ErrorContains(t, err, want, call)
	}
}
