package build

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// A layout says where the examples of a batch are in a value. It is followed from the
// fields of the data, whose first dim is the batch's, through the model to the loss. What
// an operation does to it is stated here only where it is certain.
type layout struct {
	kind layoutKind
	// Of examples: the dim in which they lie. That dim may be the batch's and others in
	// one, as after reshape(x, [-1, classes]): then inner is the product of those inside
	// of the batch's, and size the number of examples.
	dim, inner, size int
	share            share // of combined: how it adds up over batches
}

type layoutKind uint8

const (
	fixedLayout  layoutKind = iota // the same for all batches
	drawn                          // random numbers, states, or scalars of the data: of no one example
	examples                       // of each example its own
	combinedOnes                   // examples are combined, and none is left
	unknownOne
)

var (
	unclear  = layout{kind: unknownOne}
	combined = layout{kind: combinedOnes, share: unknownShare}
)

// layoutOf is the layout of a node from those of its operands.
func (d *dissection) layoutOf(n *ir.Node) layout {
	if !d.batch[n] {
		return layout{}
	}
	if dim, isField := d.fields[n]; isField || n.Op == ir.SourceOp {
		switch {
		case len(n.Type.Shape) == 0: // one example
			return layout{kind: drawn}
		case dim < 0:
			return unclear
		}
		return layout{kind: examples, dim: dim, inner: 1, size: n.Type.Shape[dim]}
	}
	switch n.Op {
	case ir.ScanOp:
		d.scanned(n)
		return layout{kind: drawn} // it is seen through its results
	case ir.ScanResultOp:
		return d.results[n.Inputs[0]][n.Int("offset")]
	}
	var of []layout // of the operands that aren't fixed
	for _, in := range n.Inputs {
		switch l := d.layouts[in]; l.kind {
		case unknownOne:
			return unclear
		case fixedLayout:
		default:
			of = append(of, l)
		}
	}
	switch {
	case n.Op.Random || n.State != nil || n == d.t.step || len(of) == 0:
		return layout{kind: drawn}
	case !slices.ContainsFunc(of, func(l layout) bool { return l.kind == examples }):
		return d.without(n, of)
	case n.Op.Class == ir.Elementwise:
		return d.elementwise(n)
	}
	return d.through(n)
}

// without is the layout of what has no examples in its operands.
func (d *dissection) without(n *ir.Node, of []layout) layout {
	if !slices.ContainsFunc(of, func(l layout) bool { return l.kind == combinedOnes }) {
		if !slices.Contains(reductions, n.Op.Name) || n.Inputs[0].Type.Shape.Numel() == 1 {
			return layout{kind: drawn}
		} else if n.Op.Name == "mean" && n.Type.Shape.Numel() == 1 {
			return layout{kind: combinedOnes, share: meanOfExamples}
		}
		return combined // which dim would be the batch's isn't known
	}
	switch n.Op.Name {
	case "cast", "neg", "detach", "sum", "mean", "reshape", "squeeze", "unsqueeze", "permute", "transpose", "slice", "flatten":
		return d.layouts[n.Inputs[0]]
	case "mul":
		for i, in := range n.Inputs {
			if !d.batch[in] || d.layouts[in].kind == drawn && in.Type.Shape.Numel() == 1 {
				return d.layouts[n.Inputs[1-i]]
			}
		}
	case "div":
		a, by := d.layouts[n.Inputs[0]], d.layouts[n.Inputs[1]]
		switch {
		case by.kind == drawn && n.Inputs[1].Type.Shape.Numel() == 1:
			return a
		case !d.batch[n.Inputs[1]]:
			if a.share == sumOfExamples && d.fixed(n.Inputs[1]) {
				a.share = sumByNumber
			}
			return a
		}
	case "add", "sub":
		a, b := d.layouts[n.Inputs[0]], d.layouts[n.Inputs[1]]
		if a == b || zero(n.Inputs[1]) {
			return a
		} else if zero(n.Inputs[0]) {
			return b
		}
	}
	return combined
}

