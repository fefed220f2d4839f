package flowrun_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/ir"
)

// broken are tensors that can't be, for where f32[2] is wanted, and what is said of them.
var broken = map[string]*flowrun.Tensor{
	"a nil tensor":                         nil,
	"a tensor of no dtype":                 {},
	"a tensor f32[2] with 7 bytes of data": {Type: flowrun.Type{DType: flowrun.F32, Shape: flowrun.Shape{2}}, Data: make([]byte, 7)},
	"with 9 bytes of data, which takes 8":  {Type: flowrun.Type{DType: flowrun.F32, Shape: flowrun.Shape{2}}, Data: make([]byte, 9)},
	"with 0 bytes of data, which takes 8":  {Type: flowrun.Type{DType: flowrun.F32, Shape: flowrun.Shape{2}}},
	"a tensor of the invalid type":         {Type: flowrun.Type{DType: flowrun.F32, Shape: flowrun.Shape{-2}}},
	"f64[1099511627776, 1099511627776]":    {Type: flowrun.Type{DType: flowrun.F64, Shape: flowrun.Shape{1 << 40, 1 << 40}}},
	"element 1 is 7; a bool is 0 or 1":     {Type: flowrun.Type{DType: flowrun.Bool, Shape: flowrun.Shape{2}}, Data: []byte{1, 7}},
	"of no dtype (its DType is 99)":        {Type: flowrun.Type{DType: 99, Shape: flowrun.Shape{2}}, Data: make([]byte, 8)},
}

const twoWeights = `
flowrun: 1
data: {ones: {generate: {x: "0 * uniform(-1, 1, [2]) + 1"}}}
modules: {Scale: {inputs: {x: "f32[n]"}, params: {w: {shape: [n], init: 0}}, output: w * x}}
model: {inputs: {x: "f32[2]"}, nodes: {y: {Scale: x}}, outputs: [y]}
train: {data: ones, loss: sum(y), optimizer: {SGD: {lr: 1}}, max_steps: 3}
`

func TestAnInvalidTensorIsAnErrorInEveryMethod(t *testing.T) {
	ctx := context.Background()
	p, err := flowrun.Parse("two.yaml", []byte(twoWeights))
	require.NoError(t, err)
	s, err := p.Start(ctx, flowrun.On("cpu"))
	require.NoError(t, err)
	defer s.Close()
	good := ir.FromFloat32(flowrun.Shape{2}, []float32{1, 2})
	path := filepath.Join(t.TempDir(), "x.safetensors")
	for says, bad := range broken {
		require.ErrorContains(t, s.Set("y.w", bad), says)
		require.ErrorContains(t, s.SetAll(map[string]*flowrun.Tensor{"step": ir.FromInt64(flowrun.I64, nil, []int64{7}), "y.w": bad}), says)
		_, err := p.Infer(ctx, map[string]*flowrun.Tensor{"x": bad}, flowrun.On("cpu"))
		require.ErrorContains(t, err, says)
		_, err = p.Infer(ctx, map[string]*flowrun.Tensor{"x": good}, flowrun.On("cpu"), flowrun.WithWeights(flowrun.Weights{Tensors: map[string]*flowrun.Tensor{"y.w": bad}}))
		require.ErrorContains(t, err, says)
		_, err = p.Start(ctx, flowrun.On("cpu"), flowrun.WithWeights(flowrun.Weights{Tensors: map[string]*flowrun.Tensor{"y.w": bad}}))
		require.ErrorContains(t, err, says)
		require.ErrorContains(t, flowrun.WriteTensors(path, map[string]*flowrun.Tensor{"x": good, "y": bad}), says)
		require.NoFileExists(t, path)
	}
	step, err := s.Get("step")
	require.NoError(t, err)
	require.Zero(t, step.Int(0), "where one can't be written, none is")
}

