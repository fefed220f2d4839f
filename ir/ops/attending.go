package ops

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// attending is a call of an op of attention: its sizes, who sees whom, and, where it is
// evaluated, the operands.
type attending struct {
	batch                          ir.Shape // the dims of query before the last two
	heads                          int      // of queries, in all of the batch
	group                          int      // how many of them share one head of keys and values
	queries, keys, depth, features int
	scale                          float64
	causal                         bool
	window                         int
	dropout                        float64
	seed                           int
	stepNode                       *ir.Node
	query, key, value, mask        []float64
	maskAt                         []int // the mask's element of each score
	at                             uint64
	dropped, kept                  float64
}

// attendingOf reads a node whose operands fit.
func attendingOf(n *ir.Node) *attending {
	operand := func(name string) ir.Shape {
		if n.Op.Param(name) < 0 {
			return nil
		}
		from, _ := n.Operand(name)
		return n.Inputs[from].Type.Shape
	}
	query, key, value := operand("query"), operand("key"), operand("value")
	rank := len(query)
	a := &attending{batch: slices.Clone(query[:rank-2]), queries: query[rank-2], depth: query[rank-1], keys: key[rank-2],
		scale: n.Float("scale"), causal: n.Bool("is_causal"), window: n.Int("window")}
	a.heads, a.group = a.batch.Numel(), 1
	if heads := key[:rank-2].Numel(); heads > 0 {
		a.group = a.heads / heads
	}
	if value != nil {
		a.features = value[rank-1]
	}
	if n.Op.Param("dropout_p") >= 0 {
		a.dropout, a.seed = n.Float("dropout_p"), n.Int("seed")
		from, _ := n.Operand("step")
		a.stepNode = n.Inputs[from]
	}
	return a
}

// scoreShape is [..., queries, keys].
func (a *attending) scoreShape() ir.Shape { return append(slices.Clone(a.batch), a.queries, a.keys) }

// inferAttention is the part of type rules that all ops of attention share.
func inferAttention(n *ir.Node) error {
	for i := range n.Inputs {
		if d := n.Inputs[i].Type.DType; n.OperandName(i) != "step" && !d.IsFloat() {
			return kit.Refuse(n.OperandName(i), `cast it first: cast(x, "f32")`, "%s requires floats; %s", n.Op.Name, kit.Named(n, i))
		}
	}
	value := -1
	if n.Op.Param("value") >= 0 {
		value = 2
	}
	if err := fitAttention(n, value, true); err != nil {
		return err
	}
	mask, _ := n.Operand("mask")
	if err := fitMask(n, mask); err != nil {
		return err
	}
	if w := n.Int("window"); w < 0 {
		return ir.Argf("window", "window must be at least 0, got %d", w)
	}
	if n.Op.Param("dropout_p") < 0 {
		return nil
	}
	p := n.Float("dropout_p")
	if err := refuseProbability(p); err != nil {
		return err
	}
	keep := 0.0
	if p < 1 {
		keep = 1 / (1 - p)
	}
	n.SetAttr("keep", keep)
	from, _ := n.Operand("step")
	if step := n.Inputs[from].Type; !step.Equal(ir.Scalar(ir.I64)) {
		return ir.Argf("step", "the step counter must be i64[], got %s", step)
	}
	return nil
}

func refuseProbability(p float64) error {
	if !(p >= 0 && p <= 1) {
		return ir.Argf("dropout_p", "dropout_p must be from 0 to 1, got %v", p)
	}
	return nil
}

