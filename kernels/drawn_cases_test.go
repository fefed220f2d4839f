package kernels_test

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/ir"
)

// of draws a case of an op.
func (d drawing) of(op string) opCase {
	if draw := drawers[op]; draw != nil {
		return draw(d)
	}
	o := ir.LookupOp(op)
	if o == nil || o.Class != ir.Elementwise || slices.ContainsFunc(o.Params, isArgument) {
		d.Fatalf("drawn_cases_test.go doesn't draw cases of %s", op)
	}
	if len(o.Params) == 1 {
		return one(nil, d.tensor(d.shape(0)))
	}
	return d.broadcast(len(o.Params))
}

// broadcast draws operands that broadcast against each other: each one has each
// dimension in full or with size 1.
func (d drawing) broadcast(n int) opCase {
	shape := d.shape(0)
	var all []input
	for range n {
		own := shape
		if d.flag() {
			own = d.part(shape)
		}
		all = append(all, d.tensor(own))
	}
	return one(nil, all...)
}

// drawers are of ops that aren't elementwise or have arguments.
var drawers = map[string]func(drawing) opCase{
	"where":      func(d drawing) opCase { return d.broadcast(3) },
	"softplus":   func(d drawing) opCase { return one(list(2.0, 3.0), d.tensor(d.shape(0))) },
	"elu":        func(d drawing) opCase { return one(list(0.3), d.tensor(d.shape(0))) },
	"leaky_relu": func(d drawing) opCase { return one(list(0.3), d.tensor(d.shape(0))) },
	"clamp":      func(d drawing) opCase { return one(list(0, 2), d.tensor(d.shape(0))) },
	"cast":       drawCast,

	"sum": drawReduction(false), "prod": drawReduction(false), "all": drawReduction(false), "any": drawReduction(false),
	"logsumexp": drawReduction(false), "max": drawReduction(true), "min": drawReduction(true),
	"argmax": drawArg, "argmin": drawArg,
	"softmax": drawLine, "log_softmax": drawLine, "cumsum": drawLine,
	"layer_norm": func(d drawing) opCase { return drawNorm(d, 2) }, "rms_norm": func(d drawing) opCase { return drawNorm(d, 1) },
	"matmul": drawMatmul,

	"reshape": drawReshape, "permute": drawPermute, "slice": drawSlice, "concat": drawConcat, "pad": drawPad,
	"flip": drawFlip, "broadcast_to": drawBroadcastTo, "tril": drawTriangle, "triu": drawTriangle,
	"gather": drawGather, "scatter_add": drawScatterAdd, "index_add": drawIndexAdd, "embedding": drawEmbedding, "one_hot": drawOneHot,

	"full": func(d drawing) opCase {
		shape := d.shape(0)
		return made(func(out ir.DType) []any { return list([]int(shape), 1, out) })
	},
	"eye": func(d drawing) opCase {
		s := d.ofRank(2)
		return made(func(out ir.DType) []any { return list(s[0], s[1], out) })
	},
	"arange": func(d drawing) opCase {
		start, step := d.int(-50, 50), d.int(1, 5)*(1-2*d.int(0, 1))
		end := start + step*max(d.border, d.int(0, 40))
		return made(func(out ir.DType) []any { return list(start, end, step, out) })
	},
	"randint": func(d drawing) opCase { return drawn(-5, d.int(-4, 1000), d.shape(0)...) },
	"uniform": func(d drawing) opCase { return drawn(-0.5, 1.5, d.shape(0)...) },
	"normal":  func(d drawing) opCase { return drawn(0.5, 2.0, d.shape(0)...) },
	"bits_of": func(d drawing) opCase {
		bits := d.int(1, 32)
		return one(list(bits), d.tensor(d.ofRank(d.int(0, ir.MaxRank-1))))
	},
}

func drawCast(d drawing) opCase {
	x := d.tensor(d.shape(0))
	return opCase{[]input{x}, func(n []*ir.Node, out ir.DType) []any { return list(n[0], out) }}
}

// drawReduction draws dims to reduce; of what has no result for no elements, some
// that have elements.
func drawReduction(nonempty bool) func(drawing) opCase {
	return func(d drawing) opCase {
		shape := d.shape(1)
		dims := d.dims(shape, 1)
		if d.flag() {
			d.turned(shape, dims[0])
		}
		for _, dim := range dims {
			if nonempty {
				shape[dim] = max(shape[dim], 1)
			}
		}
		return one(list(dims, d.flag()), d.lines(shape))
	}
}

func drawArg(d drawing) opCase {
	shape := d.shape(1)
	dim, written := d.dim(shape)
	d.turned(shape, dim)
	shape[dim] = max(shape[dim], 1)
	return one(list(written, d.flag()), d.lines(shape))
}

func drawLine(d drawing) opCase {
	shape := d.shape(1)
	dim, written := d.dim(shape)
	return one(list(written), d.lines(d.turned(shape, dim)))
}

// drawNorm draws a normalisation with as many parameters of a row's size.
func drawNorm(d drawing, parameters int) opCase {
	shape := d.shape(1)
	last := len(shape) - 1
	d.turned(shape, last)
	shape[last] = max(shape[last], 1)
	in := []input{d.tensor(shape)}
	for range parameters {
		in = append(in, d.tensor(shape[last:]))
	}
	return one(list(0.5), in...)
}

