package checkpoint

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
)

// What the loop remembers beside the states, by its names in a checkpoint. Metrics of
// an evaluation have their own.
const (
	bestMetric    = "best"
	bestStep      = "best.step"
	earlyStopBest = "early_stop.best"
	earlyStopStep = "early_stop.step"
	earlyStopTop  = "early_stop.top"      // the best of all, however little better
	earlyStopAt   = "early_stop.top_step" // its step
	evaluationDue = "eval.due"            // the step whose evaluation isn't complete; only where there is one
)

// recall gives a remembered number; fallback where it isn't there, because the run
// begins anew or the spec asked for it only later.
func (r *Resumed) recall(name string, fallback float64) float64 {
	if r == nil {
		return fallback
	}
	if t := r.memory[name]; t != nil && len(t.Type.Shape) == 0 {
		return t.Float(0)
	}
	return fallback
}

// Evaluated gives the latest values of an evaluation's metrics; NaN before there were
// any.
func (r *Resumed) Evaluated(e *ir.Evaluation) []*ir.Tensor {
	values := make([]*ir.Tensor, len(e.Metrics))
	for i, name := range e.Metrics {
		shape := e.Graph.State(name).Type.Shape
		if r != nil {
			if t := r.memory[name]; t != nil && t.Type.Shape.Equal(shape) {
				values[i] = t
				continue
			}
		}
		values[i] = ir.NewTensor(ir.Type{DType: ir.F64, Shape: shape})
		for j := range shape.Numel() {
			values[i].SetFloat(j, math.NaN())
		}
	}
	return values
}

// EvaluationDue is the step of the checkpoint if its evaluation was interrupted or has
// failed, so that it is to be made again; 0 otherwise.
func (r *Resumed) EvaluationDue() int64 {
	if r == nil || r.recall(evaluationDue, 0) != float64(r.Step) {
		return 0
	}
	return r.Step
}

// EarlyStop is the spec's early_stop, with what it has seen so far; metrics are those
// of the records.
func (r *Resumed) EarlyStop(e *ir.EarlyStop, metrics []string) *engine.EarlyStop {
	step := int64(0)
	if r != nil {
		step = r.Step
	}
	stop := &engine.EarlyStop{
		EarlyStop: *e, Index: slices.Index(metrics, e.Metric),
		Best: r.recall(earlyStopBest, math.NaN()),
		At:   int64(r.recall(earlyStopStep, float64(step))),
	}
	// Older versions remembered only what had improved by min_delta.
	stop.Top.Value = r.recall(earlyStopTop, stop.Best)
	stop.Top.Step = int64(r.recall(earlyStopAt, float64(stop.At)))
	return stop
}

// remember adds what a loop remembers to the tensors of a checkpoint.
func remember(tensors map[string]*ir.Tensor, loop *engine.Loop, evaluation *ir.Evaluation) {
	if e := loop.EarlyStop; e != nil {
		tensors[Memory+earlyStopBest] = ir.ScalarTensor(ir.F64, e.Best)
		tensors[Memory+earlyStopStep] = ir.ScalarTensor(ir.I64, e.At)
		tensors[Memory+earlyStopTop] = ir.ScalarTensor(ir.F64, e.Top.Value)
		tensors[Memory+earlyStopAt] = ir.ScalarTensor(ir.I64, e.Top.Step)
	}
	if evaluation != nil {
		if due := loop.Evaluation.Due; due > 0 {
			tensors[Memory+evaluationDue] = ir.ScalarTensor(ir.I64, due)
		}
		for i, name := range evaluation.Metrics {
			tensors[Memory+name] = loop.Evaluation.Value(i)
		}
	}
}
