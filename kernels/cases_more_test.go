package kernels_test

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/irtest"
)

// otherCases are those of the ops that stand alone.
func otherCases(op string) []opCase {
	switch op {
	case "where":
		cond := func(shape ...int) input { return seeded(9, shape) }
		return []opCase{
			one(nil, cond(3, 5), plain(3, 5), special(3, 5)),
			one(nil, cond(5), plain(3, 1), plain()),
			one(nil, cond(), plain(3, 4), plain(3, 4)),
			one(nil, cond(2, 1, 3), plain(4, 1), plain(2, 4, 3)),
			one(nil, cond(0), plain(0), plain(1)),
		}
	case "clamp":
		bounds := func(low, high any) opCase {
			return opCase{[]input{special(nSpecials)}, func(x []*ir.Node, out ir.DType) []any { return []any{x[0], low, high} }}
		}
		return []opCase{bounds(-1, 2), bounds(nil, 2), bounds(-1, nil), bounds(1, 1), one(list(0, 3), plain(3, 5)), one(list(0, 3), plain(0))}
	case "cast":
		cast := func(in input) opCase {
			return opCase{[]input{in}, func(x []*ir.Node, out ir.DType) []any { return []any{x[0], out} }}
		}
		ends := []float64{0x1p31, -0x1p31, 0x1p31 - 1, -0x1p31 - 1, 0x1p63, -0x1p63, 0x1p53, 0x1p62, 0x1p32 + 255,
			0, 1, -1, 127, 128, 254.5, 255, 255.5, 255.999, 256, 257, 511, -0.999, -255, -256, -257, 1e30, -1e30, 0x1p-149}
		edges := input{ir.Shape{len(ends)}, func(d ir.DType, i int) any { // where integers end
			switch v := ends[i]; {
			case d.IsFloat():
				return v
			case d == ir.I64 && math.Abs(v) < 0x1p63, d == ir.I32 && math.Abs(v) < 0x1p31, d == ir.U8 && v >= 0 && v <= 255:
				return int64(v)
			}
			return int64(i % 2)
		}}
		return []opCase{cast(special(nSpecials)), cast(edges), cast(plain(3, 5)), cast(plain(0)), cast(plain())}
	case "convolution", "convolution_input", "convolution_weight":
		return convolutionCases(op)
	case "layer_norm":
		return normCases(plain, true)
	case "rms_norm":
		return normCases(plain, false)
	}
	if cases := moveCases(op); cases != nil {
		return cases
	}
	if cases := indexCases(op); cases != nil {
		return cases
	}
	if cases := poolingCases(op); cases != nil {
		return cases
	}
	return madeCases(op)
}

func normCases(values func(...int) input, bias bool) []opCase {
	var cases []opCase
	for _, s := range []ir.Shape{{16}, {3, 4, 16}, {5, 1}, {2, 300}, {0, 4}} {
		d := s[len(s)-1]
		in := []input{values(s...), seeded(2, ir.Shape{d})}
		if bias {
			in = append(in, seeded(3, ir.Shape{d}))
		}
		cases = append(cases, one(nil, in...), one(list(0.5), in...))
	}
	return cases
}

