package report

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
)

func opNode(op string, t ir.Type, inputs ...*ir.Node) *ir.Node {
	return &ir.Node{Op: ir.LookupOp(op), Type: t, Inputs: inputs}
}

func f32(dims ...int) ir.Type { return ir.Type{DType: ir.F32, Shape: dims} }

func namedNode(name string, t ir.Type) *ir.Node {
	return &ir.Node{Op: ir.LookupOp("add"), Name: name, Type: t}
}

func numberNode(v float64) *ir.Node {
	t := ir.FromFloat64(ir.F32, ir.Shape{}, []float64{v})
	return &ir.Node{Op: ir.ConstOp, Type: t.Type, Attrs: []any{t}}
}

func spreadIn(values ...float64) engine.Spread {
	return engine.SpreadOf(ir.FromFloat64(ir.F64, ir.Shape{len(values)}, values))
}

var inf, nan = math.Inf(1), math.NaN()

func TestACauseIsToldInWordsOfTheSpec(t *testing.T) {
	p := namedNode("p", f32(4))
	log := opNode("log", f32(4), p)
	log.Name = "q"
	source := &ir.Node{Op: ir.SourceOp, Attrs: []any{"d", "x"}}
	for want, c := range map[string]*engine.Cause{
		"log(p) (node q) gave -inf in 2 of 4 values; its input p is 0 to 0.97": {
			Node: log, Phase: "loss", Value: spreadIn(-inf, -inf, -1, 0), Inputs: []engine.Spread{spreadIn(0, 0, 0.5, 0.97)}},
		"in the gradient, div(0.0625, p) gave NaN in 1 of 3 values, inf in 1 of 3 values; its input p is 0 to 2": {
			Node: opNode("div", f32(3), numberNode(0.0625), p), Phase: "gradient", Value: spreadIn(nan, inf, 1), Inputs: []engine.Spread{spreadIn(0.0625), spreadIn(0, 2)}},
		"in the optimizer's update, square(p) gave inf in all of its 2 values; its input p is 1e+21": {
			Node: opNode("square", f32(2), p), Phase: "update", Value: spreadIn(inf, inf), Inputs: []engine.Spread{spreadIn(1e21, 1e21)}},
		"sub gave NaN; its input a is inf, its input b is 3, and inf in 1 of 2 values": {
			Node: opNode("sub", f32(), opNode("exp", f32()), opNode("exp", f32())), Phase: "loss", Value: spreadIn(nan), Inputs: []engine.Spread{spreadIn(inf), spreadIn(3, inf)}},
		"the data has NaN (the field x of the data source d)": {Node: source, Value: spreadIn(nan)},
		"the data has NaN (d.csv:3)":                          {Node: source, Value: spreadIn(nan), Data: "d.csv:3"},
		"sum gave inf; its input is empty": {
			Node: opNode("sum", f32(), opNode("exp", f32(0))), Phase: "loss", Value: spreadIn(inf), Inputs: []engine.Spread{spreadIn()}},
		"exp(1e+03) gave inf; its input is 1e+03": {
			Node: opNode("exp", f32(), numberNode(1000)), Phase: "loss", Value: spreadIn(inf), Inputs: []engine.Spread{spreadIn(1000)}},
	} {
		require.Equal(t, want, Cause(c))
	}
}

func TestADivergenceIsOneLineThatSaysWhatThereIsToGoBackTo(t *testing.T) {
	for want, d := range map[string]*engine.Divergence{
		"the loss is NaN at step 1,204; which node made it isn't known: why. The last good checkpoint is c/step-000001203.safetensors": {
			Step: 1204, Exact: true, Loss: nan, Why: "why", Sound: 1203, Checkpoint: "c/step-000001203.safetensors"},
		"the loss is infinite at step 1; which node made it isn't known: why. Nothing had been learned before": {
			Step: 1, Exact: true, Loss: -inf, States: []string{"w"}, Why: "why"},
		"the loss is finite, but not w at step 7; which node made it isn't known: why. There are no checkpoints (train.checkpoint and --out write them)": {
			Step: 7, Exact: true, Loss: 1, States: []string{"w"}, Why: "why", Sound: 6},
		"the loss is finite, but not w and 2 other states at step 7; which node made it isn't known: why. There are no checkpoints (train.checkpoint and --out write them)": {
			Step: 7, Exact: true, Loss: 1, States: []string{"w", "b", "m"}, Why: "why", Sound: 6},
		"w and 1 other state are infinite or NaN by step 9; which node made it isn't known: why. There are no checkpoints (train.checkpoint and --out write them), and the states are no longer finite": {
			Step: 9, Loss: nan, States: []string{"w", "b"}, Why: "why", Sound: -1},
	} {
		require.Equal(t, want, Divergence(d))
	}
}

