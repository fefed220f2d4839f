package ops_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
)

// refusals are wrong calls: over the inputs x f32[3, 5], y f32[4], s f32[],
// i i32[3, 5], and c bool[3, 5], and what the type rule says: the parameter at
// fault, the message, and the help, if there is any.
var refusals = []struct{ expr, param, msg, help string }{
	{"x + y", "b", "shapes don't broadcast: x is f32[3, 5], y is f32[4]; dim -1 is 5 and 4, which must be equal or one of them 1",
		"shapes are aligned at their last dims; unsqueeze or reshape one of them"},
	{"x < [[[1.0]], [[2.0]]] * y", "b", "shapes don't broadcast: x is f32[3, 5], b is f32[2, 1, 4]; dim -1 is 5 and 4, which must be equal or one of them 1",
		"shapes are aligned at their last dims; unsqueeze or reshape one of them"},
	{"c + c", "a", "add has no meaning for bools: c is bool[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},
	{"neg(c)", "x", "neg has no meaning for bools: c is bool[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},
	{"isnan(c)", "x", "isnan has no meaning for bools: c is bool[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},
	{"where(x, x, 0)", "condition", "the condition must be bool; x is f32[3, 5]", `compare it with something, or cast(…, "bool")`},
	{"where(c, x, y)", "other", "shapes don't broadcast: c is bool[3, 5], y is f32[4]; dim -1 is 5 and 4, which must be equal or one of them 1",
		"shapes are aligned at their last dims; unsqueeze or reshape one of them"},
	{"clamp(x)", "min", "clamp needs min, max or both", ""},
	{"clamp(x, 1, 0)", "max", "max must be at least min; min is 1, max is 0", ""},
	{"clamp(i, 0.5)", "min", "min is 0.5, which i32 can't hold", "give another value, or another dtype"},
	{"softplus(x, beta=0)", "beta", "beta must be positive, got 0", ""},

	{"sum(x, 2)", "dim", "dim 2 is out of range: [3, 5] has dims -2 to 1", ""},
	{"sum(s, 0)", "dim", "dim 0: a scalar has no dimensions", ""},
	{"sum(x, [0, -2])", "dim", "dim [0, -2] has dim 0 twice", ""},
	{"sum(x, [])", "dim", "dim is an empty list", "leave it out for all dims"},
	{"mean(i)", "x", "mean requires floats or bools; i is i32[3, 5]", `cast it first: mean(cast(x, "f32"))`},
	{"var(i)", "x", "var requires floats; i is i32[3, 5]", `cast it first: var(cast(x, "f32"))`},
	{"max(slice(x, 0, 0, 0))", "x", "max of nothing: x is f32[0, 5]", ""},
	{"argmax(slice(x, 0, 0, 0), 0)", "x", "argmax of nothing: x is f32[0, 5]", ""},
	{"max(c)", "x", "max has no meaning for bools: c is bool[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},
	{"argmax(zeros([1, 2, 3]), [0, 1])", "dim", "argmax looks along one dim, or over all of x; dim is [0, 1]", ""},
	{"softmax(x, 5)", "dim", "dim 5 is out of range: [3, 5] has dims -2 to 1", ""},
	{"cumsum(c, 0)", "x", "cumsum has no meaning for bools: c is bool[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},

	{"reshape(x, [4, -1])", "shape", "x is f32[3, 5] has 15 elements, which can't be laid out as [4, -1]: the other dims make 4", ""},
	{"reshape(x, [-1, -1])", "shape", "shape [-1, -1] has -1 twice; only one dim can follow from the others", ""},
	{"reshape(x, [15, -2])", "shape", "shape [15, -2] has a negative dim; -1 stands for what the others leave", ""},
	{"reshape(x, [4, 4])", "shape", "x is f32[3, 5] has 15 elements; [4, 4] has 16", ""},
	{"flatten(x, 1, 0)", "end_dim", "end_dim must not come before start_dim; start_dim is 1, end_dim is 0; x is f32[3, 5]", ""},
	{"squeeze(x, 0)", "dim", "squeeze drops dims of size 1; dim 0 has size 3; x is f32[3, 5]", ""},
	{"unsqueeze(x, 3)", "dim", "dim 3 is out of range: the result has dims -3 to 2; x is f32[3, 5]", ""},
	{"transpose(y)", "x", "transpose swaps two dims; y is f32[4]", ""},
	{"transpose(x, 0, 2)", "dim1", "dim 2 is out of range: [3, 5] has dims -2 to 1", ""},
	{"permute(x, [0])", "dims", "dims [0] must name each of 2 dims once; x is f32[3, 5]", ""},
	{"permute(x, [1, 1])", "dims", "dims [1, 1] has dim 1 twice", ""},
	{"slice(x, 0, 0, 3, 0)", "step", "step must be at least 1, got 0", "flip turns a dim around"},
	{"concat([])", "tensors", "concat joins at least one tensor; the list is empty", ""},
	{"concat([s, s])", "tensors", "concat joins tensors with dims; s is f32[]", "stack joins scalars"},
	{"concat([x, y])", "tensors", "concat joins tensors of one rank; x is f32[3, 5], y is f32[4]", ""},
	{"concat([x, transpose(x)], 1)", "tensors", "concat along dim 1 needs all other dims to agree; dim 0 differs: x is f32[3, 5], tensors[1] is f32[5, 3]", ""},
	{"stack([x, y])", "tensors", "stack joins tensors of one shape; x is f32[3, 5], y is f32[4]", "concat joins along a dim that is there"},
	{"pad(x, [[0, 1]])", "padding", "padding has 1 pairs, one for each dim is needed; x is f32[3, 5]", "dims that stay as they are get [0, 0]"},
	{"pad(x, [[0, 1], [0, -1]])", "padding", "padding can't be negative; dim 1 gets [0, -1]", "slice cuts elements off"},
	{"broadcast_to(x, [5])", "shape", "x is f32[3, 5], which can't be repeated up to [5]: each dim must be equal or 1",
		"dims are aligned at the last; unsqueeze or reshape x first"},
	{"tril(y)", "x", "tril requires matrices; y is f32[4]", ""},

	{"gather(x, 1, x)", "index", "indices must be i32 or i64; x is f32[3, 5]", `cast(…, "i32") makes integers`},
	{"gather(x, 1, [0])", "index", "index must have as many dims as x; x is f32[3, 5], index is i32[1]", ""},
	{"gather(y, 0, [[0]])", "index", "index must have as many dims as x; y is f32[4], index is i32[1, 1]", ""},
	{"gather(x, 1, [[0], [0], [0], [0]])", "index", "index is larger than x in dim 0, which isn't indexed; x is f32[3, 5], index is i32[4, 1]", ""},
	{"scatter_add(x, 1, [[0]], i)", "src", "x and src must have one dtype; x is f32[3, 5], i is i32[3, 5]", "cast one of them"},
	{"scatter_add(x, 1, [[0]], x)", "src", "index and src must have one shape; index is i32[1, 1], x is f32[3, 5]", ""},
	{"index_add(x, 0, [[0]], x)", "index", "index must be one-dimensional; index is i32[1, 1]", ""},
	{"index_add(x, 0, [0, 1], x)", "source",
		"source must be [2, 5], which is x with one slice for each index along dim 0; x is f32[3, 5], index is i32[2], x is f32[3, 5]", ""},
	{"index_add(c, 0, [0], c)", "x", "index_add has no meaning for bools: c is bool[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},
	{"embedding(x, x)", "ids", "indices must be i32 or i64; x is f32[3, 5]", `cast(…, "i32") makes integers`},
	{"embedding(i, y)", "weight", "weight must be [rows, columns]; y is f32[4]", ""},
	{"one_hot(i, 0)", "num_classes", "num_classes must be at least 1, got 0", ""},
	{"bits_of(x, 3)", "x", "bits_of requires integers; x is f32[3, 5]", `cast it first: cast(x, "i32")`},
	{"bits_of(i, 33)", "bits", "bits must be from 1 to 32 for i32, got 33", ""},

	{"arange(0, 5, 0)", "step", "step can't be 0", ""},
	{"arange(5, 0)", "step", "from 5, steps of 1 lead away from 0", ""},
	{"arange(0, 1e300)", "end", "arange would make 1e+300 numbers; at most 2**31 - 1 are possible", ""},
	{`arange(0.5, 3, dtype="i32")`, "start", "start is 0.5, which i32 can't hold", "give another value, or another dtype"},
	{`full([2], 3000000000, "i32")`, "value", "value is 3000000000, which i32 can't hold", "give another value, or another dtype"},
	{"zeros([-1])", "", "shape [-1] has a negative dimension", ""},
	{"eye(-1)", "", "shape [-1, -1] has a negative dimension", ""},

	{"uniform()", "shape", "the argument shape is missing", "give it one: uniform(…, shape=[2, 3])"},
	{"uniform(1, 0, [2])", "high", "high must be at least low; low is 1, high is 0", ""},
	{`uniform(0, 1, [2], "i32")`, "dtype", "uniform draws floats, not i32", "randint draws integers"},
	{"normal(0, -1, [2])", "std", "std must be at least 0, got -1", ""},
	{"randint(3, 3, [2])", "high", "high must be more than low; low is 3, high is 3", ""},
	{"randint(0, 4294967297, [2])", "high", "randint draws from at most 2**32 integers; low is 0, high is 4294967297", ""},
	{"randint(0, 4294967296, [2])", "dtype", "i32 doesn't hold all integers from 0 to 4294967295", `dtype="i64" holds them`},
	{`randint(0, 2, [2], "f32")`, "dtype", "randint draws integers, not f32", "uniform draws floats"},

	{"matmul(x, x)", "b", "inner sizes differ: x has 5 columns, x has 3 rows", "the right factor would fit transposed"},
	{"matmul(x, zeros([3, 4]))", "b", "inner sizes differ: x has 5 columns, b has 3 rows", "the left factor would fit transposed"},
	{"matmul(x, y)", "b", "inner sizes differ: x has 5 columns, y has 4 rows", "y of shape [5] would fit"},
	{"matmul(s, x)", "a", "matmul has no meaning for scalars: s is f32[]", "mul multiplies by a scalar"},
	{"matmul(y, x, transpose_a=true)", "transpose_a", "transpose_a swaps two dims; y is f32[4]", "leave transpose_a out"},
	{"matmul(zeros([2, 3, 4]), zeros([3, 4, 5]))", "b", "batch dims [2] and [3] don't broadcast; a is f32[2, 3, 4], b is f32[3, 4, 5]",
		"the dims before the last two are broadcast: equal or 1"},
	{"matmul(c, c, transpose_b=true)", "a", "matmul has no meaning for bools: c is bool[3, 5]", `cast it first: cast(x, "i32") or cast(x, "f32")`},
	{"layer_norm(x, y, y)", "weight", "weight must be [5], the last dim of x; x is f32[3, 5], y is f32[4]", ""},
	{"layer_norm(s, y, y)", "x", "layer_norm requires at least one dim; s is f32[]", ""},
	{"rms_norm(i, [1, 1, 1, 1, 1])", "x", "rms_norm requires floats; i is i32[3, 5]", `cast it first: cast(x, "f32")`},
}

func TestTypeRulesSayWhatIsWrong(t *testing.T) {
	of := func(d ir.DType, shape ...int) *ir.Array { return ir.NewArray(ir.Type{DType: d, Shape: shape}) }
	inputs := map[string]*ir.Array{
		"x": of(ir.F32, 3, 5), "y": of(ir.F32, 4), "s": of(ir.F32),
		"i": of(ir.I32, 3, 5), "c": of(ir.Bool, 3, 5),
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
