package ops

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Convolution is the op convolution, which conv1d, conv2d and conv3d become. Specs can't
// call it.
//
// It and convolution_input and convolution_weight are one sum of products, of x, weight
// and y, solved for y, x and weight. So the gradients of each are the other two.
var Convolution = ir.Register(&ir.Op{
	Name: "convolution",
	Doc: `y from x and weight: y[n, o, p] is the sum over i and k of weight[o, i, k] · x[n, i, p · steps + k · dilation - padding].

x is [batch, groups · in, …], weight [groups · out, in, …], and y [batch, groups · out, …sizes];
each group of outputs sees its group of inputs. Elements of x outside are 0.`,
	Params:   append([]ir.Param{kit.Tensor("x", "what is convolved"), kit.Tensor("weight", "the kernels")}, append(paramsCorrelation[:len(paramsCorrelation):len(paramsCorrelation)], kit.Wide)...),
	Class:    ir.Contract,
	Promote:  ir.PromoteFloat,
	Products: func(n *ir.Node) int { return correlationOf(n).products() },
	Infer: func(n *ir.Node) (ir.Type, error) {
		c, err := inferCorrelation(n)
		return ir.Type{DType: kit.WideResult(n), Shape: c.shapeOfY()}, err
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		c, x, w := correlationOf(n), n.Inputs[0], n.Inputs[1]
		return []*ir.Node{c.toX(b, g, w), c.toWeight(b, x, g)}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out := ir.NewArray(n.Type)
		correlationOf(n).eachFromX(func(x, w, y int) { out.F[y] += at(in[0], x) * in[1].F[w] })
		return out
	},
	Slack: slackCorrelation(func(c correlation) int { return ir.MulSize(c.in, numel(c.taps)) }),
	Sample: func(s ir.Sampler) []any {
		c := sampleCorrelation(s)
		return c.arguments(s.Tensor(c.shapeOfX()), s.Tensor(c.shapeOfWeight()), c.y)
	},
})

var paramsCorrelation = []ir.Param{
	{Name: "steps", Kind: ir.KInts, Doc: "for each spatial dim, how far neighbours in y are apart in x"},
	{Name: "padding", Kind: ir.KInts, Doc: "how many zeros stand before x"},
	{Name: "dilation", Kind: ir.KInts, Doc: "how far neighbours in weight are apart in x"},
	kit.Integer("groups", "how many groups the channels are divided into"),
	{Name: "sizes", Kind: ir.KInts, Doc: "the spatial dims of the result"},
}

// correlation is what ties x, weight and y together: element p of y meets element k of
// weight at element p · stride + k · dilation - padding of x.
type correlation struct {
	batch, groups, in, out    int   // in and out are the channels of a group
	x, taps, y                []int // spatial dims
	stride, padding, dilation []int
}

// correlationOf reads a node whose type is known.
func correlationOf(n *ir.Node) correlation {
	c, _ := inferCorrelation(n)
	return c
}

// inferCorrelation reads a node of one of the three ops.
func inferCorrelation(n *ir.Node) (correlation, error) {
	c := correlation{groups: n.Int("groups"), stride: n.Ints("steps"), padding: n.Ints("padding"), dilation: n.Ints("dilation")}
	a, b, size := n.Inputs[0].Type.Shape, n.Inputs[1].Type.Shape, n.Ints("sizes")
	wrong := ir.Argf("", "%s and %s with %v, %v, %v, %d and %v don't make a convolution", kit.Named(n, 0), kit.Named(n, 1),
		ir.Shape(c.stride), ir.Shape(c.padding), ir.Shape(c.dilation), c.groups, ir.Shape(size))
	dims := len(a) - 2
	for _, list := range [][]int{c.stride, c.padding, c.dilation, size} {
		if len(list) != dims {
			return c, wrong
		}
	}
	if len(b) != len(a) || dims < 1 || dims > 3 || c.groups < 1 || slices.Min(c.stride) < 1 || slices.Min(c.dilation) < 1 || slices.Min(size) < 0 {
		return c, wrong
	}
	c.batch, c.in, c.out = a[0], a[1]/c.groups, b[0]/c.groups
	fits := false
	switch n.Op.Name {
	case "convolution":
		c.x, c.taps, c.y = a[2:], b[2:], size
		fits = b[1] == c.in && b[0]%c.groups == 0
	case "convolution_input":
		c.y, c.taps, c.x, c.in = a[2:], b[2:], size, b[1]
		fits = b[0] == a[1]
	default:
		c.x, c.y, c.taps, c.out = a[2:], b[2:], size, b[1]/c.groups
		fits = b[0] == a[0] && b[1]%c.groups == 0
	}
	if !fits || a[1]%c.groups != 0 {
		return c, wrong
	}
	return c, nil
}

func (c correlation) shapeOfX() ir.Shape {
	return append(ir.Shape{c.batch, ir.MulSize(c.groups, c.in)}, c.x...)
}

func (c correlation) shapeOfWeight() ir.Shape {
	return append(ir.Shape{ir.MulSize(c.groups, c.out), c.in}, c.taps...)
}

func (c correlation) shapeOfY() ir.Shape {
	return append(ir.Shape{c.batch, ir.MulSize(c.groups, c.out)}, c.y...)
}

