package engine_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// evaluationProgram evaluates batches of a size of the table's examples, with a weight w
// that is trained elsewhere. Of w·y it has the mean, a vector of two means, and, over all
// batches, the sum, the count and the largest.
func evaluationProgram(t tester, batch int) (*program, *ir.Evaluation) {
	b := newBuilder()
	w := b.state("w", ir.ParamState, scalar(1))
	y := b.op("mul", w.Read, b.op("source", b.step.Read, "table", "y", "f32", []any{batch, 1}))
	e := &ir.Evaluation{Metrics: []string{"eval.mean", "eval.sum", "eval.means", "eval.count", "eval.largest"},
		Final: []string{"eval.sum", "eval.count", "eval.largest"}}
	keep := func(name string, n *ir.Node) {
		b.state(name, ir.MetricState, ir.NewTensor(n.Type)).Next = n
	}
	gather := func(name string, first *ir.Tensor, next func(before *ir.Node) *ir.Node) {
		s := b.state("home."+name, ir.AccumulatorState, first)
		s.Next = next(s.Read)
		keep("eval."+name, b.op("mul", s.Next, 1))
	}
	keep("eval.mean", b.op("mean", y))
	keep("eval.means", b.op("stack", []any{b.op("mean", y), b.op("mean", b.op("square", y))}))
	gather("sum", scalar(0), func(n *ir.Node) *ir.Node { return b.op("add", n, b.op("sum", y)) })
	gather("count", ir.ScalarTensor(ir.I64, 0), func(n *ir.Node) *ir.Node { return b.op("add", n, batch) })
	gather("largest", scalar(math.Inf(-1)), func(n *ir.Node) *ir.Node { return b.op("maximum", n, b.op("max", y)) })
	p := b.program(t)
	p.sources = map[string]engine.DataSource{"table": table{}}
	e.Graph = p.graph
	return p, e
}

// wanted are its metrics over all examples, computed here.
func wanted(w float64) (mean, sum, squares, largest float64) {
	largest = math.Inf(-1)
	for i := range examples {
		_, y := example(i)
		v := w * float64(y)
		sum, squares, largest = sum+v, squares+v*v/examples, math.Max(largest, v)
	}
	return sum / examples, sum, squares, largest
}

func TestAnEvaluationCountsEveryExampleOnceWhateverItsBatch(t *testing.T) {
	everywhere(t, func(t *testing.T, devices []device.Device, lo lower.Options) {
		whole, e := evaluationProgram(t, wholeBatch)
		rest, _ := evaluationProgram(t, lastBatch)
		trainer := newBuilder()
		trainer.state("w", ir.ParamState, scalar(3))
		trained := start(t, trainer.program(t), machine(t, 0), lower.Options{}, engine.Options{})
		evaluator := engine.Evaluator{Evaluation: e, Trained: trained, Shared: []string{"w"}, Initial: whole.values, Parts: []engine.EvaluationPart{
			{Session: start(t, whole, devices, lo, engine.Options{}), Batches: epochSteps - 1, Examples: wholeBatch},
			{Session: start(t, whole, devices, lo, engine.Options{}), From: 77, Batches: 0, Examples: wholeBatch},
			{Session: start(t, rest, devices, lo, engine.Options{}), From: epochSteps - 1, Batches: 1, Examples: lastBatch},
		}}
		for _, w := range []float64{3, 3, -2} { // each begins anew
			require.NoError(t, trained.Set("w", scalar(w)))
			got, err := evaluator.Run(ctx)
			require.NoError(t, err)
			mean, sum, squares, largest := wanted(w)
			require.InDelta(t, mean, got[0].Float(0), 1e-6)
			require.InDelta(t, sum, got[1].Float(0), 1e-5)
			require.InDelta(t, mean, got[2].Float(0), 1e-6)
			require.InDelta(t, squares, got[2].Float(1), 1e-6*squares)
			require.Equal(t, float64(examples), got[3].Float(0))
			require.InDelta(t, largest, got[4].Float(0), 1e-6)
			for i, want := range []string{"f64[]", "f64[]", "f64[2]", "f64[]", "f64[]"} {
				require.Equal(t, want, got[i].Type.String())
			}
		}
	})
}

func TestAnEvaluationWithoutBatchesIsAnError(t *testing.T) {
	p, e := evaluationProgram(t, wholeBatch)
	s := start(t, p, machine(t, 0), lower.Options{}, engine.Options{})
	evaluator := engine.Evaluator{Evaluation: e, Trained: s, Initial: p.values, Parts: []engine.EvaluationPart{{Session: s, Examples: 4}}}
	_, err := evaluator.Run(ctx)
	require.EqualError(t, err, "eval: there are no batches")
}

func TestTheErrorOfABatchEndsItsEvaluationAndTheNextIsRight(t *testing.T) {
	p, e := evaluationProgram(t, wholeBatch)
	broken := true
	p.sources["table"] = sourceFunc(func(step int64, field string, dst []byte) error {
		if step == 1 && broken {
			return fmt.Errorf("row 5 is torn")
		}
		return table{}.Batch(step, field, dst)
	})
	s := start(t, p, machine(t, 0), lower.Options{}, engine.Options{})
	evaluator := engine.Evaluator{Evaluation: e, Trained: s, Initial: p.values, Parts: []engine.EvaluationPart{{Session: s, Batches: 2, Examples: wholeBatch}}}
	_, err := evaluator.Run(ctx)
	require.ErrorContains(t, err, "row 5 is torn")
	broken = false
	got, err := evaluator.Run(ctx)
	require.NoError(t, err)
	require.Equal(t, 8.0, got[3].Float(0))
}

type sourceFunc func(step int64, field string, dst []byte) error

func (f sourceFunc) Batch(step int64, field string, dst []byte) error { return f(step, field, dst) }