func TestNilIsAnErrorInEveryMethod(t *testing.T) {
	ctx := context.Background()
	var noContext context.Context
	p, err := flowrun.Parse("two.yaml", []byte(twoWeights))
	require.NoError(t, err)
	s, err := p.Start(ctx, flowrun.On("cpu"))
	require.NoError(t, err)
	defer s.Close()
	x := map[string]*flowrun.Tensor{"x": ir.FromFloat32(flowrun.Shape{2}, []float32{1, 2})}
	var noProgram *flowrun.Program
	var noSession *flowrun.Session
	file := filepath.Join(t.TempDir(), "two.yaml")
	require.NoError(t, os.WriteFile(file, []byte(twoWeights), 0o600))
	for says, calls := range map[string][]func() error{
		"the context is nil": {
			func() error { _, err := p.Start(noContext); return err },
			func() error { _, err := p.Infer(noContext, x); return err },
			func() error { _, err := s.Run(noContext); return err },
			func() error { return s.Step(noContext) },
		},
		"option 2 of 2 is nil; it should be a StartOption": {
			func() error { _, err := p.Start(ctx, flowrun.On("cpu"), nil); return err },
			func() error { _, err := p.Infer(ctx, x, flowrun.On("cpu"), nil); return err },
		},
		"option 1 of 1 is nil; it should be a RunOption": {func() error { _, err := s.Run(ctx, nil); return err }},
		"option 1 of 1 is nil; it should be a LoadOption": {
			func() error { _, err := flowrun.Load(file, nil); return err },
			func() error { _, err := flowrun.Parse("two.yaml", []byte(twoWeights), nil); return err },
			func() error { _, err := flowrun.Render(file, nil); return err },
			func() error { return findings(flowrun.Check(file, nil)) },
			func() error { return findings(flowrun.CheckText(file, []byte("modules: {}"), nil)) },
		},
		"is nil": {
			func() error { return s.SetAll(nil) },
			func() error { return flowrun.WriteTensors(file+".out", nil) },
			func() error { return p.Explain(nil, flowrun.ExplainOptions{}) },
			func() error { return p.WriteWarnings(nil, false) },
		},
		"WithWeights was given none": {
			func() error { _, err := p.Start(ctx, flowrun.WithWeights(flowrun.Weights{})); return err },
			func() error { _, err := p.Infer(ctx, x, flowrun.WithWeights(flowrun.Weights{})); return err },
		},
		"x (f32[2]) is missing": {func() error { _, err := p.Infer(ctx, nil); return err }},
		"there is no program": {
			func() error { _, err := noProgram.Start(ctx); return err },
			func() error { _, err := noProgram.Infer(ctx, x); return err },
			func() error { return new(flowrun.Program).Explain(io.Discard, flowrun.ExplainOptions{}) },
			func() error { return noProgram.WriteWarnings(io.Discard, false) },
		},
		"there is no session": {
			func() error { _, err := noSession.Run(ctx); return err },
			func() error { return noSession.Step(ctx) },
			func() error { _, err := noSession.Get("y.w"); return err },
			func() error { return noSession.Set("y.w", x["x"]) },
			func() error { return new(flowrun.Session).SetAll(x) },
			func() error { _, err := noSession.Weights(); return err },
			func() error { return new(flowrun.Session).SaveWeights(file + ".out") },
		},
		"observer 0 has no function Observe": {func() error { _, err := s.Run(ctx, flowrun.Observe(flowrun.Observer{Every: 1})); return err }},
		"MaxSteps is -1":                     {func() error { _, err := s.Run(ctx, flowrun.MaxSteps(-1)); return err }},
		"has Every -3": {func() error {
			_, err := s.Run(ctx, flowrun.Observe(flowrun.Observer{Every: -3, Observe: func(flowrun.Record) error { return nil }}))
			return err
		}},
		"it takes a pattern of paths and a device": {
			func() error { _, err := p.Start(ctx, flowrun.Place("*.w", "")); return err },
			func() error { _, err := p.Start(ctx, flowrun.Place("", "cpu")); return err },
		},
		"Resume reads the parameters from a checkpoint": {func() error {
			_, err := p.Start(ctx, flowrun.Resume(file), flowrun.WithWeights(flowrun.Weights{Tensors: map[string]*flowrun.Tensor{"y.w": x["x"]}}))
			return err
		}},
		`there is no pass "sort"`: {func() error { return p.Explain(io.Discard, flowrun.ExplainOptions{Pass: "sort"}) }},
	} {
		for i, call := range calls {
			require.NotPanics(t, func() { require.ErrorContains(t, call(), says, "call %d", i) }, "%s, call %d", says, i)
		}
	}
	require.NoFileExists(t, file+".out")
	require.NoError(t, noSession.Close(), "so that a deferred Close needs no check")
	require.NoError(t, new(flowrun.Session).Close())
	require.Zero(t, noSession.Stats())
	require.Empty(t, noSession.Device())
	require.Nil(t, noSession.Plan())
	require.Nil(t, noSession.Resumed())
}

