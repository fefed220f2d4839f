package cpu

// attention_grad: the gradient of attention for its query (of = 0), key, value or scores.
//
// query [..., queries, depth], key [..., keys, depth], value [..., keys, features], mask
// [..., queries, keys], broadcast, g [..., queries, features], rows [..., queries, 3], step
// i64[] → out, of the shape of query, key or value, or [..., queries, keys]; a head of
// keys serves several of queries, if those are more. Bound by flops:
// 2·queries·keys·(2·depth + features).
//
// A weight is p = exp(score - top) / sum, computed anew, where rows has top, sum and delta
// of each query. Values get the sum of p·keep·g, and scores p·(keep·(g·value) - delta),
// which times scale and the other side's vectors is what queries and keys get. Rows are of queries, or, for key and value, of keys, which
// go over the queries of all heads that share them.
func init() {
	register("attention_grad", on(first, floats(attentionGrad[float32], attentionGrad[float64])))
}

const (
	ofQuery = iota
	ofKey
	ofValue
	ofScores
)

// slopes is a binding of attention_grad.
type slopes[T float] struct {
	*attending[T]
	g, rows []T
	of      int
}

func attentionGrad[T float](a *Args) func() {
	t, out := &slopes[T]{attending: attendingOf[T](a, 2, 3, 1), of: a.int(0)}, view[T](a.Output)
	t.drops(a, 1)
	t.g, t.rows = view[T](a.input(4)), view[T](a.input(5))
	if t.of == ofKey || t.of == ofValue {
		return func() { t.byKeys(out) }
	}
	return func() { t.byQueries(out) }
}

func (t *slopes[T]) byQueries(out []T) {
	clear(out)
	for row := range t.heads * t.queries {
		h, i := row/t.queries, row%t.queries
		kv := h / t.sharing * t.keys
		keys, g := t.key[kv*t.depth:], t.g[row*t.features:(row+1)*t.features]
		columns, weights := t.see(t.query[row*t.depth:], keys, h, i, false)
		for n, j := range columns {
			at := (kv + int(j)) * t.features
			weights[n] = t.slope(weights[n], row, int(j), g, t.value[at:])
		}
		if t.of == ofQuery {
			weights, columns = withWeight(weights, columns)
			gatherInto(out[row*t.depth:(row+1)*t.depth], weights, columns, keys)
			continue
		}
		for n, j := range columns {
			out[row*t.keys+int(j)] = weights[n]
		}
	}
}

func (t *slopes[T]) byKeys(out []T) {
	clear(out)
	for h := range t.heads {
		queries := t.query[h*t.queries*t.depth:]
		g := t.g[h*t.queries*t.features:]
		for j := range t.keys {
			kv := h/t.sharing*t.keys + j
			columns, weights := t.see(t.key[kv*t.depth:], queries, h, j, true)
			for n, i := range columns {
				at := int(i) * t.features
				weights[n] = t.slope(weights[n], h*t.queries+int(i), j, g[at:at+t.features], t.value[kv*t.features:])
			}
			weights, columns = withWeight(weights, columns)
			if t.of == ofValue {
				gatherInto(out[kv*t.features:(kv+1)*t.features], weights, columns, g)
			} else {
				gatherInto(out[kv*t.depth:(kv+1)*t.depth], weights, columns, queries)
			}
		}
	}
}

// slope makes of a score what the other side's vector is multiplied by, or, of scores,
// the gradient itself.
func (t *slopes[T]) slope(score T, row, j int, g, value []T) T {
	facts := t.rows[row*rowFacts:][:rowFacts]
	p, keep := T(expOf[T](float64(score)-float64(facts[0]))/float64(facts[1])), T(1)
	if t.dropped > 0 {
		keep = t.kept(row, j)
	}
	if t.of == ofValue {
		return p * keep
	}
	slope := p * (keep*dot(g, value) - facts[2])
	if t.of == ofScores {
		return slope
	}
	return slope * t.scale
}
