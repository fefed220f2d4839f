package ops_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
)

var (
	inf = math.Inf(1)
	nan = math.NaN()
)

func TestGradientsAtSpecialPointsAreThoseOfPyTorch(t *testing.T) {
	for _, c := range []struct {
		claim string
		expr  string
		x     []float64
		want  []float64
	}{
		{"the slope of abs at 0 is 0", "abs(x)", []float64{-2, 0, 2}, []float64{-1, 0, 1}},
		{"the slope of relu at 0 is 0, and NaN passes", "relu(x)", []float64{-2, 0, 2, nan}, []float64{0, 0, 1, 1}},
		{"leaky_relu at 0 has the slope of the left", "leaky_relu(x, 0.1)", []float64{0}, []float64{0.1}},
		{"elu at 0 has the slope of the left", "elu(x, alpha=0.5)", []float64{0}, []float64{0.5}},
		{"equals share the gradient of maximum", "maximum(x, [1.0, 2.0, 3.0])", []float64{2, 2, 2}, []float64{1, 0.5, 0}},
		{"equals share the gradient of minimum", "minimum(x, [1.0, 2.0, 3.0])", []float64{2, 2, 2}, []float64{0, 0.5, 1}},
		{"what is compared with itself gets all", "maximum(x, x)", []float64{2}, []float64{1}},
		{"the first of equals gets the gradient of max over a dim", "max(x, 0)", []float64{1, 3, 3}, []float64{0, 1, 0}},
		{"the first of equals gets the gradient of min over a dim", "min(x, 0)", []float64{1, 1, 3}, []float64{1, 0, 0}},
		{"equals share the gradient of max over several dims", "max(reshape(x, [2, 2]))", []float64{1, 3, 3, 0}, []float64{0, 0.5, 0.5, 0}},
		{"clamp passes its bounds", "clamp(x, -1, 1)", []float64{-2, -1, 0, 1, 2, nan}, []float64{0, 1, 1, 1, 0, 0}},
		{"clamp passes an only upper bound", "clamp(x, max=1)", []float64{1, 2}, []float64{1, 0}},
		{"clamp passes an only lower bound", "clamp(x, min=1)", []float64{1, 0}, []float64{1, 0}},
		{"sqrt is infinitely steep at 0", "sqrt(x)", []float64{0}, []float64{inf}},
		{"and 0 * inf is NaN", "sqrt(x) * 0", []float64{0}, []float64{nan}},
		{"x ** 2 is flat at 0", "x ** 2", []float64{0, 3}, []float64{0, 6}},
		{"x ** 0 is flat", "x ** [0.0, 0.0]", []float64{0, 3}, []float64{0, 0}},
		{"x ** 0.5 is infinitely steep at 0", "x ** 0.5", []float64{0}, []float64{inf}},
		{"x ** [1] has slope 1 at 0", "x ** [1.0]", []float64{0}, []float64{1}},
		{"0 ** x is flat", "[0.0, 0.0] ** x", []float64{0, 2}, []float64{0, 0}},
		{"0 ** -1 has no slope", "[0.0] ** x", []float64{-1}, []float64{-inf}},
		{"what where doesn't take has no gradient", "where(x > 0, x, 1 / x)", []float64{1, -2}, []float64{1, -0.25}},
		{"an infinite value that where doesn't take doesn't matter", "where(x > 1, exp(x), x)", []float64{0, 2}, []float64{1, math.Exp(2)}},
		{"the only zero gets the product of the others", "prod(x)", []float64{2, 0, 3}, []float64{0, 6, 0}},
		{"with two zeros nothing gets anything", "prod(x)", []float64{0, 0, 3}, []float64{0, 0, 0}},
		{"std is flat where all are equal", "std(x)", []float64{2, 2}, []float64{0, 0}},
		{"floor is flat", "floor(x)", []float64{1.5, 2, inf, nan}, []float64{0, 0, 0, 0}},
		{"ceil is flat", "ceil(x)", []float64{1.5, -2}, []float64{0, 0}},
		{"round is flat", "round(x)", []float64{0.5, 1.2}, []float64{0, 0}},
		{"trunc is flat", "trunc(x)", []float64{-0.5, 0}, []float64{0, 0}},
		{"sign is flat, at its jump too", "sign(x)", []float64{-3, 0, 3}, []float64{0, 0, 0}},
		{"a step beside a slope leaves the slope", "x + round(x)", []float64{0.2, 7.5}, []float64{1, 1}},
		{"an index outside gives no gradient", "sum(where(isnan(gather(x, 0, [5, 1])), 0, gather(x, 0, [5, 1])))",
			[]float64{1, 2}, []float64{0, 1}},
		{"an id twice gets the gradient twice", "embedding([1, 1], reshape(x, [2, 1]))", []float64{1, 2}, []float64{0, 2}},
		{"the first of equals gets the gradient of max_pool1d", "max_pool1d(reshape(x, [1, 4]), 3, 1)", []float64{2, 2, 1, 2}, []float64{1, 1, 0, 0}},
		{"windows that share an element add up at it", "max_pool2d(reshape(x, [1, 2, 3]), 2, 1)", []float64{0, 5, 0, 1, 2, 3}, []float64{0, 2, 0, 0, 0, 0}},
		{"padding isn't the largest of negative numbers", "max_pool1d(reshape(x, [1, 3]), 2, 2, 1)", []float64{-3, -2, -1}, []float64{1, 0, 1}},
		{"the mean's divisor counts padding", "avg_pool1d(reshape(x, [1, 3]), 2, 2, 1)", []float64{1, 2, 3}, []float64{0.5, 0.5, 0.5}},
		{"or doesn't", "avg_pool1d(reshape(x, [1, 3]), 2, 2, 1, count_include_pad=false)", []float64{1, 2, 3}, []float64{1, 0.5, 0.5}},
		{"softmax of one is flat", "softmax(x, 0)", []float64{7}, []float64{0}},
		{"logsumexp overflows nowhere", "logsumexp(x, 0)", []float64{1000, 1000}, []float64{0.5, 0.5}},
	} {
		t.Run(c.claim, func(t *testing.T) {
			p := compile(t, c.expr, map[string]*ir.Array{"x": vector(c.x...)})
			// Next to 1000 float64 has a precision of 1e-13; an exponential passes it on.
			requireClose(t, vector(c.want...), vector(p.gradient("x")...), 1e-12, c.expr)
		})
	}
}

