package std_test

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec"
)

// optimizerCalls has each of the standard library's optimizers, with its options.
var optimizerCalls = map[string][]string{
	"SGD": {"lr: 0.01", "lr: 0.01, momentum: 0.9, nesterov: true, weight_decay: 0.01"},
	"Adam": {"lr: 0.001", "lr: 0.001, amsgrad: true", "lr: 0.001, betas: [0.9, 0.999999]", "lr: 0.001, betas: [0, 0]",
		"lr: 0.001, betas: [0.3, 0.5], weight_decay: 0.1"},
	"AdamW":     {"lr: 0.001", "lr: 0.001, amsgrad: true", "lr: 0.001, betas: [0.99999, 0.9999999]"},
	"RMSprop":   {"lr: 0.001", "lr: 0.001, centered: true, alpha: 0.9, momentum: 0.9", "lr: 1e-5, centered: true", "lr: 0.001, alpha: 0.99999"},
	"Adagrad":   {"lr: 0.01", "lr: 0.01, lr_decay: 0.1"},
	"Adadelta":  {"lr: 1.0", "lr: 1.0, rho: 0.99999, eps: 1e-4"},
	"NAdam":     {"lr: 0.001", "lr: 0.001, betas: [0.3, 0.5]"},
	"LAMB":      {"lr: 0.001, weight_decay: 0", "lr: 0.001"},
	"Adafactor": {"lr: 0.001"},
	"Lion":      {"lr: 0.001", "lr: 0.001, betas: [0.9, 0.99999]"},
}

// slopesGiven are gradients: numbers that f16 holds, from its smallest on.
var slopesGiven = []float64{0x1p-24, 0x1p-14, -0x1p-10, 0.5, -1, 200, -3008}

// optimizing trains seven numbers with the given gradients; every third step has
// none.
func optimizing(t *testing.T, optimizer string, d flowrun.DType, more string) string {
	t.Helper()
	var list []string
	for _, g := range slopesGiven {
		list = append(list, fmt.Sprint(g))
	}
	return `flowrun: 1
modules:
  P: {inputs: {g: "any[n]"}, params: {w: {shape: [n], init: 1.0}}, nodes: {o: w + 0}, output: o}
data: {d: {generate: {g: "stack([` + strings.Join(list, ", ") + `]) * where(randint(0, 3, [7]) > 0, 1.0, 0.0)"}}}
model: {inputs: {g: "f32[7]"}, nodes: {p: {P: g, dtype: ` + d.String() + `}}, outputs: [p]}
train: {data: d, loss: 'sum(cast(p, "` + d.Wide().String() + `") * g)', optimizer: {` + optimizer + `}, max_steps: 400` + more + "}\n"
}

// In 16 bits an optimizer's states are those of f32, bit for bit, as long as the
// slopesGiven are gradients:; and those of f32 are near those of f64.
func TestOptimizersKeepTheirDigitsInAllDTypes(t *testing.T) {
	for _, m := range spec.StandardModules() {
		if !m.Optimizer || m.Name == "Muon" { // which takes matrices: optimizers_test.go has it
			continue
		}
		require.NotEmpty(t, optimizerCalls[m.Name], m.Name)
		for _, args := range optimizerCalls[m.Name] {
			call := m.Name + ": {" + args + "}"
			t.Run(call, func(t *testing.T) {
				_, exact := start(t, optimizing(t, call, ir.F64, ""), "cpu")
				_, f32 := start(t, optimizing(t, call, ir.F32, ""), "cpu")
				_, f16 := start(t, optimizing(t, call, ir.F16, ""), "cpu")
				_, bf16 := start(t, optimizing(t, call, ir.BF16, ""), "sim")
				for step := range 400 {
					for _, s := range []*flowrun.Session{exact, f32, f16, bf16} {
						require.NoError(t, s.Step(context.Background()))
					}
					if step == 0 || step == 399 {
						compareOptimizers(t, step+1, exact, f32, f16, bf16, strings.Contains(args, "weight_decay"))
					}
				}
			})
		}
	}
}