func moveCases(op string) []opCase {
	x := special(2, 6, 4)
	switch op {
	case "reshape":
		return []opCase{one(list([]int{12, 4}), x), one(list([]int{-1}), x), one(list([]int{0, 5}), plain(5, 0)), one(list([]int{}), plain(1))}
	case "permute":
		cases := []opCase{one(list([]int{}), plain()), one(list([]int{1, 0}), plain(0, 3)), one(list([]int{1, 0}), plain(5, 7)),
			one(list([]int{1, 0}), plain(40, 70)), one(list([]int{1, 0}), plain(70, 40)), one(list([]int{3, 1, 0, 2}), plain(2, 3, 4, 5)), one(list([]int{0, 2, 1}), plain(3, 20, 18)),
			one(list([]int{2, 0, 1, 3}), plain(2, 3, 4, 1))}
		for _, dims := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
			cases = append(cases, one(list(dims), x))
		}
		return cases
	case "slice":
		return []opCase{one(list(1, 1, 3), x), one(list(0, 1, 2), x), one(list(2, 0, 4), x), one(list(1, 0, 6, 2), x),
			one(list(-1, 1, 4, 3), x), one(list(1, 2, 2), x), one(list(1, -3, -1), x), one(list(0, 0, 0), plain(0, 2))}
	case "concat":
		join := func(dim int, inputs ...input) opCase {
			return opCase{inputs, func(nodes []*ir.Node, _ ir.DType) []any {
				var all []any
				for _, n := range nodes {
					all = append(all, n)
				}
				return []any{all, dim}
			}}
		}
		return []opCase{join(1, x, seeded(2, ir.Shape{2, 3, 4})), join(-1, x, seeded(2, ir.Shape{2, 6, 1})), join(0, x, x, x),
			join(0, plain(3)), join(0, plain(3), plain(0)), join(1, plain(0, 2), plain(0, 3)), join(0, plain(0), plain(0))}
	case "pad":
		pad := func(value int, in input, pairs ...[2]int) opCase { return one(list(pairs, value), in) }
		return []opCase{pad(0, x, [2]int{0, 0}, [2]int{1, 2}, [2]int{0, 1}), pad(1, x, [2]int{1, 0}, [2]int{0, 0}, [2]int{0, 0}),
			pad(1, plain(0, 2), [2]int{1, 1}, [2]int{0, 1}), pad(1, plain()), pad(1, plain(3), [2]int{2, 2}),
			pad(1, x, [2]int{-1, 1}, [2]int{2, -3}, [2]int{-1, -1}), pad(1, plain(2), [2]int{-2, 3}),
			pad(1, plain(1, 3), [2]int{1, -1}, [2]int{0, 1}), pad(1, plain(1), [2]int{-1, 1}),
			one(list([]int{-1, 2, 5, 3, 1, 1}, "reflect"), x), one(list([]int{9, -2, 0, 3}, "replicate"), x), one(list([]int{4, 4, 5, -1, -1, 1}, "circular"), x),
			one(list([]int{0, 0}, "circular"), plain(0))}
	case "flip":
		return []opCase{one(list(1), x), one(list([]int{0, 2}), x), one(list([]int{0, 1, 2}), x), one(list(0), plain(0)), one(list(0), plain(7))}
	case "broadcast_to":
		return []opCase{one(list([]int{3, 2, 5}), plain(2, 5)), one(list([]int{2, 5}), plain(2, 5)), one(list([]int{4, 3}), plain(4, 1)),
			one(list([]int{4, 3}), plain()), one(list([]int{3, 0}), plain(1)), one(list([]int{2, 3, 4, 5}), plain(3, 1, 5)),
			one(list([]int{20, 30}), plain(20, 1))}
	case "tril", "triu":
		var cases []opCase
		for _, s := range []ir.Shape{{4, 6}, {6, 4}, {2, 3, 3}, {0, 3}, {1, 1}} {
			for _, diagonal := range []int{0, 1, -1, -2, 5, 9, -9} {
				cases = append(cases, one(list(diagonal), special(s...)))
			}
		}
		return cases
	}
	return nil
}

func indexCases(op string) []opCase {
	along := func(dim int, x input, index input) opCase { // gather's order: x, dim, index
		return opCase{[]input{x, index}, func(n []*ir.Node, _ ir.DType) []any { return []any{n[0], dim, n[1]} }}
	}
	src := func(shape ...int) input { return seeded(2, shape) }
	outside := input{ir.Shape{}, func(ir.DType, int) any { return int64(7) }}
	switch op {
	case "gather":
		return []opCase{along(1, plain(4, 6), indices(6, false, 4, 3)), along(0, plain(4, 6), indices(4, true, 7, 6)),
			along(0, plain(4, 6), indices(4, false, 2, 3)), along(1, special(3, 5, 4), indices(5, true, 3, 2, 4)),
			along(-1, plain(5), indices(5, true, 9)), along(0, plain(3), indices(3, false, 0)), along(0, plain(3, 1), indices(3, false, 2, 1))}
	case "embedding":
		return []opCase{one(nil, indices(7, false, 3, 5), plain(7, 4)), one(nil, indices(7, true, 11), special(7, 3)),
			one(nil, indices(7, false), plain(7, 4)), one(nil, indices(1, false, 0), plain(1, 4)), one(nil, indices(3, true, 4), plain(3, 0))}
	case "one_hot":
		return []opCase{one(list(7), indices(7, false, 3, 4)), one(list(3), indices(3, true, 9)), one(list(1), indices(1, false)),
			one(list(4), indices(4, false, 0))}
	case "scatter_ordered":
		return scatterCases()
	case "scan_slice":
		at := func(dim int, x, index input) opCase { return one(list(dim), x, index) }
		return []opCase{at(0, special(5, 6), indices(5, false)), at(1, special(3, 5, 4), indices(5, true)), at(-1, plain(4, 6), indices(6, false)),
			at(0, plain(1), indices(1, false)), at(1, plain(3, 4, 0), indices(4, false)), at(0, plain(3, 2), outside)}
	case "scan_store":
		at := func(dim int, x, index, slice input) opCase { return one(list(dim), x, index, slice) }
		return []opCase{at(0, special(5, 6), indices(5, false), src(6)), at(1, special(3, 5, 4), indices(5, true), src(3, 4)), at(-1, plain(4, 6), indices(6, false), src(4)),
			at(0, plain(1), indices(1, false), src()), at(1, plain(3, 4, 0), indices(4, false), src(3, 0)), at(0, plain(3, 2), outside, src(2))}
	}
	return nil
}

