package kit

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// Windows are what pooling looks at: along each of the last dims of a value, some of its
// elements for each element of the result.
type Windows struct {
	In, Out []int // along each dim: the value's size, and the number of windows

	// Window o begins at o·Stride - Padding and has Kernel elements, Dilation apart. What
	// of it lies outside doesn't count.
	Kernel, Stride, Padding, Dilation []int

	// Adaptive windows share the elements out as evenly as can be: window o is from
	// ⌊o·In/Out⌋ up to ⌈(o+1)·In/Out⌉. The four lists don't count.
	Adaptive bool
}

// Taps lists the elements of window o along dim d.
func (w Windows) Taps(d, o int) (taps []int) {
	if w.Adaptive {
		for i := o * w.In[d] / w.Out[d]; i < ceilDiv((o+1)*w.In[d], w.Out[d]); i++ {
			taps = append(taps, i)
		}
		return taps
	}
	start, apart := o*w.Stride[d]-w.Padding[d], w.Dilation[d]
	first := max(0, ceilDiv(-start, apart))
	last := min(w.Kernel[d], ceilDiv(w.In[d]-start, apart))
	for k := first; k < last; k++ {
		taps = append(taps, start+k*apart)
	}
	return taps
}

// All lists the elements of each window as offsets in the plane of all dims, in row-major
// order.
func (w Windows) All() [][]int {
	all := [][]int{{0}}
	for d := range w.Out {
		var next [][]int
		for _, begun := range all {
			for o := range w.Out[d] {
				var taps []int
				for _, at := range begun {
					for _, tap := range w.Taps(d, o) {
						taps = append(taps, at*w.In[d]+tap)
					}
				}
				next = append(next, taps)
			}
		}
		all = next
	}
	return all
}

func ceilDiv(a, b int) int { return int(math.Ceil(float64(a) / float64(b))) }

// spatial are the names of the dims that are pooled, by their number.
var spatial = [...]string{1: "length", 2: "height, width", 3: "depth, height, width"}

// Images gives the sizes of the last dims of operand 0, as many as rank says, which
// channels and perhaps a batch come before.
func Images(n *ir.Node, rank int) (sizes []int, err error) {
	x := n.Inputs[0].Type.Shape
	if lead := len(x) - rank; lead != 1 && lead != 2 {
		return nil, Refuse("x", "", "%s requires [batch, channels, %s], with or without batch; %s", n.Op.Name, spatial[rank], Named(n, 0))
	}
	sizes = x[len(x)-rank:]
	if slices.Contains(sizes, 0) {
		return nil, Refuse("x", "", "%s requires at least one element along each dim that it pools; %s", n.Op.Name, Named(n, 0))
	}
	return sizes, nil
}

// PerDim normalises an argument that is an int for all of several dims, or a list of one
// for each. None may be less than least.
func PerDim(n *ir.Node, param string, dims, least int) ([]int, error) {
	list := slices.Clone(n.Ints(param))
	if len(list) == 1 {
		list = slices.Repeat(list, dims)
	}
	if len(list) != dims {
		return nil, Refuse(param, "", "%s must be one int, or a list of %s; it is %v", param, diag.Count(dims, "int"), ir.Shape(list))
	}
	for i, v := range list {
		if v < least {
			return nil, RefuseItem(param, i, "", "%s must be at least %d; it is %v", param, least, ir.Shape(list))
		}
	}
	n.SetAttr(param, list)
	return list, nil
}

// largestWindow is how far a window may reach: the source languages count in 32 bits.
const largestWindow = 1 << 30

// InferWindows gives the windows of a pooling op with PyTorch's arguments, which it
// normalises.
func InferWindows(n *ir.Node, rank int) (w Windows, err error) {
	if w.In, err = Images(n, rank); err != nil {
		return w, err
	}
	if w.Kernel, err = PerDim(n, "kernel_size", rank, 1); err != nil {
		return w, err
	}
	if n.Ints("stride") == nil {
		n.SetAttr("stride", w.Kernel)
	}
	if w.Stride, err = PerDim(n, "stride", rank, 1); err != nil {
		return w, err
	}
	if w.Padding, err = PerDim(n, "padding", rank, 0); err != nil {
		return w, err
	}
	w.Dilation = slices.Repeat([]int{1}, rank)
	if n.Op.Param("dilation") >= 0 {
		if w.Dilation, err = PerDim(n, "dilation", rank, 1); err != nil {
			return w, err
		}
	}
	for d := range rank {
		count, err := countWindows(n, w, d)
		if err != nil {
			return w, err
		}
		w.Out = append(w.Out, count)
	}
	return w, nil
}

// countWindows is the number of windows along a dim. In ceil_mode one more may reach
// beyond the end, but none begins there.
func countWindows(n *ir.Node, w Windows, d int) (int, error) {
	if w.Kernel[d] == 1 {
		w.Dilation[d] = 1
	}
	reach := ir.AddSize(ir.MulSize(w.Dilation[d], w.Kernel[d]-1), 1)
	if reach > largestWindow {
		return 0, RefuseItem("kernel_size", d, "", "the window reaches over %d elements; the limit is %d", reach, largestWindow)
	}
	if w.Padding[d] > reach/2 {
		return 0, RefuseItem("padding", d, "", "padding may be at most half of the window; it is %d beside a window of %d in dim -%d",
			w.Padding[d], reach, len(w.In)-d)
	}
	padded := ir.AddSize(w.In[d], 2*w.Padding[d])
	if reach > padded {
		return 0, RefuseItem("kernel_size", d, "", "the window has %d elements in dim -%d, where x with its padding has %d; %s",
			reach, len(w.In)-d, padded, Named(n, 0))
	}
	w.Stride[d] = min(w.Stride[d], padded) // a longer one gives the first window too, and none behind it
	count := (padded-reach)/w.Stride[d] + 1
	if n.Bool("ceil_mode") && (padded-reach)%w.Stride[d] > 0 && count*w.Stride[d] < w.In[d]+w.Padding[d] {
		count++
	}
	return count, nil
}

// ParamsPool are the parameters of pooling; more come behind padding.
func ParamsPool(rank int, more ...ir.Param) []ir.Param {
	each := "; one int, or one for each of " + spatial[rank]
	if rank == 1 {
		each = ""
	}
	return slices.Concat([]ir.Param{
		Tensor("x", "[batch, channels, "+spatial[rank]+"], with or without batch"),
		{Name: "kernel_size", Kind: ir.KDims, Doc: "the size of the windows" + each},
		{Name: "stride", Kind: ir.KDims, Optional: true, Doc: "the distance between windows; by default kernel_size"},
		{Name: "padding", Kind: ir.KDims, Default: 0, Optional: true, Doc: "how far windows reach beyond either end of x, at most half of their size"},
	}, more)
}

// ParamCeilMode is PyTorch's ceil_mode.
var ParamCeilMode = Flag("ceil_mode", "whether a window that reaches beyond the end of x counts, if it begins before")
