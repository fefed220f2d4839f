package flowrun_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/racetest"
	"github.com/flowrun/flowrun/ir"
)

// marked is a model whose output has, for each example, x times an element of each of its
// parameters: with all of those k and x 1, an answer of k alone is one of a single set. The
// output bias doesn't depend on the input.
const marked = `
flowrun: 1
modules: {Scale: {inputs: {x: "f32[n, 3]"}, params: {w: {shape: [3], init: 0}}, output: w * x}}
model:
  inputs: {x: "f32[n, 3]"}
  nodes:
    a: {Scale: x}
    b: {Scale: x}
    c: {Scale: "0 * x + 1"}
    y: concat([a, b, c], 1)
    bias: {Scale: "ones([1, 3])"}
  outputs: [y, bias]
`

// markedData makes a model's inputs have sizes without a data source.
func markedProgram(t testing.TB) *flowrun.Program {
	p, err := flowrun.Parse("marked.yaml", []byte(marked+`
data: {ones: {generate: {x: "ones([2, 3])"}}}
train: {data: ones, loss: sum(y), optimizer: {SGD: {lr: 1}}, max_steps: 3}
`))
	require.NoError(t, err)
	return p
}

// markedBy are weights of which all elements are k.
func markedBy(k float32) flowrun.Weights {
	w := flowrun.Weights{Tensors: map[string]*flowrun.Tensor{}}
	for _, name := range []string{"a.w", "b.w", "c.w", "bias.w"} {
		w.Tensors[name] = ir.FromFloat32(flowrun.Shape{3}, []float32{k, k, k})
	}
	return w
}

// onesOf is an input of n examples.
func onesOf(n int) map[string]*flowrun.Tensor {
	x := make([]float32, 3*n)
	for i := range x {
		x[i] = 1
	}
	return map[string]*flowrun.Tensor{"x": ir.FromFloat32(flowrun.Shape{n, 3}, x)}
}

// markOf is the k of an answer, or an error if it is of several sets.
func markOf(outputs map[string]*flowrun.Tensor) (float32, error) {
	mark := outputs["bias"].Float32s()[0]
	for name, v := range outputs {
		for i, x := range v.Float32s() {
			if x != mark {
				return 0, fmt.Errorf("element %d of %s is of set %v, others are of %v", i, name, x, mark)
			}
		}
	}
	return mark, nil
}

// placements are where the model may be: with parameters at home elsewhere, each swap has
// to reach their copies.
var placements = map[string][]flowrun.StartOption{
	"cpu":              {flowrun.On("cpu")},
	"sim":              {flowrun.On("sim:0")},
	"sim, with copies": {flowrun.On("sim:0"), flowrun.Place("*.w", "cpu"), flowrun.Place("c", "sim:1"), flowrun.Place("c.w", "sim:0")},
}

func startedInference(t testing.TB, p *flowrun.Program, options ...flowrun.StartOption) *flowrun.Inference {
	in, err := p.StartInference(context.Background(), options...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, in.Close()) })
	return in
}

func TestASwapIsSeenByTheNextAnswer(t *testing.T) {
	ctx := context.Background()
	for name, options := range placements {
		t.Run(name, func(t *testing.T) {
			in := startedInference(t, markedProgram(t), append(options, flowrun.WithWeights(markedBy(1)))...)
			for k := float32(1); k < 5; k++ {
				w := markedBy(k)
				require.NoError(t, in.SetWeights(w))
				for _, v := range w.Tensors {
					v.SetFloat(0, -1) // the inference has its own
				}
				for _, n := range []int{2, 1, 0, 3} { // new sizes, and those that have seen other weights
					inputs := onesOf(n)
					outputs, err := in.Outputs(ctx, inputs)
					require.NoError(t, err)
					require.NoError(t, in.Run(ctx, inputs, outputs))
					mark, err := markOf(outputs)
					require.NoError(t, err)
					require.Equal(t, k, mark)
					require.Equal(t, flowrun.Shape{n, 9}, outputs["y"].Type.Shape)
				}
			}
		})
	}
}