func drawMatmul(d drawing) opCase {
	sizes := d.ofRank(3)
	if d.border > 0 && d.border <= 256 { // enough multiplications for tiles, which small products go without
		sizes = rapid.Permutation([]int{33, 65, d.border}).Draw(d.T, "sizes")
	}
	m, k, n := sizes[0], sizes[1], sizes[2]
	var batch ir.Shape
	if d.border == 0 {
		batch = d.ofRank(d.int(0, 3))
	}
	a, b := append(d.part(batch), m, k), append(d.part(batch), k, n)
	ta, tb := d.flag(), d.flag()
	for shape, transposed := range map[*ir.Shape]bool{&a: ta, &b: tb} {
		if r := len(*shape); transposed {
			(*shape)[r-2], (*shape)[r-1] = (*shape)[r-1], (*shape)[r-2]
		}
	}
	switch {
	case d.int(0, 5) == 0:
		a, ta = ir.Shape{k}, false
	case d.int(0, 5) == 0:
		b, tb = ir.Shape{k}, false
	}
	return one(list(ta, tb), d.tensor(a), d.tensor(b))
}

// drawReshape regroups the dimensions, and puts ones between.
func drawReshape(d drawing) opCase {
	shape := d.shape(0)
	var to []int
	for _, n := range shape {
		if len(to) > 0 && d.flag() {
			to[len(to)-1] *= n
		} else {
			to = append(to, n)
		}
	}
	if len(to) < ir.MaxRank {
		to = slices.Insert(to, d.int(0, len(to)), 1)
	}
	return one(list(to), d.tensor(shape))
}

func drawPermute(d drawing) opCase {
	shape := d.shape(0)
	return one(list(d.dims(shape, len(shape))), d.tensor(shape))
}

func drawSlice(d drawing) opCase {
	shape := d.shape(1)
	dim, written := d.dim(shape)
	n := shape[dim]
	return one(list(written, d.int(-n-1, n+1), d.int(-n-1, n+1), d.int(1, 4)), d.tensor(shape))
}

func drawConcat(d drawing) opCase {
	shape := d.shape(1)
	dim, written := d.dim(shape)
	all := []input{d.tensor(shape)}
	for range d.int(0, 4) {
		all = append(all, d.tensor(withSize(shape, dim, min(d.size(), 7))))
	}
	return opCase{all, func(n []*ir.Node, _ ir.DType) []any {
		var joined []any
		for _, x := range n {
			joined = append(joined, x)
		}
		return list(joined, written)
	}}
}

func drawPad(d drawing) opCase {
	shape := d.shape(0)
	padding := make([][2]int, len(shape))
	for i := range padding {
		if d.int(0, 2) == 0 {
			padding[i] = [2]int{d.int(0, 2), d.int(0, 2)}
		}
	}
	return one(list(padding, d.int(0, 1)), d.tensor(shape))
}

func drawFlip(d drawing) opCase {
	shape := d.shape(1)
	return one(list(d.dims(shape, 1)), d.tensor(shape))
}

func drawBroadcastTo(d drawing) opCase {
	shape := d.shape(0)
	return one(list([]int(shape)), d.tensor(d.part(shape)))
}

func drawTriangle(d drawing) opCase {
	return one(list(d.int(-8, 8)), d.tensor(d.shape(2)))
}

// count draws how many indices there are along a dim.
func (d drawing) count(shape ir.Shape, dim int) int {
	if d.border > 0 && shape[dim] == d.border {
		return d.border
	}
	return d.size()
}

// along draws a shape, a dim of it, and the shape of an index into it: any size
// along the dim, at most the shape's own elsewhere.
func (d drawing) along() (shape ir.Shape, dim, written int, index ir.Shape) {
	shape = d.shape(1)
	dim, written = d.dim(shape)
	index = slices.Clone(shape)
	for i := range index {
		if i == dim {
			index[i] = d.count(shape, dim)
		} else if d.int(0, 3) == 0 {
			index[i] = d.int(0, shape[i])
		}
	}
	return shape, dim, written, index
}

func drawGather(d drawing) opCase {
	shape, dim, written, index := d.along()
	return opCase{[]input{d.tensor(shape), d.index(shape[dim], index)},
		func(n []*ir.Node, _ ir.DType) []any { return list(n[0], written, n[1]) }}
}

func adding(x input, dim int, index, source input) opCase {
	return opCase{[]input{x, index, source}, func(n []*ir.Node, _ ir.DType) []any { return list(n[0], dim, n[1], n[2]) }}
}

func drawScatterAdd(d drawing) opCase {
	shape, dim, written, index := d.along()
	return adding(d.tensor(shape), written, d.index(shape[dim], index), d.tensor(index))
}

func drawIndexAdd(d drawing) opCase {
	shape := d.shape(1)
	dim, written := d.dim(shape)
	k := d.count(shape, dim)
	return adding(d.tensor(shape), written, d.index(shape[dim], ir.Shape{k}), d.tensor(withSize(shape, dim, k)))
}

func drawEmbedding(d drawing) opCase {
	table := d.ofRank(2)
	return one(nil, d.index(table[0], d.ofRank(d.int(0, 4))), d.tensor(table))
}

func drawOneHot(d drawing) opCase {
	classes := d.int(1, 9)
	return one(list(classes), d.index(classes, d.ofRank(d.int(0, ir.MaxRank-1))))
}
