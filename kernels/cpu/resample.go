package cpu

import "math"

// resample: x with another size along dim, each element of it a weighted sum of some of
// x's; or the transpose of that, its gradient.
//
// With reach 0, element o is the mean of the elements from ⌊(o·step + from) / over⌋ up to
// ⌊(o·step + to) / over⌋: of those that exist, or are at most edge beyond an end, or as if
// there were divisor of them. With reach 1 it is x at (o·step + from) / over, interpolated
// linearly, with reach 2 by Keys' cubic; beyond its ends x goes on as its last element. With
// a reach and a `to` above 0, all elements less than reach·to / over away have a part, by the
// same curves made that much wider; none beyond the ends has.
//
// x [..., n, ...] → out [..., out_size, ...]. Bound by bytes. Which elements have a part
// in which, and their weights, are listed at binding; sums are in f64.
func init() { register("resample", on(first, floats(resample[float32], resample[float64]))) }

// part is an element of x that has a weight in one of out. Means of windows are sums that
// are divided at the end.
type part struct {
	at     int
	weight float64
}

func resample[T float](a *Args) func() {
	x, out := view[T](a.input(0)), view[T](a.Output)
	dim := a.dim(0, a.input(0).Shape)
	outer, size, inner := split(a.input(0).Shape, dim)
	shape := append([]int(nil), a.input(0).Shape...)
	shape[dim] = a.int(2)
	mustBe(a.Output, shape)
	parts, counts := partsOf(a, size)
	sums := make([]float64, inner)
	return func() {
		for o := range outer {
			from, to := x[o*size*inner:], out[o*shape[dim]*inner:]
			for i, row := range parts {
				clear(sums)
				for _, p := range row {
					for j, v := range from[p.at*inner : (p.at+1)*inner] {
						sums[j] += p.weight * float64(v)
					}
				}
				for j, sum := range sums {
					to[i*inner+j] = T(sum / counts[i])
				}
			}
		}
	}
}

// partsOf lists the parts of each element of the output, and what their sum is divided by.
func partsOf(a *Args, size int) (parts [][]part, counts []float64) {
	r := resampling{a.int(1), a.int(3), a.int(4), a.int(5), a.int(6), a.int(7), a.int(8), size}
	outSize, transposed := a.int(2), a.bool(9)
	parts, counts = make([][]part, outSize), make([]float64, outSize)
	windows := outSize
	if transposed {
		r.size, windows = outSize, size
	}
	for i := range counts {
		counts[i] = 1
	}
	for o := range windows {
		count := 1.0
		r.each(o, func(at int, weight, of float64) {
			switch count = of; {
			case weight == 0:
			case transposed:
				parts[at] = append(parts[at], part{o, weight / of})
			default:
				parts[o] = append(parts[o], part{at, weight})
			}
		})
		if !transposed {
			counts[o] = count
		}
	}
	return parts, counts
}

// resampling is how elements are made of `size` others.
type resampling struct {
	reach, step, from, to, over, edge, divisor, size int
}

// each calls f with the elements that element o is made of, their weights, and what all of
// that is divided by.
func (r resampling) each(o int, f func(at int, weight, of float64)) {
	position := o*r.step + r.from
	low := floorQuotient(position, r.over)
	if r.reach == 0 {
		high := floorQuotient(o*r.step+r.to, r.over)
		count := min(high, r.size+r.edge) - max(low, -r.edge)
		if r.divisor > 0 {
			count = r.divisor
		}
		for at := max(low, 0); at < min(high, r.size); at++ {
			f(at, 1, float64(count))
		}
		return
	}
	if r.to > 0 {
		far := r.reach * r.to
		for at := max(floorQuotient(position-far, r.over)+1, 0); at < r.size && at*r.over < position+far; at++ {
			f(at, resamplingWeight(math.Abs(float64(position-at*r.over))/float64(r.to), r.reach, -0.5), 1)
		}
		return
	}
	first := min(max(low-r.reach+1, 0), r.size-1)
	for at := first; at <= min(max(low+r.reach, 0), r.size-1); at++ {
		weight := 0.0
		for tap := low - r.reach + 1; tap <= low+r.reach; tap++ { // those that the element stands for
			if min(max(tap, 0), r.size-1) == at {
				weight += resamplingWeight(math.Abs(float64(position-tap*r.over))/float64(r.over), r.reach, -0.75)
			}
		}
		f(at, weight, 1)
	}
}

func floorQuotient(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// resamplingWeight is the weight of an element at a distance from the position: on a line,
// or on Keys' cubic with its parameter a.
func resamplingWeight(away float64, reach int, a float64) float64 {
	switch {
	case reach == 1:
		return 1 - away
	case away <= 1:
		return ((a+2)*away-(a+3))*away*away + 1
	}
	return ((a*away-5*a)*away+8*a)*away - 4*a
}
