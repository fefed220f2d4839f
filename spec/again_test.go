package spec_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec"
)

const fromCSV = `flowrun: 1
data:
  iris:
    csv: iris.csv
    fields:
      x: {columns: [a, b, c, d], type: "f32[4]"}
      y: {column: species, type: "i64[]", classes: 3}
      spare: {column: a, type: "f32[]"}
    batch: 16
    split: {parts: {train: 0.8, test: 0.2}}
    transform:
      x: {if: training, then: x * 2, else: x}
      noise: uniform(0, 1, [batch, 1])
model:
  inputs: {x: "f32[n, 4]"}
  nodes:
    h: {Linear: x, out_features: 3}
    b: {BatchNorm: h}
  outputs: [b]
train:
  data: iris.train
  loss: cross_entropy(b, y) + 0 * mean(noise)
  optimizer: {SGD: {lr: 0.1 * 0.9 ** epoch, momentum: 0.9}}
  metrics: {at: epoch_fraction * 1.0}
  epochs: 5
  eval: {data: iris.test, every: epoch, metrics: {loss: loss}}
`

func parsed(t *testing.T, text string) *spec.Program {
	t.Helper()
	p, list := spec.Parse("s.yaml", []byte(text), spec.Options{})
	require.NotNil(t, p, list.Text())
	return p
}

func stateTypes(g *ir.Graph) map[string]string {
	types := map[string]string{}
	for _, s := range g.States {
		types[s.Name] = s.Type.String()
	}
	return types
}

// read gives the types of the fields that a graph reads, by source and field.
func read(g *ir.Graph) map[string]string {
	types := map[string]string{}
	for _, n := range g.Nodes {
		if n.Op == ir.SourceOp {
			types[n.Str("source")+" "+n.Str("field")] = n.Type.String()
		}
	}
	return types
}

func TestFieldsOfFilesHaveTheBatchAsFirstDimension(t *testing.T) {
	p := parsed(t, fromCSV)
	require.Equal(t, map[string]string{"iris.train x": "f32[16, 4]", "iris.train y": "i64[16]"}, read(p.Train))
	require.Equal(t, map[string]string{"iris.test x": "f32[16, 4]", "iris.test y": "i64[16]"}, read(p.Loop.Evaluation.Graph))
	require.Equal(t, []string{"iris.train", "iris.test"}, []string{p.TrainData, p.EvalData})
	d, part := p.Source(p.EvalData)
	require.Equal(t, "iris", d.Name)
	require.Equal(t, "test", part)
}

func TestAStepOfASmallerBatchHasTheSameStates(t *testing.T) {
	p := parsed(t, fromCSV)
	for _, n := range []int64{16, 7, 2} {
		g, list := p.TrainStep(n)
		require.NotNil(t, g, list.Text())
		require.Equal(t, stateTypes(p.Train), stateTypes(g))
		require.Equal(t, ir.Shape{int(n), 4}.String(), read(g)["iris.train x"][len("f32"):])
		require.Equal(t, p.Train.Outputs[0].Name, g.Outputs[0].Name)
		e, list := p.EvalStep(n)
		require.NotNil(t, e, list.Text())
		require.Equal(t, stateTypes(p.Loop.Evaluation.Graph), stateTypes(e))
		require.Equal(t, "f32[]", stateTypes(e)["eval.loss"])
	}
	e, list := p.EvalStep(1) // evaluation uses running averages
	require.NotNil(t, e, list.Text())
}

func TestAStepThatASmallerBatchHasNotIsReportedAtItsNode(t *testing.T) {
	p := parsed(t, fromCSV)
	g, list := p.TrainStep(1)
	require.Nil(t, g)
	require.Len(t, list.Items, 1, list.Text())
	require.Equal(t, "18:8", list.Items[0].Range.Start.String(), list.Text())
	require.Contains(t, list.Text(), "the batch has more than one value")
	require.Contains(t, list.Text(), "in batches of 1 example")
	require.Contains(t, list.Text(), "b: {BatchNorm: h}", "the text is shown")

	p = parsed(t, strings.Replace(fromCSV, "f32[n, 4]", "f32[16, 4]", 1))
	_, list = p.TrainStep(6)
	require.Len(t, list.Items, 1, list.Text())
	require.Equal(t, diag.ShapeMismatch, list.Items[0].Rule)
	require.Equal(t, "15:16", list.Items[0].Range.Start.String())
}