func compareOptimizers(t *testing.T, steps int, exact, f32, f16, bf16 *flowrun.Session, decay bool) {
	t.Helper()
	for _, st := range exact.Plan().Graph.States {
		if !strings.HasPrefix(st.Name, "optimizer.") && st.Name != "p.w" {
			continue
		}
		want, got := get(t, exact, st.Name), get(t, f32, st.Name)
		require.Equal(t, ir.F64, want.Type.DType, st.Name)
		require.Equal(t, ir.F32, got.Type.DType, st.Name)
		for i := range want.Type.Shape.Numel() {
			// 400 additions, each rounded; and a momentum of 0.9 keeps ten steps.
			w, g := want.Float(i), got.Float(i)
			require.LessOrEqual(t, math.Abs(w-g), 400*0x1p-23*max(math.Abs(w), 1e-30)+1e-37+moved(st.Name)*1e-3,
				"%s after %d steps, element %d: %v instead of %v", st.Name, steps, i, g, w)
		}
		for _, s := range []*flowrun.Session{f16, bf16} {
			half := get(t, s, st.Name)
			if st.Name != "p.w" {
				require.Equal(t, ir.F32, half.Type.DType, st.Name)
				if !decay {
					requireSame(t, got, half, st.Name)
				}
				continue
			}
			if steps == 1 {
				requireSame(t, rounded(got, half.Type.DType), half, "the first update")
			}
			for i := range slopesGiven {
				require.False(t, math.IsNaN(half.Float(i)) || math.IsInf(half.Float(i), 0), "after %d steps p.w is %v", steps, half.Float(i))
			}
		}
	}
}

// moved is what the parameter may be off: rounding of the states and of each step.
func moved(name string) float64 {
	if name == "p.w" {
		return 1
	}
	return 0
}

// With a constant gradient both moments are corrected to the gradient and its
// square, so each step is lr long, however near to 1 the betas are.
func TestAdamsBiasCorrectionKeepsItsDigits(t *testing.T) {
	for d, tolerance := range map[flowrun.DType]float64{ir.F32: 2e-6, ir.F64: 1e-11} {
		for _, beta := range []string{"0.5", "0.999", "0.99999", "0.9999999", "0.999999999"} {
			for _, name := range []string{"Adam", "AdamW"} {
				text := `flowrun: 1
modules:
  P: {inputs: {c: "any[]"}, params: {w: {shape: [1], init: 0.0}}, nodes: {o: w + 0}, output: o}
model: {nodes: {p: {P: 1.0, dtype: ` + d.String() + `}}, outputs: [p]}
train:
  loss: sum(p) * 0.25
  optimizer: {` + name + `: {lr: "0.0078125 * 0.5 ** floor_divide(step, 100)", betas: [` + beta + `, ` + beta + `], eps: 0, weight_decay: 0}}
  max_steps: 200
`
				_, s := start(t, text, "cpu")
				_, err := s.Run(context.Background())
				require.NoError(t, err)
				require.InEpsilon(t, -150*0.0078125, get(t, s, "p.w").Float(0), 200*tolerance, "%s in %s with %s", name, d, beta)
			}
		}
	}
}