// findings is the first of some findings as an error.
func findings(l flowrun.Findings) error {
	if !l.HasErrors() {
		return nil
	}
	return &flowrun.SpecError{Diagnostics: l}
}

// TestAnImpossibleTensorIsAnError: what Go's types let a caller write and a
// tensor can't be, beside the nearest that it can.
func TestAnImpossibleTensorIsAnError(t *testing.T) {
	floats, ints := []float32{1, 2}, []int64{1, 2}
	for _, shape := range []flowrun.Shape{{3}, {1}, {0}, {2, 0}, {-1, -2}, {-2}, {}, {2, 1 << 62, 4}} {
		_, err := flowrun.FromFloat32(shape, floats)
		require.ErrorContains(t, err, "2 values for shape "+shape.String())
		_, err = flowrun.FromFloat64(flowrun.F64, shape, []float64{1, 2})
		require.ErrorContains(t, err, "2 values for shape "+shape.String())
		_, err = flowrun.FromInt64(flowrun.I64, shape, ints)
		require.ErrorContains(t, err, "2 values for shape "+shape.String())
	}
	for _, shape := range []flowrun.Shape{{2}, {1, 2}, {2, 1, 1}} {
		x, err := flowrun.FromFloat32(shape, floats)
		require.NoError(t, err)
		require.Equal(t, floats, x.Float32s())
	}
	for _, shape := range []flowrun.Shape{{0}, {3, 0, 2}} {
		x, err := flowrun.FromFloat32(shape, nil)
		require.NoError(t, err)
		require.Empty(t, x.Data)
	}
	for _, d := range []flowrun.DType{0, flowrun.Bool, flowrun.I64, 99} {
		_, err := flowrun.FromFloat64(d, flowrun.Shape{1}, []float64{1})
		require.ErrorContains(t, err, "FromFloat64 makes tensors of f16, bf16, f32 and f64, not of ")
	}
	for _, d := range []flowrun.DType{0, flowrun.F32, 99} {
		_, err := flowrun.FromInt64(d, flowrun.Shape{1}, []int64{1})
		require.ErrorContains(t, err, "FromInt64 makes tensors of bool, u8, i32 and i64, not of ")
	}
	_, err := flowrun.FromInt64(flowrun.I32, flowrun.Shape{2}, []int64{math.MaxInt32, math.MaxInt32 + 1})
	require.ErrorContains(t, err, "value 1 is 2147483648, which i32 can't represent")
	x, err := flowrun.FromInt64(flowrun.I32, flowrun.Shape{2}, []int64{math.MinInt32, math.MaxInt32})
	require.NoError(t, err)
	require.EqualValues(t, math.MinInt32, x.Int(0))
	for _, v := range []int64{-1, 256} {
		_, err = flowrun.FromInt64(flowrun.U8, flowrun.Shape{2}, []int64{0, v})
		require.ErrorContains(t, err, fmt.Sprintf("value 1 is %d, which u8 can't represent", v))
	}
	x, err = flowrun.FromInt64(flowrun.U8, flowrun.Shape{5}, []int64{0, 1, 127, 128, 255})
	require.NoError(t, err)
	require.Equal(t, []byte{0, 1, 127, 128, 255}, x.Data)
}
