package report

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/runs"
)

var confusion = ir.FromInt64(ir.I64, ir.Shape{2, 3}, []int64{12_000_000, 0, 1, 2, 7, 3})

var scores = ir.FromFloat64(ir.F32, ir.Shape{3}, []float64{0.25, math.NaN(), 1})

func TestTensorsInTheLogAreNestedArraysWhereTheyAreNew(t *testing.T) {
	var b strings.Builder
	log := NewLog(&b, Run{Metrics: []string{"loss", "eval.table", "each"}})
	again := scores.Clone()
	play(t, log.Observer(), []engine.Record{
		{Step: 1, Metrics: []float64{2, math.NaN(), math.NaN()}, Tensors: []*ir.Tensor{nil, confusion, scores}, Fresh: true},
		{Step: 2, Metrics: []float64{3, math.NaN(), math.NaN()}, Tensors: []*ir.Tensor{nil, confusion, again}, Last: true},
	})
	require.Equal(t, `{"step":1,"loss":2,"eval.table":[[12000000,0,1],[2,7,3]],"each":[0.25,null,1],"loss_step":0}
{"step":2,"loss":3,"each":[0.25,null,1],"loss_step":0}
`, b.String())
}

func TestEmptyTensorsAreValidJSON(t *testing.T) {
	for _, shape := range []ir.Shape{{0}, {0, 3}, {3, 0}, {1, 0, 2}, {1, 1, 1}} {
		require.True(t, json.Valid(appendJSONTensor(nil, ir.NewTensor(ir.Type{DType: ir.Bool, Shape: shape}))), shape)
	}
	require.Equal(t, "[[[false]]]", string(appendJSONTensor(nil, ir.NewTensor(ir.Type{DType: ir.Bool, Shape: ir.Shape{1, 1, 1}}))))
	require.Equal(t, "[[],[]]", string(appendJSONTensor(nil, ir.NewTensor(ir.Type{DType: ir.F32, Shape: ir.Shape{2, 0}}))))
}

func TestTheSummaryShowsTensorsAsTables(t *testing.T) {
	large := ir.NewTensor(ir.Type{DType: ir.I64, Shape: ir.Shape{tableLimit + 1, 2}})
	cube := ir.NewTensor(ir.Type{DType: ir.F32, Shape: ir.Shape{2, 2, 2}})
	r := Result{Run: runs.Info{Spec: "s.yaml", Device: "cpu", Metrics: []string{"eval.f1", "eval.table", "eval.large", "eval.cube", "eval.loss"}},
		Summary: engine.Summary{Steps: 1, Stopped: engine.StoppedMaxSteps, Metrics: []float64{0, 0, 0, 0, 0.5}, Evaluated: true,
			Tensors: []*ir.Tensor{scores, confusion, large, cube, nil}}}
	var b strings.Builder
	require.NoError(t, r.WriteText(&b))
	require.Equal(t, `s.yaml: stopped after 1 step in 0.0s on cpu: max_steps reached
  eval.loss  0.5000
  loss_step  0.000
  eval.f1
           0    1      2
      0.2500  NaN  1.000
  eval.table
                0  1  2
    0  12,000,000  0  1
    1           2  7  3
  eval.large  i64[21, 2] (its elements are in the output of --json)
  eval.cube  f32[2, 2, 2] (its elements are in the output of --json)
`, b.String())
	require.Contains(t, string(r.metricsJSON()), `"eval.table":[[12000000,0,1],[2,7,3]],`)
}

func TestTheProgressLineLeavesTensorsOut(t *testing.T) {
	parts := newLine(Run{Metrics: []string{"table", "loss"}}).parts(engine.Record{Step: 1, Metrics: []float64{math.NaN(), 0.5}, Tensors: []*ir.Tensor{confusion, nil}})
	require.Equal(t, "step 1  loss 0.5000  0.0s", fit(parts, 80))
}

// NaN would look like a fault; an evaluation whose result is NaN is one.
func TestBeforeTheFirstEvaluationItsMetricsHaveNoValue(t *testing.T) {
	run := Run{Metrics: []string{"acc", "eval.loss", "eval.table"}}
	record := engine.Record{Step: 1, Metrics: []float64{math.NaN(), math.NaN(), math.NaN()}, Tensors: []*ir.Tensor{nil, nil, scores}}
	r := Result{Run: runs.Info{Spec: "s.yaml", Device: "cpu", Metrics: run.Metrics},
		Summary: engine.Summary{Steps: 1, Stopped: engine.StoppedEpochs, Metrics: record.Metrics, Tensors: record.Tensors}}
	text := func() (string, string) {
		var b strings.Builder
		require.NoError(t, r.WriteText(&b))
		return fit(newLine(run).parts(record), 80), b.String()
	}
	line, summary := text()
	require.Equal(t, "step 1  loss_step 0.000  acc NaN  eval.loss –  0.0s", line)
	require.Equal(t, "s.yaml: stopped after 1 step in 0.0s on cpu: epochs reached\n  acc         NaN\n  eval.loss   –\n  eval.table  –\n  loss_step   0.000\n", summary)
	require.Contains(t, string(r.metricsJSON()), `"eval.loss":null`)

	record.Evaluated, r.Summary.Evaluated = true, true
	line, summary = text()
	require.Contains(t, line, "eval.loss NaN")
	require.Contains(t, summary, "eval.loss  NaN")
	require.NotContains(t, summary, "–")
}