func TestASharedOperandGetsTheSumOfItsGradients(t *testing.T) {
	p := compile(t, "x * x + x", map[string]*ir.Array{"x": vector(3)})
	require.Equal(t, []float64{7}, p.gradient("x"))
}

// In f16 the count itself would be infinite.
func TestTheGradientOfAMeanHoldsLargeCountsInF16(t *testing.T) {
	const n = 100_000
	p := compile(t, "mean(x)", map[string]*ir.Array{"x": ir.NewArray(ir.Type{DType: ir.F16, Shape: ir.Shape{n}})})
	g := p.grads(floats(ir.F16, ir.Shape{}, 1))["x"]
	for _, node := range p.b.Graph.Nodes {
		if node.Op == ir.ConstOp && node.Type.DType == ir.F16 {
			require.Less(t, node.Attr("value").(*ir.Tensor).Float(0), 65504.0)
		}
	}
	require.InEpsilon(t, 1.0/n, p.eval(g)[0].F[0], 1e-12)
}

func TestValuesAtSpecialPointsAreThoseOfPyTorch(t *testing.T) {
	for _, c := range []struct{ expr, want string }{
		{"maximum([nan, 1.0, inf], [1.0, nan, nan])", "[nan, nan, nan]"},
		{"minimum([nan, 1.0, -inf], [1.0, nan, nan])", "[nan, nan, nan]"},
		{"relu([nan, -inf, inf, -1.0])", "[nan, 0.0, inf, 0.0]"},
		{"clamp([nan, inf, -inf], -1, 1)", "[nan, 1.0, -1.0]"},
		{"sign([nan, -0.0, inf])", "[0.0, 0.0, 1.0]"},
		{"round([2.5, 3.5, -0.5, nan])", "[2.0, 4.0, 0.0, nan]"},
		{"trunc([3, -3])", "[3, -3]"},
		{"sqrt([-1.0, inf])", "[nan, inf]"},
		{"log([0.0, -1.0, inf])", "[-inf, nan, inf]"},
		{"rsqrt([0.0, inf])", "[inf, 0.0]"},
		{"silu([-inf, inf, -1000.0])", "[nan, inf, 0.0]"},
		{"sigmoid([-1000.0, 1000.0])", "[0.0, 1.0]"},
		{"softplus([-1000.0, 1000.0])", "[0.0, 1000.0]"},
		{"tanh([-inf, 1000.0])", "[-1.0, 1.0]"},
		{"[nan, 0.0, -8.0, -8.0] ** [0.0, 0.0, 2.0, 0.5]", "[1.0, 1.0, 64.0, nan]"},
		{"[2, -1, -1, 0, 5] ** [-1, -3, -2, -1, 0]", "[0, -1, 1, 0, 1]"},
		{"[2, -3, 3, 0] ** [10, 3, 41, 0]", "[1024, -27, 2069870691, 1]"},
		{"[7, -7, 7, -7, 5] % [3, 3, -3, -3, 0]", "[1, 2, -2, -1, 0]"},
		{"[7.5, -7.5, 7.5, 1.0, -1.0] % [2.0, 2.0, -2.0, 0.0, inf]", "[1.5, 0.5, -0.5, nan, inf]"},
		{"floor_divide([7, -7, 7, 5], [2, 2, -2, 0])", "[3, -4, -4, 0]"},
		{"floor_divide([7.0, -7.0, 1.0, -1.0], [2.0, 2.0, 0.0, inf])", "[3.0, -4.0, inf, -1.0]"},
		{"[1, 0, -1] / 0", "[inf, nan, -inf]"},
		{"[2147483647, -2147483648] + [1, -1]", "[-2147483648, 2147483647]"},
		{"abs([-2147483648]) + neg([-2147483648])", "[0]"},
		{"square([65536])", "[0]"},
		{"[nan] == [nan]", "[false]"},
		{"[nan] != [nan]", "[true]"},
		{"[9007199254740993] == [9007199254740992]", "[false]"},
		{"logical_and([nan, 0.0], 1)", "[true, false]"},
		{"logical_not([0, 7])", "[true, false]"},
		{"[true, false] < true", "[false, true]"},
		{"where([true, false], [1, 2], 0.5)", "[1.0, 0.5]"},
		{"where(true, [1, 2], 3)", "[1, 2]"},

		{"max_pool1d([[1.0, nan, 3.0, 4.0]], 2)", "[[nan, 4.0]]"},
		{"max_pool1d([[1, 2, 3]], 2, ceil_mode=true)", "[[2, 3]]"},
		{"max_pool1d([[1, 2, 3]], 2, 2, 1, 1, true)", "[[1, 3]]"},
		{"avg_pool1d([[1.0, 2.0, 3.0]], 2, ceil_mode=true)", "[[1.5, 3.0]]"},
		{"avg_pool1d([[1.0, 2.0, 3.0]], 3, 2, 1, true)", "[[1.0, 1.6666666666666667]]"},
		{"adaptive_avg_pool1d([[1.0, 2.0, 3.0]], 2)", "[[1.5, 2.5]]"},
		{"adaptive_max_pool1d([[1, 2, 3]], 2)", "[[2, 3]]"},
		{"adaptive_max_pool1d([[1, 2, 3]], [nil])", "[[1, 2, 3]]"},
		{"adaptive_avg_pool2d([[[1.0, 2.0], [3.0, 6.0]]], [nil, 1])", "[[[1.5], [4.5]]]"},
		{"adaptive_max_pool2d([[[1, 2], [3, 4]]], [1, nil])", "[[[3, 4]]]"},
		{"adaptive_max_pool2d([[[1, 2], [3, 4]]], [nil])", "[[[1, 2], [3, 4]]]"},

		{"pad([[1, 2, 3]], [1, 2])", "[[0, 1, 2, 3, 0, 0]]"},
		{"pad([[1, 2, 3]], [0, 0, 1, 0], \"constant\", 9)", "[[9, 9, 9], [1, 2, 3]]"},
		{"pad([[1, 2, 3]], [[0, 0], [0, 1]], 9)", "[[1, 2, 3, 9]]"},
		{"pad([1, 2, 3], [-1, 2])", "[2, 3, 0, 0]"},
		{"pad([1, 2, 3], [2, 1], \"reflect\")", "[3, 2, 1, 2, 3, 2]"},
		{"pad([1, 2, 3], [2, 1], \"replicate\")", "[1, 1, 1, 2, 3, 3]"},
		{"pad([1, 2, 3], [2, 3], \"circular\")", "[2, 3, 1, 2, 3, 1, 2, 3]"},
		{"pad([1, 2, 3], [-1, 2], \"circular\")", "[2, 3, 2, 3]"},
		{"pad([1, 2, 3], [2, -1], \"circular\")", "[1, 2, 1, 2]"},
		{"pad([1, 2, 3], [-1, 2], \"reflect\")", "[2, 3, 2, 1]"},
		{"pad([1, 2, 3], [1, -1], \"reflect\")", "[2, 1, 2]"},

		{"interpolate([[[1.0, 2.0, 3.0]]], 5)", "[[[1.0, 1.0, 2.0, 2.0, 3.0]]]"},
		{"interpolate([[[1.0, 2.0, 3.0]]], 2, mode=\"nearest-exact\")", "[[[1.0, 3.0]]]"},
		{"interpolate([[[1.0, 3.0]]], 3, mode=\"linear\", align_corners=true)", "[[[1.0, 2.0, 3.0]]]"},
		{"interpolate([[[1.0, inf]]], 2, mode=\"linear\")", "[[[1.0, inf]]]"},
		{"interpolate([[[1.0, 2.0, 3.0, 4.0]]], 2, mode=\"area\")", "[[[1.5, 3.5]]]"},

		{"sum(zeros([0, 3]), 0)", "[0.0, 0.0, 0.0]"},
		{"sum([true, true])", "2"},
		{"sum([2147483647, 1])", "2147483648"},
		{"sum(5.0)", "5.0"},
		{"prod(zeros([0]))", "1.0"},
		{"mean(zeros([0]))", "nan"},
		{"var(zeros([0]))", "nan"},
		{"var([2.0])", "0.0"},
		{"max([1.0, nan, inf])", "nan"},
		{"min([1.0, nan, -inf])", "nan"},
		{"max([[1, 7], [3, 5]], [0, 1], keepdim=true)", "[[7]]"},
		{"argmax([1.0, nan, inf, nan])", "1"},
		{"argmin([[4, 1], [1, 1]])", "1"},
		{"argmax([[4, 1], [9, 1]], 1, keepdim=true)", "[[0], [0]]"},
		{"argmax([[4, 1], [9, 1]], keepdim=true)", "[[2]]"},
		{"argmax(3.0)", "0"},
		{"all(zeros([0]))", "true"},
		{"any(zeros([0]))", "false"},
		{"any([[0.0, nan], [0.0, 0.0]], 1)", "[true, false]"},
		{"all([1, 2, 0], keepdim=true)", "[false]"},
		{"logsumexp([-inf, -inf], 0)", "-inf"},
		{"logsumexp([inf, 0.0], 0)", "inf"},
		{"logsumexp(zeros([0]), 0)", "-inf"},
		{"softmax([-inf, 0.0, 0.0], 0)", "[0.0, 0.5, 0.5]"},
		{"softmax([-inf, -inf], 0)", "[nan, nan]"},
		{"softmax(zeros([2, 0]), 1)", "nothing"},
		{"log_softmax([inf, 0.0], 0)", "[nan, nan]"},
		{"cumsum([2147483647, 1], 0)", "[2147483647, -2147483648]"},
		{"cumsum([1.0, inf, -inf, 1.0], 0)", "[1.0, inf, nan, nan]"},

		{"slice([1, 2, 3], 0, -100, 100)", "[1, 2, 3]"},
		{"slice([1, 2, 3, 4, 5], 0, 1, 5, 3)", "[2, 5]"},
		{"slice([1, 2, 3], 0, 2, 1)", "nothing"},
		{"concat([[1], [2.5], [true]])", "[1.0, 2.5, 1.0]"},
		{"stack([1, 2])", "[1, 2]"},
		{"flip([[1, 2], [3, 4]], [0, 1])", "[[4, 3], [2, 1]]"},
		{"broadcast_to(7, [2, 1])", "[[7], [7]]"},
		{"pad([true], [[1, 1]], false)", "[false, true, false]"},
		{"pad([1.0], [[0, 1]], -inf)", "[1.0, -inf]"},
		{"tril([[1.0, nan], [2.0, 3.0]])", "[[1.0, 0.0], [2.0, 3.0]]"},
		{"triu([[1, 2, 3], [4, 5, 6]], 1)", "[[0, 2, 3], [0, 0, 6]]"},
		{"gather([1.0, 2.0], 0, [-1, 1, 2])", "[nan, 2.0, nan]"},
		{"gather([5, 6], 0, [-1, 1, 2])", "[0, 6, 0]"},
		{"gather([true, true], 0, [1, 2])", "[true, false]"},
		{"embedding([[1, 2]], [[1.0, 2.0], [3.0, 4.0]])", "[[[3.0, 4.0], [nan, nan]]]"},
		{"embedding(1, [[1.0, 2.0], [3.0, 4.0]])", "[3.0, 4.0]"},
		{"one_hot([-1, 1, 2], 2)", "[[nan, nan], [0.0, 1.0], [nan, nan]]"},
		{"scatter_add([1, 2], 0, [-1, 1, 2], [5, 5, 5])", "[1, 7]"},
		{"index_add([[1, 2]], 1, [1, 1, 7], [[10, 20, 40]])", "[[1, 32]]"},
		{"bits_of(-2, 4)", "[0, 1, 1, 1]"},
		{"bits_of([2147483647], 32)", "[[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,0]]"},

		{"arange(3)", "[0, 1, 2]"},
		{"arange(1.0, 2.0, 0.25)", "[1.0, 1.25, 1.5, 1.75]"},
		{"arange(3, 0, -2)", "[3, 1]"},
		{"arange(2, 2)", "nothing"},
		{"full([2], true)", "[true, true]"},
		{`full([1], 2.0, "i32")`, "[2]"},
		{"eye(2, 3)", "[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]"},

		{`cast([0, 1, 127, 128, 255, 256, 257, -1, -256], "u8")`, "[0, 1, 127, 128, 255, 0, 1, 255, 0]"},
		{`cast([0.0, -0.9, 0.9, 127.5, 255.9, 256.0, -1.0, 1e30, inf, -inf, nan], "u8")`, "[0, 0, 0, 127, 255, 255, 0, 255, 255, 0, 0]"},
		{`cast([true, false], "u8")`, "[1, 0]"},
		{`cast(cast([0, 128, 255], "u8"), "bool")`, "[false, true, true]"},
		{`cast([200, 100], "u8") - 128`, "[72, -28]"},
		{`cast([51, 255], "u8") / 255`, "[0.2, 1.0]"},
		{`sum(cast([255, 255, 1], "u8"))`, "511"},
		{`prod(cast([255, 255], "u8"))`, "65025"},
		{`cast([1, 156, 255], "u8") != -100`, "[true, true, true]"},
		{`cast([1, 2], "u8") < cast([2, 255], "u8")`, "[true, true]"},
		{`one_hot(cast([2, 255], "u8"), 3)`, "[[0.0, 0.0, 1.0], [nan, nan, nan]]"},
		{`gather([5, 6, 7], 0, cast([2, 0, 255], "u8"))`, "[7, 5, 0]"},
		{`gather(cast([5, 6, 255], "u8"), 0, [2, 0, 3])`, "[255, 5, 0]"},
		{`where([true, false], cast([200, 1], "u8"), true)`, "[200, 1]"},

		{"matmul([1, 2], [3, 4])", "11"},
		{"matmul([1, 2], [[3, 4], [5, 6]])", "[13, 16]"},
		{"matmul(zeros([2, 0]), zeros([0, 3]))", "[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]"},
		{"matmul([[65536]], [[65536]])", "[[0]]"},
		{"matmul([[1, 2], [3, 4]], [[5, 6]], transpose_b=true)", "[[17], [39]]"},
		{"matmul([[inf, 1.0]], [[0.0], [1.0]])", "[[nan]]"},
	} {
		t.Run(c.expr, func(t *testing.T) {
			p := compile(t, c.expr, nil)
			if c.want == "nothing" {
				require.Zero(t, p.value().Len())
				return
			}
			want := parseArray(t, c.want)
			require.Equal(t, want.Type.DType.IsFloat(), p.out.Type.DType.IsFloat())
			require.Equal(t, want.Type.DType == ir.Bool, p.out.Type.DType == ir.Bool)
			requireClose(t, want, p.value(), 1e-7, c.expr)
		})
	}
}