func TestASwapThatFailsChangesNothing(t *testing.T) {
	ctx := context.Background()
	in := startedInference(t, markedProgram(t), flowrun.On("cpu"), flowrun.WithWeights(markedBy(7)))
	inputs := onesOf(2)
	outputs, err := in.Outputs(ctx, inputs)
	require.NoError(t, err)
	wrong := func(change func(tensors map[string]*flowrun.Tensor)) flowrun.Weights {
		w := markedBy(8)
		change(w.Tensors)
		return w
	}
	for says, w := range map[string]flowrun.Weights{
		"there are no weights to set": {},
		"b.w (f32[3]) is missing":     wrong(func(tensors map[string]*flowrun.Tensor) { delete(tensors, "b.w") }),
		"b.w is f32[1], the model's is f32[3]": wrong(func(tensors map[string]*flowrun.Tensor) {
			tensors["b.w"] = ir.FromFloat32(flowrun.Shape{1}, []float32{8})
		}),
		"d.w is no parameter of the model": wrong(func(tensors map[string]*flowrun.Tensor) { tensors["d.w"] = tensors["a.w"] }),
		"b.w is a nil tensor":              wrong(func(tensors map[string]*flowrun.Tensor) { tensors["b.w"] = nil }),
	} {
		require.ErrorContains(t, in.SetWeights(w), says)
		require.NoError(t, in.Run(ctx, inputs, outputs))
		mark, err := markOf(outputs)
		require.NoError(t, err)
		require.EqualValues(t, 7, mark)
	}
}

