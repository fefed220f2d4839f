package flowrun

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec"
)

// pieceTokens is how many tokens a step of a prompt takes; the rest is taken one by one, as
// generated tokens are. Each size has a plan and memory of its own.
const pieceTokens = 32

// piece is a step of a generation, ready to be run: one that takes so many tokens.
type piece struct {
	*instance
	feed *engine.Feed
	size int
}

// generation runs the model of a generation. It has the tokens that the model has seen in
// its states, if the model has any, and otherwise the window that it sees next.
type generation struct {
	program *Program
	spec    *spec.Generation
	options *startOptions
	weights map[string]*Tensor // what all pieces have besides the states of generation
	first   map[string]*Tensor // those states before the first token
	pieces  map[int]*piece

	at     *piece // the one that has the states; nil: there are none, as nothing was fed
	window []int  // the tokens that the model sees
	logits []float64
	causal bool // it was looked whether later tokens change the logits of earlier ones
}

// startGeneration prepares a generation, and the step that takes one token.
func (p *Program) startGeneration(ctx context.Context, o *startOptions) (_ *generation, err error) {
	g := &generation{program: p, spec: p.spec.Generate, options: o, pieces: map[int]*piece{}, logits: make([]float64, p.spec.Generate.Tokens)}
	if g.weights, err = p.initialValues(ctx, g.spec.Graph, o.weights); err != nil {
		return nil, err
	}
	if g.first, err = p.compute(ctx, g.spec.Init.Clone(), nil); err != nil {
		return nil, fmt.Errorf("initial values: %w", err)
	}
	size := 1
	if !g.spec.Cached {
		size = g.spec.Context
	}
	if _, err = g.piece(ctx, size); err == nil && g.spec.Cached {
		err = g.checkStates(ctx)
	}
	return g, err
}

// piece gives the step that takes so many tokens, and makes it the first time.
func (g *generation) piece(ctx context.Context, size int) (*piece, error) {
	if known := g.pieces[size]; known != nil {
		return known, nil
	}
	p := g.program
	graph := g.spec.Graph
	if size != g.spec.Context {
		var err error
		if graph, err = p.sized(func(n int64) (*ir.Graph, diag.List) { return p.spec.GenerateStep(int(n)) }, int64(size)); err != nil {
			return nil, err
		}
	}
	in, err := p.instantiate(ctx, graph, g.options)
	if err != nil {
		return nil, err
	}
	q := &piece{instance: in, size: size}
	o := *g.options
	o.device = in.device // auto chooses once
	g.options = &o
	if err = in.engine.SetAll(g.weights); err == nil {
		inputs := []string{g.spec.Input}
		if !g.spec.Cached {
			inputs = append(inputs, ir.LastState)
		}
		q.feed, err = in.engine.Feed(ir.LogitsState, inputs...)
	}
	if err != nil {
		return nil, errors.Join(err, in.close())
	}
	g.pieces[size] = q
	return q, nil
}

// begin forgets all tokens, and feeds those that the model is to see first: as many of the
// last ones as it can see.
func (g *generation) begin(ctx context.Context, tokens []int) error {
	g.at, g.window = nil, g.window[:0]
	return g.feed(ctx, tokens[max(0, len(tokens)-g.spec.Context):])
}

// next feeds a token. Where the model sees no more, the later half of what it saw is fed
// again, with the token at its end.
func (g *generation) next(ctx context.Context, token int) error {
	if len(g.window) < g.spec.Context {
		g.window = append(g.window, token)
		return g.feed(ctx, g.window[len(g.window)-1:])
	}
	keep := max(1, g.spec.Context/2)
	tokens := append(g.window, token)
	n := copy(g.window, tokens[len(tokens)-keep:])
	g.at, g.window = nil, g.window[:n]
	return g.feed(ctx, g.window)
}

// feed lets the model see tokens, which follow those that it has seen. They are the end of
// the window, or become it.
func (g *generation) feed(ctx context.Context, tokens []int) error {
	if len(g.window) == 0 {
		g.window = append(g.window, tokens...)
	}
	if !g.spec.Cached {
		return g.whole(ctx)
	}
	for len(tokens) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		size := 1
		if most := min(pieceTokens, g.spec.Context); len(tokens) >= most {
			size = most
		}
		q, err := g.moved(ctx, size)
		if err != nil {
			return err
		}
		for i, id := range tokens[:size] {
			q.feed.Input(0).SetInt(i, int64(id))
		}
		if err := g.step(ctx, q); err != nil {
			return err
		}
		tokens = tokens[size:]
		if len(tokens) == 0 {
			g.read(q)
		}
	}
	return nil
}

// moved is the piece of a size with the states of generation in it.
func (g *generation) moved(ctx context.Context, size int) (*piece, error) {
	q, err := g.piece(ctx, size)
	if err != nil || g.at == q {
		return q, err
	}
	states := g.first
	if g.at != nil {
		if states, err = g.at.engine.GetAll(slices.Collect(maps.Keys(g.first))); err != nil {
			return nil, g.drop(g.at, err)
		}
	}
	if err := q.engine.SetAll(states); err != nil {
		return nil, g.drop(q, err)
	}
	g.at = q
	return q, nil
}

// whole computes the model for all tokens of the window.
func (g *generation) whole(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q, err := g.piece(ctx, g.spec.Context)
	if err != nil {
		return err
	}
	if err := g.padded(ctx, q, 0); err != nil || g.causal || len(g.window) == g.spec.Context || g.spec.Tokens == 1 {
		return err
	}
	g.causal = true
	seen := append([]float64(nil), g.logits...)
	if err := g.padded(ctx, q, 1); err != nil {
		return err
	}
	if !alike(g.logits, seen, 1e-4) {
		g.causal = false
		return fmt.Errorf("%s: the logits of a position depend on later tokens, which don't exist yet where text is generated; let each position see only earlier ones, as is_causal: true does",
			g.program.spec.File)
	}
	return nil
}

// padded computes the model for the window, and a token behind it up to the context.
func (g *generation) padded(ctx context.Context, q *piece, token int64) error {
	ids := q.feed.Input(0)
	for i := range q.size {
		if i < len(g.window) {
			ids.SetInt(i, int64(g.window[i]))
		} else {
			ids.SetInt(i, token)
		}
	}
	q.feed.Input(1).SetInt(0, int64(len(g.window)-1))
	if err := g.step(ctx, q); err != nil {
		return err
	}
	g.read(q)
	return nil
}

// step runs a step.
func (g *generation) step(ctx context.Context, q *piece) error {
	if err := q.feed.Step(ctx); err != nil {
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) { // it has changed nothing
			return err
		}
		return g.drop(q, err)
	}
	return nil
}

// drop frees a piece that has failed: its device may be lost, or its states half written.
// It is made anew when it is needed again.
func (g *generation) drop(q *piece, err error) error {
	g.at = nil
	delete(g.pieces, q.size)
	return errors.Join(err, q.close())
}

// read takes the logits that a step has left.
func (g *generation) read(q *piece) {
	t := q.feed.Output()
	for i := range g.logits {
		g.logits[i] = t.Float(i)
	}
}

func (g *generation) close() error {
	var errs []error
	for _, q := range g.pieces {
		errs = append(errs, q.close())
	}
	return errors.Join(errs...)
}