func TestScalarsMadeOfTheStepAreF64WhereParametersAre(t *testing.T) {
	text := `flowrun: 1
modules:
  P: {inputs: {c: "any[]"}, params: {w: {shape: [], init: 0.0}}, nodes: {o: w + 0}, output: o}
model: {nodes: {p: {P: 1.0, dtype: f64}, q: {P: 1.0}}, outputs: [p, q]}
train:
  loss: p + q
  optimizer: {SGD: {lr: "LR"}}
  max_steps: 50
`
	for lr, exact := range map[string]func(step float64) float64{
		"0.1 * 0.97 ** step":                        func(s float64) float64 { return 0.1 * math.Pow(0.97, s) },
		"exponential_lr(step, 0.1, 0.97)":           func(s float64) float64 { return 0.1 * math.Pow(0.97, s) },
		"step_lr(step, 0.1, 7, 0.3)":                func(s float64) float64 { return 0.1 * math.Pow(0.3, math.Floor(s/7)) },
		"cosine_annealing_lr(step, 0.1, 30, 0.001)": func(s float64) float64 { return 0.001 + 0.099*0.5*(1+math.Cos(math.Pi/30*s)) },
		"warmup_cosine(step, 0.1, 10, 40)": func(s float64) float64 {
			if s < 10 {
				return 0.1 * (s + 1) / 10
			}
			return 0.1 * 0.5 * (1 + math.Cos(math.Pi*min((s-10)/30, 1)))
		},
	} {
		_, s := start(t, strings.Replace(text, "LR", lr, 1), "cpu")
		_, err := s.Run(context.Background())
		require.NoError(t, err)
		want := 0.0
		for step := range 50 {
			want -= exact(float64(step))
		}
		require.InEpsilon(t, want, get(t, s, "p.w").Float(0), 1e-13, lr)
		require.InEpsilon(t, want, get(t, s, "q.w").Float(0), 1e-5, lr)
	}
}

func TestSchedulesKeepTheDigitsOfADecayNear1(t *testing.T) {
	for _, c := range []struct {
		expr string
		want float64
	}{
		{"exponential_lr(4000000, 1.0, 0.999999)", math.Exp(4e6 * math.Log(0.999999))},
		{"step_lr(30000000, 1.0, 10, 0.9999999)", math.Exp(3e6 * math.Log(0.9999999))},
		{"exponential_lr(3, 1.0, 0.0)", 0},
		{"exponential_lr(0, 0.5, 0.0)", 0.5},
	} {
		require.InDelta(t, c.want, evaluated(t, "cpu", map[string]*flowrun.Tensor{"x": ir.ScalarTensor(ir.F32, 1.0)}, c.expr, "x * 1.0")["n0"].Float(0), 2e-6*c.want)
	}
}

// A checkpoint of a run in 16 bits holds the states in f32, and the run goes on
// from it as if it hadn't stopped.
func TestARunIn16BitsResumesWithTheBitsOfOneThatWasNotInterrupted(t *testing.T) {
	dir := t.TempDir()
	text := optimizing(t, "Adam: {lr: 0.001}", ir.F16, ", clip_grad_norm: 100, accumulate: 2, checkpoint: {every: 100}")
	run := func(options ...flowrun.StartOption) map[string]*flowrun.Tensor {
		s, err := parseIn(t, dir, text).Start(context.Background(), append(options, flowrun.On("cpu"))...)
		require.NoError(t, err)
		defer s.Close()
		_, err = s.Run(context.Background(), flowrun.MaxSteps(400))
		require.NoError(t, err)
		states := map[string]*flowrun.Tensor{}
		for _, st := range s.Plan().Graph.States {
			states[st.Name] = get(t, s, st.Name)
		}
		return states
	}
	whole := run()
	kept := filepath.Join(dir, "checkpoints", "step-000000200.safetensors")
	resumed := run(flowrun.Resume(kept))
	saved, err := flowrun.ReadTensors(kept)
	require.NoError(t, err)
	for name, want := range whole {
		if strings.HasPrefix(name, "optimizer.") {
			require.Equal(t, ir.F32, saved[name].Type.DType, name)
		}
		require.Equal(t, want.Data, resumed[name].Data, name)
	}
}