// zero reports whether a node is made of zeros.
func zero(n *ir.Node) bool {
	for {
		switch n.Op.Name {
		case "cast", "reshape", "broadcast_to":
			n = n.Inputs[0]
		case "zeros", "zeros_like":
			return true
		case "full":
			v, _ := n.LookupAttr("value")
			return v == 0 || v == 0.0
		case "const":
			v, ok := n.Attrs[0].(*ir.Tensor)
			return ok && v.Type.Shape.Numel() == 1 && v.Float(0) == 0
		default:
			return false
		}
	}
}

// elementwise joins operands that are broadcast against each other.
func (d *dissection) elementwise(n *ir.Node) layout {
	var out layout
	for _, in := range n.Inputs {
		l := d.layouts[in]
		switch l.kind {
		case examples:
			size := in.Type.Shape[l.dim]
			l.dim += len(n.Type.Shape) - len(in.Type.Shape)
			if n.Type.Shape[l.dim] != size || out.kind == examples && out != l {
				return unclear
			}
			out = l
		case combinedOnes:
			// A model sees batches one by one, as BatchNorm does. But numbers that are
			// computed of the batch alone are counts, and a loss is to be one of all batches.
			if n.ID >= d.from || d.counts(in) {
				return unclear
			}
		}
	}
	return out
}

// through follows examples through operations that aren't elementwise.
func (d *dissection) through(n *ir.Node) layout {
	l := d.layouts[n.Inputs[0]]
	in, out := n.Inputs[0].Type.Shape, n.Type.Shape
	first := l.kind == examples && d.alone(n)
	if first && slices.Contains(reductions, n.Op.Name) {
		return d.reduced(n, l)
	}
	switch n.Op.Name {
	case "softmax", "log_softmax", "cumsum", "cumprod", "sort", "argsort", "logcumsumexp":
		if first && n.Int("dim") != l.dim {
			return l
		}
	case "layer_norm", "rms_norm":
		if first && l.dim < len(in)-1 {
			return l
		}
	case "reshape", "flatten":
		if first {
			return l.reshaped(in, out)
		}
	case "transpose":
		if a, b := n.Int("dim0"), n.Int("dim1"); first && l.dim == a {
			l.dim = b
		} else if first && l.dim == b {
			l.dim = a
		}
		if first {
			return l
		}
	case "permute":
		if first {
			l.dim = slices.Index(n.Ints("dims"), l.dim)
			return l
		}
	case "unsqueeze":
		if first {
			if n.Int("dim") <= l.dim {
				l.dim++
			}
			return l
		}
	case "squeeze":
		if dims := n.Ints("dim"); first && len(dims) > 0 && !slices.Contains(dims, l.dim) {
			l.dim -= below(dims, l.dim)
			return l
		}
	case "slice", "one_hot":
		if first && out[l.dim] == in[l.dim] {
			return l
		}
	case "pad":
		if padding, ok := n.Attr("padding").([][2]int); first && ok && padding[l.dim] == [2]int{} {
			return l
		}
	case "flip":
		if first && !slices.Contains(n.Ints("dims"), l.dim) {
			return l
		}
	case "broadcast_to":
		if first {
			if l.dim += len(out) - len(in); out[l.dim] == l.inner*l.size || out[l.dim] == in[l.dim-len(out)+len(in)] {
				return l
			}
		}
	case "concat", "stack":
		l, ok := d.same(n.Inputs)
		if !ok || n.Op.Name == "concat" && n.Int("dim") == l.dim {
			return unclear
		}
		if n.Op.Name == "stack" && n.Int("dim") <= l.dim {
			l.dim++
		}
		return l
	case "scaled_dot_product_attention":
		if l, ok := d.same(n.Inputs[:3]); ok && l.dim < len(in)-2 && out[l.dim] == in[l.dim] {
			return l
		}
	case "gather", "take_along_dim":
		if index := d.layouts[n.Inputs[1]]; l.kind == examples && index == l && n.Int("dim") != l.dim {
			return l
		}
	case "embedding":
		if first {
			return l
		}
	case "scan_slice":
		return d.scanSlice(n)
	case "scan_store":
		return d.scanStore(n)
	case "matmul":
		return d.matmul(n)
	case "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "convolution",
		"max_pool", "max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "interpolate", "unfold", "fold",
		"adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d":
		if first && l.dim == 0 && out[0] == in[0] {
			return l
		}
	}
	return d.bySize(n)
}

