package checkpoint

import (
	"math"
	"slices"
	"strings"

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
	earlyStopBy   = "early_stop.by." // the metric of both, after which it is called
	topMetric     = "top."           // the best value of all of a metric, after which it is called
	topStep       = "top_step"       // its step
	evaluationDue = "eval.due"       // the step whose evaluation isn't complete; only where there is one
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
// of the records. Of another metric than before it has seen nothing.
func (r *Resumed) EarlyStop(e *ir.EarlyStop, metrics []string) *engine.EarlyStop {
	stop := &engine.EarlyStop{EarlyStop: *e, Index: slices.Index(metrics, e.Metric), Best: math.NaN()}
	if r == nil {
		return stop
	}
	stop.At = r.Step
	if r.stoppedBy(&e.Watch) {
		stop.Best, stop.At = r.recall(earlyStopBest, math.NaN()), int64(r.recall(earlyStopStep, float64(r.Step)))
	}
	return stop
}

// stoppedBy reports whether what early_stop has seen is of a metric. Older versions didn't
// say of which.
func (r *Resumed) stoppedBy(by *ir.Watch) bool {
	if r.memory[earlyStopBy+watchName(by)] != nil {
		return true
	}
	for name := range r.memory {
		if strings.HasPrefix(name, earlyStopBy) {
			return false
		}
	}
	return true
}

// Top is the best value so far of the metric that says what is best; metrics are those of
// the records. Of another metric than before nothing is known.
func (r *Resumed) Top(by *ir.Watch, metrics []string) *engine.Top {
	if by == nil {
		return nil
	}
	best := engine.Value{Value: r.recall(topName(by), math.NaN()), Step: int64(r.recall(topStep, 0))}
	return engine.NewTop(*by, slices.Index(metrics, by.Metric), best)
}

func topName(by *ir.Watch) string { return topMetric + watchName(by) }

// watchName tells metrics and modes apart: "min.eval.loss".
func watchName(by *ir.Watch) string { return by.Mode() + "." + by.Metric }

// remember adds what a loop remembers to the tensors of a checkpoint.
func remember(tensors map[string]*ir.Tensor, loop *engine.Loop, evaluation *ir.Evaluation) {
	if e := loop.EarlyStop; e != nil {
		tensors[Memory+earlyStopBest] = ir.ScalarTensor(ir.F64, e.Best)
		tensors[Memory+earlyStopStep] = ir.ScalarTensor(ir.I64, e.At)
		tensors[Memory+earlyStopBy+watchName(&e.Watch)] = ir.ScalarTensor(ir.I64, e.At)
	}
	if t := loop.Top; t != nil {
		best := t.Best()
		tensors[Memory+topName(&t.Watch)] = ir.ScalarTensor(ir.F64, best.Value)
		tensors[Memory+topStep] = ir.ScalarTensor(ir.I64, best.Step)
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