// Requests of several sizes run in many goroutines while weights are swapped. Sizes are
// more than plans are kept for, so plans are freed and made meanwhile.
func TestEachAnswerIsThatOfOneSet(t *testing.T) {
	ctx := context.Background()
	requests := 300
	if racetest.Enabled {
		requests = 60
	}
	for name, options := range placements {
		t.Run(name, func(t *testing.T) {
			in := startedInference(t, markedProgram(t), append(options, flowrun.WithWeights(markedBy(1)))...)
			var newest atomic.Int64
			newest.Store(1)
			var over atomic.Bool
			var swapper, all sync.WaitGroup
			swapper.Go(func() {
				for k := int64(2); !over.Load(); k++ {
					if err := in.SetWeights(markedBy(float32(k))); err != nil {
						t.Error(err)
						return
					}
					newest.Store(k)
				}
			})
			for g := range 8 {
				all.Go(func() {
					random := rand.New(rand.NewPCG(1, uint64(g)))
					for range requests {
						n := 1 + random.IntN(3)
						if random.IntN(10) == 0 {
							n = random.IntN(flowrun.MaxInferencePlans + 3)
						}
						inputs := onesOf(n)
						outputs, err := in.Outputs(ctx, inputs)
						least := newest.Load()
						if err == nil {
							err = in.Run(ctx, inputs, outputs)
						}
						mark, mixed := float32(0), error(nil)
						if err == nil {
							mark, mixed = markOf(outputs)
						}
						if err = errors.Join(err, mixed); err == nil && int64(mark) < least {
							err = fmt.Errorf("an answer of set %v, after set %d was there", mark, least)
						}
						if err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			over.Store(true)
			swapper.Wait()
		})
	}
}

func TestEqualSizesAllocateNothing(t *testing.T) {
	if racetest.Enabled {
		t.Skip("the race detector allocates")
	}
	ctx := context.Background()
	for name, options := range placements {
		in := startedInference(t, markedProgram(t), append(options, flowrun.WithWeights(markedBy(1)))...)
		small, large := onesOf(2), onesOf(5)
		outputs, err := in.Outputs(ctx, small)
		require.NoError(t, err)
		some, err := in.Outputs(ctx, large)
		require.NoError(t, err)
		delete(some, "bias")
		require.NoError(t, in.Run(ctx, large, some))
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if errors.Join(in.Run(ctx, small, outputs), in.Run(ctx, large, some)) != nil {
				panic("it has failed")
			}
		}), name)
	}
}

func TestOutputsMustFitAndMayBeSome(t *testing.T) {
	ctx := context.Background()
	in := startedInference(t, markedProgram(t), flowrun.On("cpu"), flowrun.WithWeights(markedBy(2)))
	y := ir.NewTensor(flowrun.Type{DType: flowrun.F32, Shape: flowrun.Shape{2, 9}})
	require.NoError(t, in.Run(ctx, onesOf(2), map[string]*flowrun.Tensor{"y": y}))
	require.EqualValues(t, 2, y.Float(17))
	for says, outputs := range map[string]map[string]*flowrun.Tensor{
		"none is asked for":                            nil,
		"the model has no output z":                    {"y": y, "z": y},
		"bias is f32[2, 9], the model gives f32[1, 3]": {"bias": y},
		"y is a nil tensor":                            {"y": nil},
	} {
		require.ErrorContains(t, in.Run(ctx, onesOf(2), outputs), says)
	}
	for says, inputs := range map[string]map[string]*flowrun.Tensor{
		"x (f32[2, 3]) is missing":                  nil,
		"the model has no input z":                  {"x": onesOf(2)["x"], "z": y},
		"x is f32[2, 9], the model takes f32[2, 3]": {"x": y},
		"6 bytes": {"x": {Type: onesOf(2)["x"].Type, Data: make([]byte, 6)}},
	} {
		require.ErrorContains(t, in.Run(ctx, inputs, map[string]*flowrun.Tensor{"y": y}), says)
	}
}

func TestAModelMayHaveNoInputs(t *testing.T) {
	ctx := context.Background()
	p, err := flowrun.Parse("constant.yaml", []byte(`
flowrun: 1
modules: {Bias: {inputs: {x: "f32[3]"}, params: {w: {shape: [3], init: 0}}, output: w + x}}
model: {nodes: {y: {Bias: "arange(3) * 1.0"}}, outputs: [y]}
`))
	require.NoError(t, err)
	in := startedInference(t, p, flowrun.On("cpu"))
	for k := range 3 {
		w := flowrun.Weights{Tensors: map[string]*flowrun.Tensor{"y.w": ir.FromFloat32(flowrun.Shape{3}, []float32{float32(k), 0, 0})}}
		require.NoError(t, in.SetWeights(w))
		outputs, err := in.Outputs(ctx, nil)
		require.NoError(t, err)
		require.NoError(t, in.Run(ctx, nil, outputs))
		require.Equal(t, []float32{float32(k), 1, 2}, outputs["y"].Float32s())
	}
}

func TestAnEndedContextAndCloseEndCalls(t *testing.T) {
	in := startedInference(t, markedProgram(t), flowrun.On("cpu"))
	inputs := onesOf(2)
	outputs, err := in.Outputs(context.Background(), inputs)
	require.NoError(t, err)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, in.Run(ended, inputs, outputs), context.Canceled)
	_, err = in.Outputs(ended, inputs)
	require.ErrorIs(t, err, context.Canceled)

	var all sync.WaitGroup
	var answers atomic.Int64
	for g := range 6 {
		all.Go(func() {
			own, mine := onesOf(g%3+1), map[string]*flowrun.Tensor{"y": ir.NewTensor(flowrun.Type{DType: flowrun.F32, Shape: flowrun.Shape{g%3 + 1, 9}})}
			for {
				err := in.Run(context.Background(), own, mine)
				if err == nil {
					answers.Add(1)
					continue
				}
				if !errors.Is(err, flowrun.ErrClosed) {
					t.Error(err)
				}
				return
			}
		})
	}
	require.Eventually(t, func() bool { return answers.Load() > 10 }, 10*time.Second, time.Millisecond)
	require.NoError(t, in.Close())
	all.Wait()
	require.NoError(t, in.Close(), "a second time")
	require.ErrorIs(t, in.SetWeights(markedBy(1)), flowrun.ErrClosed)
	_, err = in.Outputs(context.Background(), onesOf(4))
	require.ErrorIs(t, err, flowrun.ErrClosed)
	require.Equal(t, "cpu", in.Device())
}

