package flowrun

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
)

// sizedModel has an input of any number of elements.
const sizedModel = `
flowrun: 1
data: {ones: {generate: {x: "ones([2])"}}}
modules: {Scale: {inputs: {x: "f32[n]"}, params: {w: {shape: [], init: 1}}, output: w * x}}
model: {inputs: {x: "f32[n]"}, nodes: {y: {Scale: x}}, outputs: [y]}
train: {data: ones, loss: sum(y), optimizer: {SGD: {lr: 1}}, max_steps: 1}
`

func ofSize(n int) map[string]*Tensor {
	return map[string]*Tensor{"x": ir.NewTensor(Type{DType: F32, Shape: Shape{n}})}
}

// sizes lists the sizes that an inference has plans for.
func (in *Inference) sizes() (sizes []int) {
	in.plans.mu.Lock()
	defer in.plans.mu.Unlock()
	for _, p := range in.plans.plans {
		sizes = append(sizes, p.types[0].Shape[0])
	}
	return sizes
}

func TestPlansAreBoundedAndThoseInUseStay(t *testing.T) {
	ctx := context.Background()
	p, err := Parse("sized.yaml", []byte(sizedModel))
	require.NoError(t, err)
	in, err := p.StartInference(ctx, On("cpu"))
	require.NoError(t, err)
	first, err := in.planFor(ctx, ofSize(1))
	require.NoError(t, err)
	second, err := in.planFor(ctx, ofSize(3))
	require.NoError(t, err)
	in.plans.release(second)
	for n := 4; n < 4+2*MaxInferencePlans; n++ {
		outputs, err := in.Outputs(ctx, ofSize(n))
		require.NoError(t, err)
		require.NoError(t, in.Run(ctx, ofSize(n), outputs))
		require.LessOrEqual(t, len(in.sizes()), MaxInferencePlans)
	}
	require.Contains(t, in.sizes(), 1, "it is being used")
	require.NotContains(t, in.sizes(), 3)
	require.ErrorIs(t, second.engine.Usable(), ErrClosed, "what is dropped is freed")
	require.NoError(t, first.engine.Usable())

	// The next one waits as long as all are in use.
	used := []*inferencePlan{first}
	for _, n := range in.sizes() {
		if n != 1 {
			plan, err := in.planFor(ctx, ofSize(n))
			require.NoError(t, err)
			used = append(used, plan)
		}
	}
	require.Len(t, used, MaxInferencePlans)
	soon, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
	defer cancel()
	_, err = in.planFor(soon, ofSize(100))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	got := make(chan error)
	go func() {
		plan, err := in.planFor(ctx, ofSize(100))
		if err == nil {
			in.plans.release(plan)
		}
		got <- err
	}()
	in.plans.release(used[3])
	require.NoError(t, <-got)
	require.NotContains(t, in.sizes(), used[3].types[0].Shape[0])

	// A plan that has failed is freed by its last user, and made again.
	in.plans.fail(first)
	require.NoError(t, first.engine.Usable())
	in.plans.release(first)
	require.ErrorIs(t, first.engine.Usable(), ErrClosed)
	again, err := in.planFor(ctx, ofSize(1))
	require.NoError(t, err)
	require.NotSame(t, first, again)
	for _, plan := range append(used[1:], again) {
		if plan != used[3] {
			in.plans.release(plan)
		}
	}
	require.NoError(t, in.Close())
	require.ErrorIs(t, again.engine.Usable(), ErrClosed)
}

func TestInputsThatDontFitDropNoPlan(t *testing.T) {
	ctx := context.Background()
	p, err := Parse("sized.yaml", []byte(sizedModel))
	require.NoError(t, err)
	in, err := p.StartInference(ctx, On("cpu"))
	require.NoError(t, err)
	defer in.Close()
	before := in.sizes()
	for range 2 * MaxInferencePlans {
		_, err := in.Outputs(ctx, map[string]*Tensor{"x": ir.NewTensor(Type{DType: F32, Shape: Shape{2, 2}})})
		require.ErrorContains(t, err, "the model takes")
	}
	require.Equal(t, before, in.sizes())
}

// The parameter's home is the host's, the model is on a device: each swap has to reach the
// copy, and nothing but the edge between them says so.
func TestASwapReachesTheCopiesOnOtherDevices(t *testing.T) {
	ctx := context.Background()
	p, err := Parse("sized.yaml", []byte(sizedModel))
	require.NoError(t, err)
	in, err := p.StartInference(ctx, On("sim:0"), Place("*.w", "cpu"))
	require.NoError(t, err)
	defer func() { require.NoError(t, in.Close()) }()
	inputs := map[string]*Tensor{"x": ir.FromFloat32(Shape{2}, []float32{1, 2})}
	plan, err := in.planFor(ctx, inputs)
	require.NoError(t, err)
	in.plans.release(plan)
	copies := 0
	for _, n := range plan.engine.Plan().Graph.Nodes {
		if n.Op == ir.CopyOp && n.Inputs[0].State != nil && n.Inputs[0].State.Kind == ir.ParamState {
			copies++
		}
	}
	require.Equal(t, 1, copies)
	outputs, err := in.Outputs(ctx, inputs)
	require.NoError(t, err)
	for k := range 4 {
		require.NoError(t, in.SetWeights(Weights{Tensors: map[string]*Tensor{"y.w": ir.FromFloat32(nil, []float32{float32(k)})}}))
		before := plan.engine.Stats().HostToDevice.Count
		for range 3 {
			require.NoError(t, in.Run(ctx, inputs, outputs))
			require.Equal(t, []float32{float32(k), 2 * float32(k)}, outputs["y"].Float32s())
		}
		require.EqualValues(t, 3+1, plan.engine.Stats().HostToDevice.Count-before, "the input each time, the weight once")
	}
}

// Of weights read in part, what they leave out has its initial value in each swap.
func TestASwapInPartIsAWholeSet(t *testing.T) {
	ctx := context.Background()
	p, err := Parse("two.yaml", []byte(`
flowrun: 1
modules: {Scale: {inputs: {x: "f32[2]"}, params: {w: {shape: [], init: 5}}, output: w * x}}
model: {inputs: {x: "f32[2]"}, nodes: {a: {Scale: x}, b: {Scale: x}}, outputs: [a, b]}
`))
	require.NoError(t, err)
	in, err := p.StartInference(ctx, On("cpu"))
	require.NoError(t, err)
	defer func() { require.NoError(t, in.Close()) }()
	inputs := map[string]*Tensor{"x": ir.FromFloat32(Shape{2}, []float32{1, 1})}
	outputs, err := in.Outputs(ctx, inputs)
	require.NoError(t, err)
	scalar := func(v float32) *Tensor { return ir.FromFloat32(nil, []float32{v}) }
	path := filepath.Join(t.TempDir(), "a.safetensors")
	require.NoError(t, WriteTensors(path, map[string]*Tensor{"a.w": scalar(7)}))
	part, err := p.ReadWeightsBy(path, WeightsRule{Partial: true})
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, in.SetWeights(Weights{Tensors: map[string]*Tensor{"a.w": scalar(1), "b.w": scalar(2)}}))
		require.NoError(t, in.Run(ctx, inputs, outputs))
		require.Equal(t, []float32{1, 2}, []float32{outputs["a"].Float32s()[0], outputs["b"].Float32s()[0]})
		require.NoError(t, in.SetWeights(part))
		require.NoError(t, in.Run(ctx, inputs, outputs))
		require.Equal(t, []float32{7, 5}, []float32{outputs["a"].Float32s()[0], outputs["b"].Float32s()[0]})
	}
}
