package kernels_test

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// convolutionShape is a convolution in one to three dimensions.
type convolutionShape struct {
	batch, groups, in, out    int
	x, taps                   []int
	stride, padding, dilation []int
}

// y is how large the result is.
func (c convolutionShape) y() (y []int) {
	for d, size := range c.x {
		y = append(y, (size+2*c.padding[d]-c.dilation[d]*(c.taps[d]-1)-1)/c.stride[d]+1)
	}
	return y
}

// convolutionCases are those of convolution and of its two gradients: each way through a
// kernel, one dimension after the other, and numbers that aren't finite in each operand.
func convolutionCases(op string) []opCase {
	none, ones, twos := []int{0, 0}, []int{1, 1}, []int{2, 2}
	var cases []opCase
	for _, c := range []convolutionShape{
		{2, 1, 3, 4, []int{8, 8}, []int{3, 3}, ones, ones, ones},
		{1, 1, 2, 6, []int{9, 7}, []int{3, 3}, twos, none, ones},
		{2, 1, 5, 3, []int{4, 4}, ones, ones, none, ones},
		{2, 5, 1, 2, []int{6, 5}, []int{3, 2}, ones, []int{1, 0}, []int{1, 2}},  // depthwise
		{2, 2, 3, 5, []int{7, 10}, []int{2, 3}, []int{3, 2}, twos, []int{2, 3}}, // stride and dilation without a common factor
		{1, 1, 2, 2, []int{9, 9}, []int{3, 3}, twos, twos, twos},                // and with one: some elements meet no tap
		{1, 1, 1, 1, []int{11}, []int{2}, []int{5}, []int{0}, []int{1}},         // a stride beyond the kernel
		{3, 1, 2, 3, []int{17}, []int{4}, []int{1}, []int{2}, []int{1}},         // one dimension
		{2, 1, 2, 3, []int{3, 4, 5}, []int{2, 3, 2}, []int{1, 2, 1}, []int{1, 0, 1}, []int{2, 1, 1}},
		{1, 1, 2, 5, []int{3, 50}, []int{2, 2}, ones, ones, ones},   // many places, which the gradient of the weight adds up as a team
		{1, 1, 70, 66, []int{3, 50}, []int{2, 2}, ones, ones, ones}, // several blocks of rows, lines and depth
		{0, 1, 2, 3, []int{4, 4}, twos, ones, none, ones},
		{2, 1, 0, 3, []int{4, 4}, twos, ones, none, ones},
		{2, 1, 3, 0, []int{4, 4}, twos, ones, none, ones},
		{1, 1, 1, 1, []int{0, 3}, ones, ones, ones, ones},
	} {
		x := append(ir.Shape{c.batch, c.groups * c.in}, c.x...)
		weight := append(ir.Shape{c.groups * c.out, c.in}, c.taps...)
		y := append(ir.Shape{c.batch, c.groups * c.out}, c.y()...)
		first, second, size := x, weight, c.y()
		switch op {
		case "convolution_input":
			first, size = y, c.x
		case "convolution_weight":
			second, size = y, c.taps
		}
		args := list(c.stride, c.padding, c.dilation, c.groups, size)
		cases = append(cases, one(args, seeded(1, first), seeded(2, second)))
		if c.batch == 2 {
			cases = append(cases, one(args, unbounded(first), seeded(2, second)), one(args, seeded(1, first), unbounded(second)))
		}
	}
	return cases
}

// unbounded are numbers of which some aren't finite.
func unbounded(shape ir.Shape) input {
	in, spikes := seeded(3, shape), []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0}
	return input{shape, func(d ir.DType, i int) any {
		if i%11 == 5 {
			return spikes[i/11%len(spikes)]
		}
		return in.values(d, i)
	}}
}