func TestAnIndexOutOfRangeInAnInputIsAnError(t *testing.T) {
	ctx := context.Background()
	p, err := flowrun.Parse("table.yaml", []byte(`
flowrun: 1
model:
  inputs: {ids: "i64[2, 2]"}
  nodes: {y: {Embedding: ids, num_embeddings: 5, embedding_dim: 1}}
  outputs: [y]
`))
	require.NoError(t, err)
	in := startedInference(t, p, flowrun.On("cpu"))
	ids := func(v ...int64) map[string]*flowrun.Tensor {
		return map[string]*flowrun.Tensor{"ids": ir.FromInt64(flowrun.I64, flowrun.Shape{2, 2}, v)}
	}
	outputs, err := in.Outputs(ctx, ids(0, 4, 3, 2))
	require.NoError(t, err)
	require.NoError(t, in.Run(ctx, ids(0, 4, 3, 2), outputs))
	const says = "the input ids is out of range: 2 of 4 values, the first is 5 at [0, 1]; embedding (table.yaml:5:14) takes 0 to 4"
	require.EqualError(t, in.Run(ctx, ids(0, 5, -1, 2), outputs), says)
	_, err = p.Infer(ctx, ids(0, 5, -1, 2), flowrun.On("cpu"))
	require.EqualError(t, err, says)
}

func TestRawInputsArePreparedAndAnswersHaveNamesAsInFiles(t *testing.T) {
	ctx := context.Background()
	p, err := flowrun.Load("graphs/iris.yaml")
	require.NoError(t, err)
	s, err := p.Start(ctx, flowrun.On("cpu"))
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Run(ctx, flowrun.MaxSteps(80))
	require.NoError(t, err)
	w, err := s.Weights()
	require.NoError(t, err)
	in := startedInference(t, p, flowrun.On("cpu"), flowrun.WithWeights(w))
	require.Equal(t, []string{"setosa", "versicolor", "virginica"}, in.Classes("species"))
	require.Equal(t, in.Classes("species"), in.Classes("probability"))
	require.Nil(t, in.Classes("x"))

	// The same flowers in a file.
	file := filepath.Join(t.TempDir(), "flowers.csv")
	require.NoError(t, os.WriteFile(file, []byte("sepal_length,sepal_width,petal_length,petal_width\n5.1,3.5,1.4,0.2\n6.7,3.0,5.2,2.3\n"), 0o600))
	var lines bytes.Buffer
	_, err = p.InferTo(ctx, flowrun.FileInference{In: file}, &lines, "jsonl", flowrun.On("cpu"), flowrun.WithWeights(w))
	require.NoError(t, err)
	inputs := map[string]*flowrun.Tensor{"x": ir.FromFloat32(flowrun.Shape{2, 4}, []float32{5.1, 3.5, 1.4, 0.2, 6.7, 3.0, 5.2, 2.3})}
	require.NoError(t, in.Prepare(inputs))
	outputs, err := in.Outputs(ctx, inputs)
	require.NoError(t, err)
	require.NoError(t, in.Run(ctx, inputs, outputs))
	for i, line := range strings.Split(strings.TrimSpace(lines.String()), "\n") {
		var want struct {
			Species     string
			Probability map[string]float64
		}
		require.NoError(t, json.Unmarshal([]byte(line), &want), line)
		require.Equal(t, want.Species, in.Classes("species")[outputs["species"].Int(i)])
		for k, name := range in.Classes("probability") {
			require.InDelta(t, want.Probability[name], outputs["probability"].Float(3*i+k), 1e-6)
		}
	}

	// Weights that have learned other things would give other answers to the same inputs.
	bare := flowrun.Weights{Tensors: w.Tensors}
	require.NoError(t, in.SetWeights(bare))
	require.NotNil(t, in.Classes("species"), "weights that know nothing leave what is known")
	blank := startedInference(t, p, flowrun.On("cpu"))
	require.Nil(t, blank.Classes("species"))
	require.ErrorContains(t, blank.Prepare(inputs), "x")
}
