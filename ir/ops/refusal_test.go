package ops_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
)

// refusals are wrong calls: over the inputs x f32[3, 5], y f32[4], s f32[],
// i i32[3, 5], c bool[3, 5], and u u8[3, 5], and what the type rule says: the parameter at
// fault, the message, and the help, if there is any.
var refusals = []struct{ expr, param, msg, help string }{
	{"x + y", "b", "shapes don't broadcast: x is f32[3, 5], y is f32[4]; dim -1 is 5 and 4, which must be equal or one of them 1",
		"shapes are aligned at their last dims; unsqueeze or reshape one of them"},
	{"x < [[[1.0]], [[2.0]]] * y", "b", "shapes don't broadcast: x is f32[3, 5], b is f32[2, 1, 4]; dim -1 is 5 and 4, which must be equal or one of them 1",
		"shapes are aligned at their last dims; unsqueeze or reshape one of them"},
	{"c + c", "a", "add doesn't support bools: c is bool[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},
	{"u + u", "a", "add doesn't support u8: u is u8[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},
	{"c * u", "b", "mul doesn't support u8: u is u8[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},
	{"true - u", "b", "sub doesn't support u8: u is u8[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},
	{"neg(u)", "x", "neg doesn't support u8: u is u8[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},
	{"clamp(u, 0, 9)", "x", "clamp doesn't support u8: u is u8[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},
	{"neg(c)", "x", "neg doesn't support bools: c is bool[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},
	{"isnan(c)", "x", "isnan doesn't support bools: c is bool[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},
	{"where(x, x, 0)", "condition", "the condition must be bool; x is f32[3, 5]", `compare it with a value, or use cast(…, "bool")`},
	{"where(c, x, y)", "other", "shapes don't broadcast: c is bool[3, 5], y is f32[4]; dim -1 is 5 and 4, which must be equal or one of them 1",
		"shapes are aligned at their last dims; unsqueeze or reshape one of them"},
	{"clamp(x)", "min", "clamp needs min, max or both", ""},
	{"clamp(x, 1, 0)", "max", "max must be at least min; min is 1, max is 0", ""},
	{"clamp(i, 0.5)", "min", "min is 0.5, which i32 can't represent", "use another value or dtype"},
	{"softplus(x, beta=0)", "beta", "beta must be positive, got 0", ""},

	{"sum(x, 2)", "dim", "dim 2 is out of range: [3, 5] has dims -2 to 1", ""},
	{"sum(s, 0)", "dim", "dim 0: a scalar has no dimensions", ""},
	{"sum(x, [0, -2])", "dim", "dim [0, -2] has dim 0 twice", ""},
	{"sum(x, [])", "dim", "dim is an empty list", "omit it for all dims"},
	{"mean(i)", "x", "mean requires floats or bools; i is i32[3, 5]", `cast it first: mean(cast(x, "f32"))`},
	{"var(i)", "x", "var requires floats; i is i32[3, 5]", `cast it first: var(cast(x, "f32"))`},
	{"max(slice(x, 0, 0, 0))", "x", "max of an empty tensor: x is f32[0, 5]", ""},
	{"argmax(slice(x, 0, 0, 0), 0)", "x", "argmax of an empty tensor: x is f32[0, 5]", ""},
	{"max(c)", "x", "max doesn't support bools: c is bool[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},
	{"max(u)", "x", "max doesn't support u8: u is u8[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},
	{"mean(u)", "x", "mean requires floats or bools; u is u8[3, 5]", `cast it first: mean(cast(x, "f32"))`},
	{"argmax(zeros([1, 2, 3]), [0, 1])", "dim", "argmax reduces one dim, or all of x; dim is [0, 1]", ""},
	{"softmax(x, 5)", "dim", "dim 5 is out of range: [3, 5] has dims -2 to 1", ""},
	{"cumsum(c, 0)", "x", "cumsum doesn't support bools: c is bool[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},

	{"max_pool2d(x, 2)", "x", "max_pool2d requires [batch, channels, height, width], with or without batch; x is f32[3, 5]", ""},
	{"max_pool1d(x, 6)", "kernel_size", "the window has 6 elements in dim -1, where x with its padding has 5; x is f32[3, 5]", ""},
	{"max_pool1d(x, 3, padding=2)", "padding", "padding may be at most half of the window; it is 2 beside a window of 3 in dim -1", ""},
	{"max_pool1d(x, 3, 0)", "stride", "stride must be at least 1; it is [0]", ""},
	{"max_pool2d(reshape(x, [1, 3, 5]), [1, 2, 3])", "kernel_size", "kernel_size must be one int, or a list of 2 ints; it is [1, 2, 3]", ""},
	{"max_pool1d(u, 2)", "x", "max_pool1d doesn't support u8: u is u8[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},
	{"avg_pool1d(i, 2)", "x", "avg_pool1d requires floats; i is i32[3, 5]", `cast it first: cast(x, "f32")`},
	{"avg_pool1d(x, 2, divisor_override=0)", "divisor_override", "divisor_override must be from 1 to 2147483647, not 0", ""},
	{"max_pool1d(slice(x, 1, 0, 0), 1)", "x", "max_pool1d requires at least one element along each dim that it pools; x is f32[3, 0]", ""},
	{"adaptive_avg_pool1d(x, 0)", "output_size", "output_size must be at least 1; it is [0]", ""},
	{"adaptive_avg_pool1d(x, [nil, 2])", "output_size", "output_size must be one int, or a list of 1 int; it has 2 elements", ""},
	{"adaptive_avg_pool1d(x, [true])", "output_size", "output_size must be a list of ints; element 0 is the bool true", ""},

	{"reshape(x, [4, -1])", "shape", "x (f32[3, 5]) has 15 elements, which can't be reshaped to [4, -1]: the other dims multiply to 4", ""},
	{"reshape(x, [-1, -1])", "shape", "shape [-1, -1] has -1 twice; only one dim can be inferred", ""},
	{"reshape(x, [15, -2])", "shape", "shape [15, -2] has a negative dim; only -1, for an inferred dim, is allowed", ""},
	{"reshape(x, [4, 4])", "shape", "x (f32[3, 5]) has 15 elements; [4, 4] has 16", ""},
	{"flatten(x, 1, 0)", "end_dim", "end_dim must not come before start_dim; start_dim is 1, end_dim is 0; x is f32[3, 5]", ""},
	{"squeeze(x, 0)", "dim", "squeeze drops dims of size 1; dim 0 has size 3; x is f32[3, 5]", ""},
	{"unsqueeze(x, 3)", "dim", "dim 3 is out of range: the result has dims -3 to 2; x is f32[3, 5]", ""},
	{"transpose(y)", "x", "transpose requires at least two dims; y is f32[4]", ""},
	{"transpose(x, 0, 2)", "dim1", "dim 2 is out of range: [3, 5] has dims -2 to 1", ""},
	{"permute(x, [0])", "dims", "dims [0] must list each of 2 dims once; x is f32[3, 5]", ""},
	{"permute(x, [1, 1])", "dims", "dims [1, 1] has dim 1 twice", ""},
	{"slice(x, 0, 0, 3, 0)", "step", "step must be at least 1, got 0", "to reverse a dim, use flip"},
	{"concat([])", "tensors", "concat joins at least one tensor; the list is empty", ""},
	{"concat([s, s])", "tensors", "concat requires tensors with at least one dim; s is f32[]", "use stack for scalars"},
	{"concat([x, y])", "tensors", "concat requires tensors of the same rank; x is f32[3, 5], y is f32[4]", ""},
	{"concat([x, transpose(x)], 1)", "tensors", "concat along dim 1 requires all other dims to match; dim 0 differs: x is f32[3, 5], tensors[1] is f32[5, 3]", ""},
	{"stack([x, y])", "tensors", "stack requires tensors of the same shape; x is f32[3, 5], y is f32[4]", "concat joins along a dim that is there"},
	{"pad(x, [[0, 1]])", "padding", "padding has 1 pairs, but one per dim is required; x is f32[3, 5]", "use [0, 0] for dims without padding"},
	{"pad(x, [[0, 1], [-3, -3]])", "padding", "padding cuts more off dim -1 than there is: it is [-3, -3]; x is f32[3, 5]", ""},
	{"unfold(x, 2)", "x", "unfold requires [batch, channels, height, width], with or without batch; x is f32[3, 5]", ""},
	{"unfold(reshape(x, [1, 3, 5]), 4)", "kernel_size", "the window reaches over 4 elements in dim -2, where there are 3 with the padding; x is f32[1, 3, 5]", ""},
	{"fold(x, 4, 2)", "x", "images of [4, 4] have [3, 3] windows of [2, 2], so fold requires [batch, channels · 4, 9]; x is f32[3, 5]", ""},
	{"roll(x, [1, 2], 0)", "shifts", "roll takes a shift for each of dims; there are 2 shifts and 1 dim", ""},
	{"roll(x, 1, 2)", "dims", "dim 2 is out of range: [3, 5] has dims -2 to 1", ""},
	{"tile(x, [2, -1])", "dims", "x can't come -1 times; dims is [2, -1]", ""},
	{"repeat_interleave(x, -1)", "repeats", "repeats can't be negative, got -1", ""},
	{"interpolate(x, 4)", "x", "interpolate requires [batch, channels, …] with one to three more dims; x is f32[3, 5]", ""},
	{"interpolate(zeros([1, 1, 5]), 4, mode=\"bilinear\")", "mode", "bilinear resizes 2 dims behind batch and channels; x is f32[1, 1, 5]", "for these dims it is linear"},
	{"interpolate(zeros([1, 1, 5]), 4, align_corners=true)", "align_corners", "nearest has no align_corners; the linear modes and bicubic have", "leave it out"},
	{"interpolate(zeros([1, 1, 5]))", "size", "interpolate takes either size or scale_factor", ""},
	{"interpolate(zeros([1, 1, 5]), scale_factor=0.1)", "scale_factor", "scale_factor 0.1 leaves nothing of dim -1; x is f32[1, 1, 5]", ""},
	{"pad(x, [1, 2, 3])", "padding", "padding is [1, 2, 3], which isn't two numbers for each of up to 2 dims; x is f32[3, 5]",
		"write [before, after] of the last dim, then of the one before it: [left, right, top, bottom]"},
	{"pad(x, [0, 0, 3, 0], \"reflect\")", "padding", "reflect can pad dim -2 by at most 2; padding is [3, 0] there; x is f32[3, 5]", ""},
	{"pad(x, [1, 1], \"mirror\")", "mode", `mode must be one of constant, reflect, replicate, circular, not "mirror"`, ""},
	{"broadcast_to(x, [5])", "shape", "x (f32[3, 5]) can't be broadcast to [5]: each dim must be equal or 1",
		"dims are aligned at the last; unsqueeze or reshape x first"},
	{"tril(y)", "x", "tril requires matrices; y is f32[4]", ""},

	{"gather(x, 1, x)", "index", "indices must be integers; x is f32[3, 5]", `convert it with cast(…, "i32")`},
	{"gather(x, 1, [0])", "index", "index must have as many dims as x; x is f32[3, 5], index is i32[1]", ""},
	{"gather(y, 0, [[0]])", "index", "index must have as many dims as x; y is f32[4], index is i32[1, 1]", ""},
	{"gather(x, 1, [[0], [0], [0], [0]])", "index", "index is larger than x in dim 0, which isn't indexed; x is f32[3, 5], index is i32[4, 1]", ""},
	{"scatter_add(x, 1, [[0]], i)", "src", "x and src must have the same dtype; x is f32[3, 5], i is i32[3, 5]", "cast one of them"},
	{"scatter_add(x, 1, i, [[0.5]])", "src", "src must be at least as large as index in every dim; i is i32[3, 5], src is f32[1, 1]", ""},
	{"scatter(i, 1, [[0]], 0.5)", "src", "x and src must have the same dtype; i is i32[3, 5], src is f32[]", "cast one of them"},
	{"scatter_reduce(c, 1, [[0]], c, \"sum\")", "x", "scatter_reduce doesn't support bools: c is bool[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},
	{"index_fill(x, 0, [0], x)", "value", "value must be a number or a tensor without dims; x is f32[3, 5]", ""},
	{"sort(x, 2)", "dim", "dim 2 is out of range: [3, 5] has dims -2 to 1", ""},
	{"index_add(x, 0, [[0]], x)", "index", "index must be one-dimensional; index is i32[1, 1]", ""},
	{"index_add(x, 0, [0, 1], x)", "source",
		"source must be [2, 5], which is x with one slice for each index along dim 0; x is f32[3, 5], index is i32[2], x is f32[3, 5]", ""},
	{"index_add(u, 0, [0], u)", "x", "index_add doesn't support u8: u is u8[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},
	{"index_add(c, 0, [0], c)", "x", "index_add doesn't support bools: c is bool[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},
	{"embedding(x, x)", "ids", "indices must be integers; x is f32[3, 5]", `convert it with cast(…, "i32")`},
	{"embedding(i, y)", "weight", "weight must be [rows, columns]; y is f32[4]", ""},
	{"one_hot(i, 0)", "num_classes", "num_classes must be at least 1, got 0", ""},
	{"bits_of(x, 3)", "x", "bits_of requires integers; x is f32[3, 5]", `cast it first: cast(x, "i32")`},
	{"bits_of(u, 3)", "x", "bits_of doesn't support u8: u is u8[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},
	{"bits_of(i, 33)", "bits", "bits must be from 1 to 32 for i32, got 33", ""},

	{"arange(0, 5, 0)", "step", "step can't be 0", ""},
	{"arange(5, 0)", "step", "starting at 5, steps of 1 never reach 0", ""},
	{"arange(0, 1e300)", "end", "arange would produce 1e+300 numbers; the limit is 2**31 - 1", ""},
	{`arange(0.5, 3, dtype="i32")`, "start", "start is 0.5, which i32 can't represent", "use another value or dtype"},
	{`full([2], 3000000000, "i32")`, "value", "value is 3000000000, which i32 can't represent", "use another value or dtype"},
	{`full([2], 256, "u8")`, "value", "value is 256, which u8 can't represent", "use another value or dtype"},
	{`full([2], -1, "u8")`, "value", "value is -1, which u8 can't represent", "use another value or dtype"},
	{`arange(3, dtype="u8")`, "dtype", "arange doesn't support u8", `cast it: cast(arange(…), "u8")`},
	{"zeros([-1])", "", "shape [-1] has a negative dimension", ""},
	{"eye(-1)", "", "shape [-1, -1] has a negative dimension", ""},

	{"uniform()", "shape", "the argument shape is missing", "add it: uniform(…, shape=[2, 3])"},
	{"uniform(1, 0, [2])", "high", "high must be at least low; low is 1, high is 0", ""},
	{`uniform(0, 1, [2], "i32")`, "dtype", "uniform produces floats, not i32", "use randint for integers"},
	{"normal(0, -1, [2])", "std", "std must be at least 0, got -1", ""},
	{"randint(3, 3, [2])", "high", "high must be more than low; low is 3, high is 3", ""},
	{"randint(0, 4294967297, [2])", "high", "randint supports ranges of at most 2**32 integers; low is 0, high is 4294967297", ""},
	{"randint(0, 4294967296, [2])", "dtype", "i32 can't represent all integers from 0 to 4294967295", `use dtype="i64"`},
	{`randint(0, 2, [2], "f32")`, "dtype", "randint produces integers, not f32", "use uniform for floats"},

	{`randint(0, 2, [2], "u8")`, "dtype", "randint doesn't support u8", `cast them: cast(randint(…), "u8")`},
	{"matmul(x, x)", "b", "inner sizes differ: x has 5 columns, x has 3 rows", "transpose the right factor"},
	{"matmul(x, zeros([3, 4]))", "b", "inner sizes differ: x has 5 columns, b has 3 rows", "transpose the left factor"},
	{"matmul(x, y)", "b", "inner sizes differ: x has 5 columns, y has 4 rows", "y of shape [5] would fit"},
	{"matmul(s, x)", "a", "matmul doesn't support scalars: s is f32[]", "to multiply by a scalar, use mul"},
	{"matmul(y, x, transpose_a=true)", "transpose_a", "transpose_a requires at least two dims; y is f32[4]", "omit transpose_a"},
	{"matmul(zeros([2, 3, 4]), zeros([3, 4, 5]))", "b", "batch dims [2] and [3] don't broadcast; a is f32[2, 3, 4], b is f32[3, 4, 5]",
		"the dims before the last two are broadcast: equal or 1"},
	{"matmul(c, c, transpose_b=true)", "a", "matmul doesn't support bools: c is bool[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},
	{"matmul(u, u, transpose_b=true)", "a", "matmul doesn't support u8: u is u8[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},
	{"conv2d(x, zeros([1, 1, 2, 2]))", "x", "conv2d requires x of [batch, channels, height, width], or without the batch; x is f32[3, 5]", ""},
	{"conv3d(zeros([1, 2, 3, 3]), x)", "weight", "conv3d requires weight of [out_channels, in_channels / groups, kernel depth, kernel height, kernel width]; x is f32[1, 2, 3, 3], x is f32[3, 5]", ""},
	{"conv1d(zeros([1, 2, 3, 3]), zeros([1, 2, 2, 2]))", "x", "conv1d requires x of [batch, channels, size], or without the batch; x is f32[1, 2, 3, 3]", "did you mean conv2d?"},
	{"conv1d(x, zeros([4, 2, 3]))", "weight", "channels differ: x has 3, weight takes 2 in each of 1 groups; x is f32[3, 5], weight is f32[4, 2, 3]", "weight of shape [4, 3, 3] would fit"},
	{"conv1d(x, zeros([4, 3, 0]))", "weight", "the kernel must have at least one element in each dim; weight is f32[4, 3, 0]", ""},
	{"conv1d(x, zeros([4, 3, 6]))", "weight", "the kernel is larger than x: weight (f32[4, 3, 6]) spans 6 elements in dim 2, x (f32[3, 5]) has 5 there with padding", "use a smaller kernel, or padding"},
	{"conv1d(x, zeros([4, 3, 3]), padding=1, dilation=4)", "weight", "the kernel is larger than x: weight (f32[4, 3, 3]) spans 9 elements in dim 2, x (f32[3, 5]) has 7 there with padding", "use a smaller kernel, or padding"},
	{"conv1d(x, zeros([2, 3, 3]), y)", "bias", "bias must be [2], one for each channel of the result; weight is f32[2, 3, 3], y is f32[4]", ""},
	{"conv1d(x, zeros([4, 3, 3]), groups=2)", "groups", "groups must divide the channels of x: 3 by 2; x is f32[3, 5]", ""},
	{"conv1d(x, zeros([4, 1, 3]), groups=3)", "groups", "groups must divide the channels of the result: 4 by 3; weight is f32[4, 1, 3]", ""},
	{"conv1d(x, zeros([4, 1, 3]), groups=0)", "groups", "groups must be at least 1, got 0", ""},
	{"conv1d(x, zeros([4, 3, 3]), stride=0)", "stride", "stride must be from 1 to 2**31 - 1, got 0", ""},
	{"conv1d(x, zeros([4, 3, 3]), stride=[1, 1])", "stride", "stride must be one int or one for each of one dimension, got [1, 1]", ""},
	{"conv1d(x, zeros([4, 3, 3]), padding=-1)", "padding", "padding must be from 0 to 2**31 - 1, got -1", ""},
	{`conv1d(x, zeros([4, 3, 3]), padding="full")`, "padding", `padding must be one of valid, same, not "full"`, ""},
	{`conv1d(x, zeros([4, 3, 3]), stride=2, padding="same")`, "padding", `padding "same" requires stride 1; stride is [2]`, "give the padding as ints"},
	{"conv_transpose1d(x, zeros([2, 4, 3]))", "weight", "channels differ: x has 3, weight takes 2; x is f32[3, 5], weight is f32[2, 4, 3]", "weight of shape [3, 4, 3] would fit"},
	{"conv_transpose1d(x, zeros([3, 4, 1]), padding=3)", "padding", "padding [3] leaves nothing: dim 1 of the result has 5 elements without it; x is f32[3, 5], weight is f32[3, 4, 1]", "use less padding"},
	{"conv_transpose1d(x, zeros([3, 4, 3]), stride=2, output_padding=2)", "output_padding", "output_padding must be less than stride or dilation; output_padding is [2], stride [2], dilation [1]", ""},
	{"layer_norm(x, y, y)", "weight", "weight must be [5], the last dim of x; x is f32[3, 5], y is f32[4]", ""},
	{"layer_norm(s, y, y)", "x", "layer_norm requires at least one dim; s is f32[]", ""},
	{"rms_norm(i, [1, 1, 1, 1, 1])", "x", "rms_norm requires floats; i is i32[3, 5]", `cast it first: cast(x, "f32")`},
}

func TestTypeRulesSayWhatIsWrong(t *testing.T) {
	of := func(d ir.DType, shape ...int) *ir.Array { return ir.NewArray(ir.Type{DType: d, Shape: shape}) }
	inputs := map[string]*ir.Array{
		"x": of(ir.F32, 3, 5), "y": of(ir.F32, 4), "s": of(ir.F32),
		"i": of(ir.I32, 3, 5), "c": of(ir.Bool, 3, 5), "u": of(ir.U8, 3, 5),
	}
	for _, r := range refusals {
		_, err := tryCompile(t, r.expr, inputs)
		require.Error(t, err, r.expr)
		var arg *ir.ArgError
		require.True(t, errors.As(err, &arg), "%s: %v", r.expr, err)
		require.Equal(t, r.msg, arg.Msg, r.expr)
		require.Equal(t, r.param, arg.Param, r.expr)
		require.Equal(t, r.help, arg.Help, r.expr)
		require.NotContains(t, strings.ToLower(arg.Msg), "%!", r.expr)
	}
}
