package cpu

// attention_rows: of each query its largest score, the sum of the exponentials of its scores
// less that, and delta, the sum of its weights times their gradients.
//
// query [..., queries, depth], key [..., keys, depth], value [..., keys, features], mask
// [..., queries, keys], broadcast, g [..., queries, features], step i64[] → out [...,
// queries, 3]; a head of keys serves several of queries, if those are more. Bound by
// flops: 2·queries·keys·(depth + features).
//
// A weight's gradient is g·value, times what dropout makes of it. A query that sees no key
// has -∞, 0 and 0. Sums of weights are taken in f64.
func init() {
	register("attention_rows", on(first, floats(attentionRows[float32], attentionRows[float64])))
}

// rowFacts is how many numbers attention_rows gives of a query.
const rowFacts = 3

func attentionRows[T float](a *Args) func() {
	t, g, out := attendingOf[T](a, 2, 3, 0), view[T](a.input(4)), view[T](a.Output)
	t.drops(a, 0)
	return func() {
		for row := range t.heads * t.queries {
			h, i := row/t.queries, row%t.queries
			kv := h / t.sharing * t.keys
			columns, weights := t.see(t.query[row*t.depth:], t.key[kv*t.depth:], h, i, false)
			top, sum := exponentials(weights)
			delta, own := 0.0, g[row*t.features:(row+1)*t.features]
			for n, j := range columns {
				if weights[n] != 0 {
					slope := dot(own, t.value[(kv+int(j))*t.features:])
					if t.dropped > 0 {
						slope *= t.kept(row, int(j))
					}
					delta += float64(weights[n]) * float64(slope)
				}
			}
			if len(columns) > 0 {
				delta /= sum
			}
			out[row*rowFacts], out[row*rowFacts+1], out[row*rowFacts+2] = top, T(sum), T(delta)
		}
	}
}