// fitAttention says what doesn't fit of query, key and value, operands 0, 1 and value,
// which is -1 where there is none. Grouped, keys may have fewer heads than queries.
func fitAttention(n *ir.Node, value int, grouped bool) error {
	operands := []int{0, 1, value}
	if value < 0 {
		operands = operands[:2]
	}
	query := n.Inputs[0].Type.Shape
	for _, i := range operands {
		name, x := n.OperandName(i), n.Inputs[i].Type.Shape
		if len(x) < 2 {
			return kit.Refuse(name, "the last two dims of a query are [queries, depth], those of a key [keys, depth], those of a value [keys, features]",
				"%s requires at least two dims; %s", n.Op.Name, kit.Named(n, i))
		}
		if len(x) != len(query) {
			return kit.Refuse(name, "broadcast_to or unsqueeze it", "query and %s have %d and %d dims; %s, %s",
				name, len(query), len(x), kit.Named(n, 0), kit.Named(n, i))
		}
	}
	rank := len(query)
	key := n.Inputs[1].Type.Shape
	if query[rank-1] != key[rank-1] {
		return kit.Refuse("key", "the last dim of query and key is their depth, the same for both",
			"query has depth %d, key %d; %s, %s", query[rank-1], key[rank-1], kit.Named(n, 0), kit.Named(n, 1))
	}
	if value >= 0 && n.Inputs[value].Type.Shape[rank-2] != key[rank-2] {
		return kit.Refuse("value", "each key has one value: the dim before the last is the same for both",
			"there are %d keys, but %d values; %s, %s", key[rank-2], n.Inputs[value].Type.Shape[rank-2], kit.Named(n, 1), kit.Named(n, value))
	}
	if value >= 0 && !n.Inputs[value].Type.Shape[:rank-2].Equal(key[:rank-2]) {
		return kit.Refuse("value", "keys and values have the same heads", "key and value have the dims %s and %s before the last two; %s, %s",
			key[:rank-2], n.Inputs[value].Type.Shape[:rank-2], kit.Named(n, 1), kit.Named(n, value))
	}
	return fitHeads(n, grouped)
}

// fitHeads compares the dims before the last two of query and key.
func fitHeads(n *ir.Node, grouped bool) error {
	query, key := n.Inputs[0].Type.Shape, n.Inputs[1].Type.Shape
	at := len(query) - 3 // the heads
	for d := range at + 1 {
		q, k := query[d], key[d]
		switch {
		case q == k:
		case d < at:
			return kit.Refuse("key", "dims before the heads are the batch's, the same for both: broadcast_to brings one to the other's size",
				"dim %d is %d in query and %d in key; %s, %s", d, q, k, kit.Named(n, 0), kit.Named(n, 1))
		case k == 0 || q%k != 0:
			return kit.Refuse("key", "each head of keys serves the same number of heads of queries",
				"%d heads of keys don't divide %d heads of queries; %s, %s", k, q, kit.Named(n, 0), kit.Named(n, 1))
		case !grouped:
			return kit.Refuse("key", "enable_gqa=true lets several heads of queries share one of keys",
				"query has %d heads, key %d; %s, %s", q, k, kit.Named(n, 0), kit.Named(n, 1))
		}
	}
	return nil
}

// fitMask says that a mask, operand i, doesn't broadcast to the scores.
func fitMask(n *ir.Node, i int) error {
	rank := len(n.Inputs[0].Type.Shape)
	scores := append(slices.Clone(n.Inputs[0].Type.Shape[:rank-1]), n.Inputs[1].Type.Shape[rank-2])
	if shape, ok := ir.Broadcast(scores, n.Inputs[i].Type.Shape); ok && shape.Equal(scores) {
		return nil
	}
	return kit.Refuse(n.OperandName(i), "a mask's last two dims are [queries, keys], each of that size or 1; those before are the batch's and the heads'",
		"%s doesn't broadcast to the scores, %s, of %s and %s", kit.Typed(n, i), scores, kit.Typed(n, 0), kit.Typed(n, 1))
}

// reads takes the operands' values. value may be nil.
func (a *attending) reads(query, key, value, mask *ir.Array) {
	a.query, a.key, a.mask = query.F, key.F, mask.F
	if value != nil {
		a.value = value.F
	}
	a.maskAt = kit.BroadcastOffsets(mask.Type.Shape, a.scoreShape())
}

// draws takes what dropout is drawn by.
func (a *attending) draws(n *ir.Node, step *ir.Array) {
	d := n.Inputs[0].Type.DType.Wide()
	a.at, a.dropped, a.kept = uint64(step.I[0]), kit.Rounded(d, a.dropout), kit.Rounded(d, n.Float("keep"))
}

