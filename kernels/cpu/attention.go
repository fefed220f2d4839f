package cpu

// attention: softmax(query keyᵀ scale + mask) value, over the keys that a query sees, with
// dropout.
//
// query [..., queries, depth], key [..., keys, depth], value [..., keys, features], mask
// [..., queries, keys], broadcast, step i64[] → out [..., queries, features]; a head of
// keys serves several of queries, if those are more. Bound by flops:
// 2·queries·keys·(depth + features).
//
// One query's scores are in memory at a time, which a cache holds. Keys and values that
// it doesn't see aren't read. Weights are added up in f64, all else in T.
func init() { register("attention", on(first, floats(attention[float32], attention[float64]))) }

func attention[T float](a *Args) func() {
	t, out := attendingOf[T](a, 2, 3, 0), view[T](a.Output)
	t.drops(a, 0)
	return func() {
		for row := range t.heads * t.queries {
			h, i := row/t.queries, row%t.queries
			kv := h / t.sharing * t.keys
			to := out[row*t.features : (row+1)*t.features]
			clear(to)
			columns, weights := t.see(t.query[row*t.depth:], t.key[kv*t.depth:], h, i, false)
			_, sum := exponentials(weights)
			scale := T(1 / sum)
			for n := range weights {
				weights[n] *= scale
				if t.dropped > 0 {
					weights[n] *= t.kept(row, int(columns[n]))
				}
			}
			weights, columns = withWeight(weights, columns)
			gatherInto(to, weights, columns, t.value[kv*t.features:])
		}
	}
}