var reductions = []string{"sum", "mean", "max", "min", "prod", "logsumexp", "std", "var", "all", "any", "argmax", "argmin"}

// same is the layout of all operands that aren't fixed, if that is one of examples.
func (d *dissection) same(nodes []*ir.Node) (l layout, ok bool) {
	for _, n := range nodes {
		switch o := d.layouts[n]; {
		case o.kind == fixedLayout:
		case o.kind != examples || ok && o != l:
			return layout{}, false
		default:
			l, ok = o, true
		}
	}
	return l, ok
}

// alone reports whether only the first operand depends on the batch.
func (d *dissection) alone(n *ir.Node) bool { return !d.any(d.batch, n.Inputs[1:]) }

func below(dims []int, dim int) (n int) {
	for _, x := range dims {
		if x < dim {
			n++
		}
	}
	return n
}

// reduced is what a reduction of examples gives.
func (d *dissection) reduced(n *ir.Node, l layout) layout {
	dims := []int{}
	switch v, _ := n.LookupAttr("dim"); v := v.(type) {
	case []int:
		dims = v
	case int:
		dims = append(dims, v)
	}
	keep, _ := n.LookupAttr("keepdim")
	if len(dims) > 0 && !slices.Contains(dims, l.dim) {
		if keep != true {
			l.dim -= below(dims, l.dim)
		}
		return l
	}
	switch n.Op.Name {
	case "sum":
		return layout{kind: combinedOnes, share: sumOfExamples}
	case "mean":
		return layout{kind: combinedOnes, share: meanOfExamples}
	}
	return combined
}

// reshaped finds the dim in which the examples lie whole after a reshape.
func (l layout) reshaped(from, to ir.Shape) layout {
	inner := l.inner * from[l.dim+1:].Numel()
	for dim := range to {
		after := to[dim+1:].Numel()
		if after > 0 && inner%after == 0 && to[dim]*after%max(1, inner*l.size) == 0 && to[dim]*after >= inner*l.size {
			return layout{kind: examples, dim: dim, inner: inner / after, size: l.size}
		}
	}
	return unclear
}

// matmul keeps the dim of the examples, if it isn't the one that is summed along.
func (d *dissection) matmul(n *ir.Node) layout {
	var found layout
	for i, in := range n.Inputs {
		l, rank := d.layouts[in], len(in.Type.Shape)
		if l.kind == combinedOnes && n.ID >= d.from {
			return unclear
		} else if l.kind != examples {
			continue
		}
		if rank < 2 || len(n.Type.Shape) < rank || l.dim == rank-1-i {
			return unclear
		}
		l.dim += len(n.Type.Shape) - rank
		if n.Type.Shape[l.dim] != in.Type.Shape[l.dim-len(n.Type.Shape)+rank] || found.kind == examples && found != l {
			return unclear
		}
		found = l
	}
	return found
}

// bySize finds the examples by their number, which one dim alone of each value has.
func (d *dissection) bySize(n *ir.Node) layout {
	switch n.Op.Class {
	case ir.Move, ir.Reduce:
		return unclear
	}
	size := 0
	for _, in := range n.Inputs {
		l := d.layouts[in]
		if l.kind == combinedOnes && n.ID >= d.from {
			return unclear
		} else if l.kind != examples {
			continue
		}
		if l.inner != 1 || in.Type.Shape[l.dim] != l.size || size != 0 && size != l.size || only(in.Type.Shape, l.size) < 0 {
			return unclear
		}
		size = l.size
	}
	if dim := only(n.Type.Shape, size); dim >= 0 && size > 1 {
		return layout{kind: examples, dim: dim, inner: 1, size: size}
	}
	return unclear
}

// only is the dim of a size; -1 if there is none, or more than one.
func only(s ir.Shape, size int) int {
	dim := slices.Index(s, size)
	if dim < 0 || slices.Contains(s[dim+1:], size) {
		return -1
	}
	return dim
}