// scatterCases are calls of scatter_ordered, which sorts nothing itself: x, index, order,
// src. An index has dims of size 1 where it is the same for all of src.
func scatterCases() (all []opCase) {
	for _, c := range []struct {
		x, index, src []int
		dim           int
	}{
		{[]int{4, 6}, []int{4, 3}, []int{4, 3}, 1}, {[]int{4, 6}, []int{7, 6}, []int{7, 6}, 0}, {[]int{4, 6}, []int{2, 3}, []int{2, 3}, 0},
		{[]int{3}, []int{100}, []int{100}, 0}, {[]int{3, 5, 4}, []int{3, 2, 4}, []int{3, 2, 4}, 1}, {[]int{3}, []int{0}, []int{0}, 0},
		{[]int{4, 6}, []int{9, 1}, []int{9, 6}, 0}, {[]int{3, 5, 4}, []int{1, 7, 1}, []int{3, 7, 4}, 1}, {[]int{3, 2}, []int{0, 1}, []int{0, 2}, 0},
	} {
		for i, reduce := range []string{"sum", "prod", "mean", "amax", "amin", "last"} {
			index := indices(c.x[c.dim], i%2 == 1, c.index...)
			sorted := irtest.OrderOf(index.tensor(ir.I32).Array(), c.dim)
			order := input{c.index, func(_ ir.DType, i int) any { return sorted.I[i] }}
			all = append(all, opCase{[]input{plain(c.x...), index, order, seeded(2, c.src)}, func(n []*ir.Node, _ ir.DType) []any {
				return []any{n[0], c.dim, n[1], n[2], n[3], reduce, len(all)%2 == 0}
			}})
		}
	}
	return all
}

// sortCases have rows on either side of what a group of work-items sorts by itself, many
// short rows in a group, equal elements, and the ends of every format.
func sortCases() (all []opCase) {
	for i, in := range []input{plain(4, 6), special(12, 3), plain(2047), plain(2048), seeded(7, ir.Shape{2049, 2}), seeded(3, ir.Shape{3, 4100}),
		plain(1), plain(300, 5), plain(5, 1, 3), plain(0, 3), plain(3, 0), special(40), seeded(5, ir.Shape{8193})} {
		dim := len(in.shape) - 1
		if i == 4 {
			dim = 0
		}
		for _, descending := range []bool{false, true} {
			all = append(all, one(list(dim, descending), in))
		}
	}
	return all
}

func madeCases(op string) []opCase {
	switch op {
	case "full":
		full := func(value any, shape ...int) opCase {
			return made(func(out ir.DType) []any { return []any{shape, value, out} })
		}
		return []opCase{full(1, 3, 5), full(0), full(true, 4), full(1, 0), made(func(out ir.DType) []any {
			if out.IsFloat() {
				return []any{[]int{3}, 0.1, out}
			}
			return []any{[]int{3}, 1, out}
		}), made(func(out ir.DType) []any {
			switch {
			case out.IsFloat():
				return []any{[]int{3}, math.Inf(-1), out}
			case out == ir.I32:
				return []any{[]int{3}, math.MinInt32, out}
			case out == ir.I64:
				return []any{[]int{3}, math.MaxInt64, out}
			}
			return []any{[]int{3}, 0, out}
		})}
	case "arange":
		arange := func(start, end, step any) opCase {
			return made(func(out ir.DType) []any { return []any{start, end, step, out} })
		}
		return []opCase{arange(5, nil, 1), arange(2, 9, 3), arange(9, 2, -3), arange(0, 0, 1), arange(-100, 100, 1)}
	case "eye":
		eye := func(n int, m any) opCase { return made(func(out ir.DType) []any { return []any{n, m, out} }) }
		return []opCase{eye(3, nil), eye(3, 5), eye(5, 3), eye(0, nil), eye(1, 1)}
	case "randint":
		return []opCase{drawn(0, 16, 1), drawn(-5, 5, 3, 5), drawn(0, 1<<31-1, 101), drawn(7, 8, 6), drawn(0, 2, 0), drawn(math.MinInt32, math.MaxInt32, 1000), drawn(0, 9)}
	case "uniform":
		return []opCase{drawn(0.0, 1.0, 1), drawn(-0.25, 0.25, 3, 5), drawn(0.1, 0.3, 1001), drawn(0.0, 1.0, 0), drawn(-3.0, 5.0),
			drawn(0.0, 1.0, 9000), drawn(1.0, 1.0, 3), drawnWidely(1001)}
	case "normal":
		return []opCase{drawn(0.0, 1.0, 1), drawn(1.5, 0.02, 3, 5), drawn(0.0, 2.0, 1001), drawn(0.0, 1.0, 0), drawn(0.0, 1.0), drawn(0.0, 1.0, 2)}
	case "bits_of":
		return []opCase{one(list(5), plain(3, 4)), one(list(32), special(14)), one(list(1), plain()), one(list(4), plain(0))}
	}
	return nil
}