func TestDTypesFollowPyTorch(t *testing.T) {
	inputs := map[string]*ir.Array{}
	for _, d := range []ir.DType{ir.Bool, ir.U8, ir.I32, ir.I64, ir.F16, ir.BF16, ir.F32, ir.F64} {
		inputs[d.String()] = ir.NewArray(ir.Type{DType: d, Shape: ir.Shape{2}})
	}
	for expr, want := range map[string]ir.DType{
		"i32 + i64": ir.I64, "i32 + f16": ir.F16, "f16 + bf16": ir.F32, "f16 + f64": ir.F64,
		"f16 * 2.5": ir.F16, "i32 * 2": ir.I32, "i32 * 2.5": ir.F32, "bool * 2": ir.I32,
		"i32 / i32": ir.F32, "f16 / i64": ir.F16, "exp(i64)": ir.F32, "exp(bool)": ir.F32, "exp(bf16)": ir.BF16,
		"u8 + i32": ir.I32, "u8 - i64": ir.I64, "u8 * 0.5": ir.F32, "u8 / 255": ir.F32, "u8 - 128": ir.I32, "128 - u8": ir.I32,
		"u8 * 5000000000": ir.I64, "u8 * f16": ir.F16, "u8 / u8": ir.F32, "exp(u8)": ir.F32, "matmul(u8, f32)": ir.F32,
		"u8 == u8": ir.Bool, "u8 != -100": ir.Bool, "u8 < 256": ir.Bool, "where(bool, u8, u8)": ir.U8, "where(bool, u8, bool)": ir.U8,
		"where(bool, u8, -1)": ir.I32, "where(bool, u8, 0.5)": ir.F32, "sum(u8)": ir.I64, "prod(u8)": ir.I64, "any(u8)": ir.Bool,
		"concat([u8, u8])": ir.U8, "concat([u8, i32])": ir.I32, "stack([u8, bool])": ir.U8, "gather(u8, 0, u8)": ir.U8,
		"gather(f32, 0, u8)": ir.F32, "one_hot(u8, 256)": ir.F32, "full_like(u8, 255)": ir.U8, `full([1], 255, "u8")`: ir.U8,
		`zeros([1], "u8")`: ir.U8, "pad(u8, [[1, 1]], 255)": ir.U8, "flip(u8, 0)": ir.U8, `cast(f32, "u8")`: ir.U8,
		"type_as(f32, u8)": ir.U8, "index_add(f32, 0, u8, f32)": ir.F32, "scatter_add(i64, 0, u8, i64)": ir.I64,
		"floor(i32)": ir.I32, "i32 ** 2": ir.I32, "f64 < i32": ir.Bool, "logical_and(i32, f16)": ir.Bool,
		"where(bool, i32, f16)": ir.F16, "where(bool, bool, bool)": ir.Bool,
		"sum(bool)": ir.I64, "sum(i32)": ir.I64, "prod(i32)": ir.I64, "sum(f16)": ir.F16,
		"max(i32)": ir.I32, "mean(bool)": ir.F32, "mean(bf16)": ir.BF16, "std(f16)": ir.F16,
		"argmax(f64)": ir.I32, "cumsum(i32, 0)": ir.I32, "logsumexp(i32, 0)": ir.F32, "softmax(f16, 0)": ir.F16,
		"one_hot(i64, 3)": ir.F32, "bits_of(i64, 3)": ir.I64, "matmul(f16, f16)": ir.F16, "matmul(i32, f16)": ir.F16,
		"arange(3)": ir.I64, "arange(3.0)": ir.F32, "arange(0, 1, 0.5)": ir.F32, "full([1], 3)": ir.I64,
		"full([1], 3.0)": ir.F32, "full([1], true)": ir.Bool, "full_like(f16, 3)": ir.F16, "zeros([1])": ir.F32,
		`arange(3, dtype="f16")`: ir.F16, "concat([i32, f16])": ir.F16, "stack([bool, i32])": ir.I32,
		"uniform(0, 1, [2])": ir.F32, "randint(0, 2, [2])": ir.I32, `normal(shape=[2], dtype="bf16")`: ir.BF16,
		"layer_norm(f16, f16, f32)": ir.F32, "clamp(f16, 0, 1)": ir.F16, "gather(bool, 0, i64)": ir.Bool,
	} {
		require.Equal(t, want, compile(t, expr, inputs).out.Type.DType, expr)
	}
}

// Log1p knows the distance to 1 and so loses nothing.
func TestLog2LosesNoDigitsNearOne(t *testing.T) {
	for k := 2; k <= 52; k++ {
		for _, away := range []float64{math.Ldexp(1, -k), -math.Ldexp(1, -k)} {
			p := compile(t, "log2(x)", map[string]*ir.Array{"x": vector(1 + away)})
			want := math.Log1p(away) / math.Ln2
			require.InEpsilon(t, want, p.value().F[0], 4*0x1p-52, "log2(1 + %v)", away)
		}
	}
	p := compile(t, "log2(x)", map[string]*ir.Array{"x": vector(1, 2, 8, 0.5, 0x1p-1074)})
	require.Equal(t, []float64{0, 1, 3, -1, -1074}, p.value().F)
}