// products is how many there are: one for each element of y and what of weight meets it.
func (c correlation) products() int {
	return ir.MulSize(c.shapeOfY().Numel(), ir.MulSize(c.in, numel(c.taps)))
}

func numel(size []int) int { return ir.Shape(size).Numel() }

// toY, toX and toWeight solve the sum for one of the three, given the other two.
func (c correlation) toY(b *ir.Builder, x, weight *ir.Node) *ir.Node {
	return b.Op("convolution", c.arguments(x, weight, c.y)...)
}

func (c correlation) toX(b *ir.Builder, y, weight *ir.Node) *ir.Node {
	return b.Op("convolution_input", c.arguments(y, weight, c.x)...)
}

func (c correlation) toWeight(b *ir.Builder, x, y *ir.Node) *ir.Node {
	return b.Op("convolution_weight", c.arguments(x, y, c.taps)...)
}

// wideY and wideX let factors in f16 and bf16 give f32, if wide is set.
func (c correlation) wideY(b *ir.Builder, x, weight *ir.Node, wide bool) *ir.Node {
	return b.Op("convolution", append(c.arguments(x, weight, c.y), wide)...)
}

func (c correlation) wideX(b *ir.Builder, y, weight *ir.Node, wide bool) *ir.Node {
	return b.Op("convolution_input", append(c.arguments(y, weight, c.x), wide)...)
}

func (c correlation) arguments(first, second any, size []int) []any {
	return []any{first, second, c.stride, c.padding, c.dilation, c.groups, size}
}

// eachFromX calls f for each product, with the places of its factors: p of y and k of
// weight say where in x. A place outside x is -1.
func (c correlation) eachFromX(f func(x, w, y int)) {
	eachIndex(c.y, func(atY int, p []int) {
		eachIndex(c.taps, func(atW int, k []int) {
			atX := 0
			for d, size := range c.x {
				i := p[d]*c.stride[d] + k[d]*c.dilation[d] - c.padding[d]
				if i < 0 || i >= size {
					atX = -1
					break
				}
				atX = atX*size + i
			}
			c.eachChannel(atX, atW, atY, f)
		})
	})
}

// eachFromY is eachFromX where i of x and k of weight say where in y, which there may be
// between two elements: then there is no product.
func (c correlation) eachFromY(f func(x, w, y int)) {
	eachIndex(c.x, func(atX int, i []int) {
		eachIndex(c.taps, func(atW int, k []int) {
			atY := 0
			for d, size := range c.y {
				p := i[d] + c.padding[d] - k[d]*c.dilation[d]
				if p%c.stride[d] != 0 {
					return
				}
				if p /= c.stride[d]; p < 0 || p >= size {
					atY = -1
				} else if atY >= 0 {
					atY = atY*size + p
				}
			}
			c.eachChannel(atX, atW, atY, f)
		})
	})
}

func (c correlation) eachChannel(atX, atW, atY int, f func(x, w, y int)) {
	place := func(channel, at, size int) int {
		if at < 0 {
			return -1
		}
		return channel*size + at
	}
	for n := range c.batch {
		for o := range c.groups * c.out {
			for i := range c.in {
				f(place((n*c.groups+o/c.out)*c.in+i, atX, numel(c.x)), place(o*c.in+i, atW, numel(c.taps)),
					place(n*c.groups*c.out+o, atY, numel(c.y)))
			}
		}
	}
}

// eachIndex calls f for each index into a shape, in order.
func eachIndex(shape []int, f func(at int, index []int)) {
	index := make([]int, len(shape))
	for at := range numel(shape) {
		rest := at
		for d := len(shape) - 1; d >= 0; d-- {
			index[d], rest = rest%shape[d], rest/shape[d]
		}
		f(at, index)
	}
}

// at is an element, or the zero outside.
func at(a *ir.Array, i int) float64 {
	if i < 0 {
		return 0
	}
	return a.F[i]
}

// slackCorrelation: a sum of so many products and additions in f32, of magnitudes whose
// sum is the value of the operands' magnitudes.
func slackCorrelation(terms func(correlation) int) func(ir.Computed) ir.Slack {
	return func(c ir.Computed) ir.Slack {
		size := kit.Magnitudes(c)
		return func(i int) float64 { return 2 * c.Unit * float64(terms(correlationOf(c.Node))) * size[i] }
	}
}

// sampleCorrelation draws what a convolution may be of: one of the sizes of x and the
// channels may be large.
func sampleCorrelation(s ir.Sampler) correlation {
	dims := s.Int(1, 3)
	sizes := s.OfRank(3 + dims)
	c := correlation{batch: sizes[0], in: sizes[1], out: sizes[2], groups: s.Int(1, 2), x: sizes[3:]}
	for _, size := range c.x {
		stride, padding, dilation, taps := s.Int(1, 3), s.Int(0, 2), s.Int(1, 2), s.Int(1, 3)
		c.stride, c.padding, c.dilation = append(c.stride, stride), append(c.padding, padding), append(c.dilation, dilation)
		c.taps = append(c.taps, taps)
		c.y = append(c.y, max(0, (size+2*padding-dilation*(taps-1)-1+stride)/stride))
	}
	return c
}