func TestTheHelpFitsTheCause(t *testing.T) {
	of := func(c *engine.Cause) string { return DivergenceHelp(&engine.Divergence{Cause: c}) }
	log := opNode("log", f32(1), namedNode("p", f32(1)))
	half := opNode("square", ir.Type{DType: ir.F16}, namedNode("p", f32(1)))
	require.Contains(t, of(nil), "--check-numerics")
	require.Contains(t, of(&engine.Cause{Node: log}), "away from 0")
	require.Contains(t, of(&engine.Cause{Node: half}), "65,504")
	require.Contains(t, of(&engine.Cause{Node: half, Phase: "update"}), "65,504")
	require.Contains(t, of(&engine.Cause{Node: &ir.Node{Op: ir.SourceOp}}), "correct the data, or leave")
	require.Contains(t, of(&engine.Cause{Node: log, Constant: true}), "a constant of the spec")
	require.Contains(t, of(&engine.Cause{Node: log, OutOfRange: &ir.OutOfRange{}}), "number of classes")
	require.Contains(t, of(&engine.Cause{Node: log, Phase: "update"}), "skip looks at loss and gradients alone")

	// Where losses are scaled already, nobody is told to do it.
	for _, c := range []*engine.Cause{{Node: half}, {Node: log, Phase: "update"}} {
		require.Contains(t, of(c), "scale the loss")
		require.NotContains(t, DivergenceHelp(&engine.Divergence{Cause: c, Scale: 1024}), "scale the loss")
	}
	require.Contains(t, DivergenceHelp(&engine.Divergence{Cause: &engine.Cause{Node: half}, Scale: 1024}), "precision: bf16")

	// Going on from the last sound states with a lower rate isn't advised.
	require.Contains(t, DivergenceHelp(&engine.Divergence{Sound: 1203}), "a run from the start")
	require.NotContains(t, DivergenceHelp(&engine.Divergence{Sound: 0}), "from the start", "it is there")
	require.NotContains(t, DivergenceHelp(&engine.Divergence{Sound: 1203, Cause: &engine.Cause{Node: &ir.Node{Op: ir.SourceOp}}}), "from the start")
}

func TestADivergenceForPrograms(t *testing.T) {
	p := namedNode("p", f32(4))
	log := opNode("log", f32(4), p)
	log.Name = "q"
	r := result
	r.Summary.Stopped, r.Summary.NonFinite = engine.StoppedNonFinite, 8
	r.Summary.Divergence = &engine.Divergence{Step: 8, Exact: true, Loss: -inf, States: []string{"w"}, Sound: 7, Checkpoint: "c", Cause: &engine.Cause{
		Node: log, Phase: "loss", Value: spreadIn(-inf, nan, inf, 2), Inputs: []engine.Spread{spreadIn(nan)}}}
	var b strings.Builder
	require.NoError(t, r.WriteJSON(&b))
	var got struct {
		Stopped, Message string
		NonFinite        json.RawMessage `json:"nonfinite"`
	}
	require.NoError(t, json.Unmarshal([]byte(b.String()), &got))
	require.Equal(t, "nonfinite", got.Stopped)
	require.Equal(t, Divergence(r.Summary.Divergence), got.Message)
	require.JSONEq(t, `{"step": 8, "exact": true, "what": "loss", "states": ["w"], "phase": "loss", "node": "q", "op": "log",
		"value": {"size": 4, "nan": 1, "inf": 1, "minus_inf": 1, "min": 2, "max": 2},
		"inputs": [{"name": "p", "size": 1, "nan": 1, "inf": 0, "minus_inf": 0, "min": null, "max": null}],
		"sound_step": 7, "checkpoint": "c"}`, string(got.NonFinite))

	b.Reset()
	r.Summary.Divergence = &engine.Divergence{Step: 9, Loss: 1, States: []string{"w"}, Sound: -1, Why: "why"}
	require.NoError(t, r.WriteJSON(&b))
	require.NoError(t, json.Unmarshal([]byte(b.String()), &got))
	require.JSONEq(t, `{"step": 9, "exact": false, "what": "w", "states": ["w"], "unknown_because": "why", "sound_step": null}`, string(got.NonFinite))

	b.Reset() // what the text calls unknown, the JSON doesn't know either
	r.Summary.Divergence = &engine.Divergence{Step: 9, Loss: nan, States: []string{"w"}, Sound: -1, Why: "why"}
	require.NoError(t, r.WriteJSON(&b))
	require.NoError(t, json.Unmarshal([]byte(b.String()), &got))
	require.Contains(t, got.Message, "w is infinite or NaN")
	require.Contains(t, string(got.NonFinite), `"what":"w"`)
}