// A memory of a million steps, after twenty million of them: the mean goes on by
// the millionth part of what is new, of which a sum in f32 would lose all.
func TestAnAverageOverMillionsOfStepsStaysExact(t *testing.T) {
	for _, d := range []flowrun.DType{ir.F16, ir.F32, ir.F64} {
		_, s := start(t, `flowrun: 1
modules:
  P: {inputs: {c: "any[]"}, params: {w: {shape: [], init: 3.0}}, nodes: {o: w + 0}, output: o}
model: {nodes: {p: {P: 1.0, dtype: `+d.String()+`}}, outputs: [p]}
train:
  loss: p
  optimizer: {SGD: {lr: 0}}
  metrics: {long: "ema(loss, 0.999999)"}
  max_steps: 100000
`, "cpu")
		set := func(name string, v float64) {
			x := ir.NewTensor(get(t, s, name).Type)
			if x.Type.DType.IsFloat() {
				x.SetFloat(0, v)
			} else {
				x = ir.FromInt64(x.Type.DType, x.Type.Shape, []int64{int64(v)})
			}
			require.NoError(t, s.Set(name, x))
		}
		set("metrics.long.mean", 3.0625)
		set("metrics.long.rest", 0)
		set("metrics.long.count", 20e6)
		_, err := s.Run(context.Background())
		require.NoError(t, err)
		// 20 million steps count for 1 - e^-20 of all: so much of the difference is left.
		want := 3 + 0.0625*math.Exp(1e5*math.Log(0.999999))
		require.InDelta(t, want, get(t, s, "metrics.long").Float(0), 1e-6, d.String())
	}
}

// Earlier versions kept the states of f16 parameters in f16.
func TestACheckpointWith16BitStatesIsRejectedWithAReason(t *testing.T) {
	dir := t.TempDir()
	p := parseIn(t, dir, optimizing(t, "Adam: {lr: 0.001}", ir.F16, ", checkpoint: {every: 100}"))
	s, err := p.Start(context.Background(), flowrun.On("cpu"))
	require.NoError(t, err)
	_, err = s.Run(context.Background(), flowrun.MaxSteps(100))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	file, err := safetensors.Open(filepath.Join(dir, "checkpoints", "step-000000100.safetensors"))
	require.NoError(t, err)
	defer file.Close()
	states, err := file.All()
	require.NoError(t, err)
	states["optimizer.p.w.m"] = rounded(states["optimizer.p.w.m"], ir.F16)
	old := filepath.Join(dir, "old.safetensors")
	require.NoError(t, safetensors.WriteWith(old, states, file.Metadata()))
	_, err = p.Start(context.Background(), flowrun.On("cpu"), flowrun.Resume(old))
	require.ErrorContains(t, err, "old.safetensors was written by a version of flowrun that kept other states for this spec: "+
		"optimizer.p.w.m is f16[7] in it and f32[7] in the spec; train.init takes its parameters")
}

// What is summed up over steps, clipped and put into the optimizer isn't rounded
// on the way: of the gradients 1 and 1/1024 and their mean f16 holds no sum.
func TestAccumulatedGradientsReachTheOptimizerUnrounded(t *testing.T) {
	for _, more := range []string{"", ", clip_grad_norm: 1e6"} {
		_, s := start(t, `flowrun: 1
modules:
  P: {inputs: {g: "any[]"}, params: {w: {shape: [], init: 0.0}}, nodes: {o: w + 0}, output: o}
data: {d: {generate: {g: "where(cast(randint(0, 1, []), \"f32\") + cast(randint(0, 2, []), \"f32\") > 0.5, 1.0, 0.00048828125)"}}}
model: {inputs: {g: "f32[]"}, nodes: {p: {P: g, dtype: f16}}, outputs: [p]}
train: {data: d, loss: 'cast(p, "f32") * g', optimizer: {SGD: {lr: 0.001, momentum: 0.5}}, accumulate: 4`+more+`, max_steps: 64}
`, "cpu")
		velocity, sum := 0.0, 0.0
		for step := range 64 {
			sum += get(t, s, "g").Float(0)
			require.NoError(t, s.Step(context.Background()))
			if step%4 == 3 {
				velocity, sum = 0.5*velocity+sum/4, 0
				require.InEpsilon(t, velocity, get(t, s, "optimizer.p.w.velocity").Float(0), 1e-6, "step %d%s", step, more)
			}
		}
	}
}