func TestAParameterThatDependsOnTheBatchIsReported(t *testing.T) {
	text := strings.NewReplacer("b: {BatchNorm: h}", "b: {Each: h}", "model:\n", `modules:
  Each:
    inputs: {x: "f32[n, m]"}
    params: {w: {shape: [n, 1], init: 1}}
    output: x * w
model:
`).Replace(fromCSV)
	p := parsed(t, text)
	_, list := p.TrainStep(7)
	require.Len(t, list.Items, 1, list.Text())
	require.Equal(t, "17:14", list.Items[0].Range.Start.String(), list.Text())
	require.Contains(t, list.Text(), "b.w is f32[7, 1] here, but f32[16, 1] in the program")
	g, list := p.TrainStep(16)
	require.NotNil(t, g, list.Text())
}

func TestInferenceOnADataSourceReadsOnlyWhatOutputsNeed(t *testing.T) {
	p := parsed(t, fromCSV)
	for _, n := range []int64{1, 16, 1000} {
		g, list := p.InferOn("iris.test", n)
		require.NotNil(t, g, list.Text())
		inputs := map[string]string{}
		weights := map[string]string{}
		for _, s := range g.States {
			if s.Kind == ir.InputState {
				inputs[s.Name] = s.Type.String()
			} else {
				weights[s.Name] = s.Type.String()
			}
		}
		require.Equal(t, map[string]string{"x": ir.Type{DType: ir.F32, Shape: ir.Shape{int(n), 4}}.String()}, inputs)
		want := stateTypes(p.Infer)
		delete(want, "x")
		require.Equal(t, want, weights)
		require.Equal(t, ir.Shape{int(n), 3}, g.Outputs[0].Node.Type.Shape)
		for _, node := range g.Nodes { // no randomness, no doubling: that is for training
			require.NotContains(t, []string{"uniform", ir.SourceOp.Name}, node.Op.Name)
		}
	}
	_, list := p.InferOn("nothing", 1)
	require.Equal(t, diag.UnknownSource, list.Items[0].Rule)
}

func TestInferenceTakesSizesFromItsInputs(t *testing.T) {
	p := parsed(t, fromCSV)
	require.Equal(t, ir.Shape{16, 4}, p.Infer.State("x").Type.Shape)
	g, list := p.InferWith(map[string]ir.Type{"x": {DType: ir.F32, Shape: ir.Shape{5, 4}}})
	require.NotNil(t, g, list.Text())
	require.Equal(t, ir.Shape{5, 3}, g.Outputs[0].Node.Type.Shape)
	_, list = p.InferWith(map[string]ir.Type{"x": {DType: ir.F32, Shape: ir.Shape{5, 3}}})
	require.Len(t, list.Items, 1, list.Text())
	require.Contains(t, list.Text(), "the input x is given as f32[5, 3]: dimension 1 is 3, not 4")
}

func TestTheNumberOfAnEpochsStepsIsAnInputOfTheStepThatUsesIt(t *testing.T) {
	p := parsed(t, fromCSV)
	s := p.Train.State(ir.EpochStepsState)
	require.NotNil(t, s)
	require.Equal(t, ir.InputState, s.Kind)
	require.Nil(t, s.Next)
	require.Equal(t, "i64[]", s.Type.String())
	for _, o := range p.Init.Outputs {
		require.NotEqual(t, ir.EpochStepsState, o.Name)
	}
	p = parsed(t, strings.NewReplacer("0.1 * 0.9 ** epoch", "0.1", "epoch_fraction * 1.0", "1.0").Replace(fromCSV))
	require.Nil(t, p.Train.State(ir.EpochStepsState))
	require.Nil(t, p.Loop.Evaluation.Graph.State(ir.EpochStepsState))
}