// sees tells whether the places of a query and a key let it be seen.
func (a *attending) sees(i, j int) bool {
	return (!a.causal || j <= i) && (a.window == 0 || j-i < a.window && i-j < a.window)
}

// score is that of key j for query i of head h: -inf if it isn't seen.
func (a *attending) score(h, i, j int) float64 {
	if !a.sees(i, j) {
		return math.Inf(-1)
	}
	sum := 0.0
	q, k := a.query[(h*a.queries+i)*a.depth:], a.key[(h/a.group*a.keys+j)*a.depth:]
	for d := range a.depth {
		sum += q[d] * k[d]
	}
	return sum*a.scale + a.mask[a.maskAt[(h*a.queries+i)*a.keys+j]]
}

// weigh gives the exponentials of a query's scores, less the largest, and their sum.
func (a *attending) weigh(weights []float64, h, i int) (top, sum float64) {
	top = math.Inf(-1)
	for j := range weights {
		weights[j] = a.score(h, i, j)
		top = max(top, weights[j])
	}
	for j, s := range weights {
		weights[j] = 0
		if !math.IsInf(s, -1) {
			weights[j] = math.Exp(s - top)
		}
		sum += weights[j]
	}
	return top, sum
}

// rowKey parts the streams of rows: what a row drops is a function of its number, the
// seed and the step.
const rowKey = 0x9e3779b97f4a7c15

// keep is what dropout multiplies a weight by.
func (a *attending) keep(h, i, j int) float64 {
	if a.dropped == 0 {
		return 1
	}
	row := uint64(h*a.queries + i)
	if kit.Unit(kit.WordOf(uint64(a.seed)+row*rowKey, a.at, j)) < a.dropped {
		return 0
	}
	return a.kept
}

// most is the largest factor of a weight.
func (a *attending) most() float64 {
	if a.dropout > 0 && a.dropout < 1 {
		return 1 / (1 - a.dropout)
	}
	return 1
}

// scoreError bounds what a score may be off by: depth products and sums, the scale and
// the mask, each rounded; and the exponential, which is counted here too.
func (a *attending) scoreError(c ir.Computed) float64 {
	mask := c.In[len(c.In)-1]
	for i, in := range c.Node.Inputs {
		if c.Node.OperandName(i) == "mask" && in != nil {
			mask = c.In[i]
		}
	}
	products := float64(a.depth) * kit.MaxAbs(c.In[0]) * kit.MaxAbs(c.In[1]) * math.Abs(a.scale)
	return c.Unit * ((float64(a.depth)+4)*products + 2*kit.MaxAbs(mask) + 8)
}

// drawnAttention is a call for tests.
type drawnAttention struct {
	query, key, value, scores ir.Shape
	scale, dropout            float64
	causal                    bool
	window                    int
}

func sampleAttention(s ir.Sampler) drawnAttention {
	queries, depth, keys, batch := s.Product()
	d := drawnAttention{scale: []float64{0.25, 1, -0.5}[s.Int(0, 2)] / math.Sqrt(float64(max(1, depth))), causal: s.Int(0, 2) == 0}
	if s.Int(0, 2) == 0 {
		d.window = s.Int(1, 5)
	}
	if s.Int(0, 3) == 0 {
		d.dropout = []float64{0.25, 0.5, 1}[s.Int(0, 2)]
	}
	features := depth
	if s.Int(0, 1) == 0 {
		features = s.Int(1, 5)
	}
	d.query = append(slices.Clone(batch), queries, depth)
	d.key = append(slices.Clone(batch), keys, depth)
	if len(batch) > 0 && len(batch) < 4 {
		d.query[len(batch)-1] *= s.Int(1, 3)
	}
	d.value = append(slices.Clone(batch), keys, features)
	d.scores = append(slices.Clone(d.query[:len(batch)+1]), keys)
	return d
}

// result is the shape of attention's result.
func (d *drawnAttention) result() ir.Shape {
	rank := len(d.query)
	return append(slices.Clone(d.query[:rank-1]), d.value[rank-1])
}
