package cpu

// windows are those of pooling along the last one to three dimensions of a tensor,
// innermost first; a dimension that isn't pooled has one window with one element.
type windows struct {
	planes, plane int           // how many planes of those dimensions there are, and their size
	strides       [3]int        // of the dimensions in a plane
	spans         [3][]elements // of each window along each dimension
}

// elements are those of a window along a dimension: from first up to end, apart.
type elements struct{ first, end, apart int }

// windowsOf reads the scalars of max_pool.
func windowsOf(a *Args) *windows {
	x, out, rank := a.input(0).Shape, a.Output.Shape, len(a.ints(0))
	lead := len(x) - rank
	if rank < 1 || rank > 3 || lead < 0 || len(out) != len(x) {
		fail("%d dims of %v can't be pooled to %v", rank, x, out)
	}
	mustBe(a.Output, append(append([]int(nil), x[:lead]...), a.ints(0)...))
	w := &windows{planes: numel(x[:lead]), plane: numel(x[lead:])}
	stride := 1
	for d := range w.spans {
		w.spans[d], w.strides[d] = []elements{{0, 1, 1}}, stride
		if at := rank - 1 - d; at >= 0 {
			w.spans[d] = spansOf(a, at, x[lead+at], out[lead+at])
			stride *= x[lead+at]
		}
	}
	return w
}

// spansOf lists the windows along a pooled dimension.
func spansOf(a *Args, dim, size, count int) []elements {
	spans := make([]elements, count)
	kernel, stride, padding, apart := a.ints(1)[dim], a.ints(2)[dim], a.ints(3)[dim], a.ints(4)[dim]
	for o := range spans {
		if a.bool(5) {
			spans[o] = elements{o * size / count, ((o+1)*size + count - 1) / count, 1}
			continue
		}
		start := o*stride - padding
		first := start
		if start < 0 {
			first += (apart - 1 - start) / apart * apart
		}
		spans[o] = elements{first, min(size, start+kernel*apart), apart}
	}
	return spans
}

// firstLargest finds the first largest element of a window in a plane, or the first NaN;
// -1 if it has none.
func firstLargest[T number](plane []T, w *windows, z, y, x elements) int {
	best := -1
	var top T
	for at2 := z.first; at2 < z.end; at2 += z.apart {
		for at1 := y.first; at1 < y.end; at1 += y.apart {
			row := at2*w.strides[2] + at1*w.strides[1]
			for at := x.first; at < x.end; at += x.apart {
				if v := plane[row+at]; best < 0 || v > top || v != v && top == top {
					best, top = row+at, v
				}
			}
		}
	}
	return best
}
