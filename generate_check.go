package flowrun

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// checkTokens is for how many tokens checkStates compares logits.
const checkTokens = 4

// checkStates compares what the model gives for a few tokens, one step each, with what it
// gives for all of them at once, as in training: something in it may look at other tokens, or
// count them, without a state of generation, and then the steps don't know of them. It costs
// a plan of the model, which is freed again, and a few steps.
func (g *generation) checkStates(ctx context.Context) error {
	n := min(checkTokens, g.spec.Context)
	if n == 1 || g.random() {
		return nil
	}
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = int64((7*i + 1) % g.spec.Tokens)
	}
	whole, err := g.atOnce(ctx, ids)
	if err != nil {
		return fmt.Errorf("computing the model for %d tokens at once: %w", n, err)
	}
	for at, id := range ids {
		if at == 0 {
			err = g.begin(ctx, []int{int(id)})
		} else {
			err = g.next(ctx, int(id))
		}
		if err != nil {
			return err
		}
		if !alike(g.logits, whole[at*g.spec.Tokens:], g.tolerance()) {
			return fmt.Errorf("%s: for token %d of a text, a step that follows others gives other logits than all tokens at once: something in the model looks at other tokens, or at their positions, without a state with generation: true; use positions(ids) and attention with context, or remove the states of generation",
				g.program.spec.File, at+1)
		}
	}
	return nil
}

// atOnce is the model's logits for tokens without states of generation.
func (g *generation) atOnce(ctx context.Context, ids []int64) (_ []float64, err error) {
	p := g.program
	t := ir.FromInt64(p.Inputs()[g.spec.Input].DType, Shape{1, len(ids)}, ids)
	graph, err := p.inferenceOf(map[string]*Tensor{g.spec.Input: t})
	if err != nil {
		return nil, err
	}
	graph, names := apart(graph)
	in, err := p.instantiate(ctx, graph, g.options)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	values, err := p.initialValues(ctx, graph, g.options.weights)
	if err != nil {
		return nil, err
	}
	values[g.spec.Input] = t
	if err := in.engine.SetAll(values); err != nil {
		return nil, err
	}
	out, err := in.engine.Get(names[slices.Index(p.Outputs(), g.spec.Logits)])
	if err != nil {
		return nil, err
	}
	logits := make([]float64, out.Type.Shape.Numel())
	for i := range logits {
		logits[i] = out.Float(i)
	}
	return logits, nil
}

// random reports whether the model draws numbers, which no two of its steps have in common.
func (g *generation) random() bool {
	return slices.ContainsFunc(g.spec.Graph.Nodes, func(n *ir.Node) bool { return n.Op.Random })
}

// tolerance is how far logits may be apart, relative to the largest: half of the digits of
// the model's coarsest numbers agree.
func (g *generation) tolerance() float64 {
	coarsest := 0.0
	for _, n := range g.spec.Graph.Nodes {
		switch n.Type.DType {
		case ir.F64:
			coarsest = max(coarsest, 0x1p-52)
		case ir.F32:
			coarsest = max(coarsest, 0x1p-23)
		case ir.F16:
			coarsest = max(coarsest, 0x1p-10)
		case ir.BF16:
			coarsest = max(coarsest, 0x1p-7)
		}
	}
	return 2 * math.Sqrt(coarsest)
}

// alike reports whether logits are those wanted, up to a tolerance relative to the largest.
// NaN is like any: whoever draws a token finds it.
func alike(logits, want []float64, tolerance float64) bool {
	largest := 0.0
	for i := range logits {
		largest = max(largest, math.Abs(want[i]))
	}
	for i, l := range logits {
		if math.Abs(l-want[i]) > tolerance*largest {
			return false
		}
	}
	return true
}
