package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/internal/racetest"
	"github.com/flowrun/flowrun/ir"
)

const (
	mathNet = "../../graphs/math_net.yaml"
	noModel = "flowrun: 1\nname: constant\nmodel:\n  nodes: {y: 1.0 + 2.0}\n  outputs: [y]\n"
)

// flowrunWith runs a command line and gives its exit code and streams.
func flowrunWith(t *testing.T, args ...string) (code int, out, errors string) {
	t.Helper()
	return inContext(t, context.Background(), args...)
}

func inContext(t *testing.T, ctx context.Context, args ...string) (code int, out, errors string) {
	t.Helper()
	var o, e bytes.Buffer
	code = execute(ctx, args, streams{strings.NewReader(""), &o, &e})
	require.NotContains(t, e.String(), "goroutine ", "a stack trace")
	return code, o.String(), e.String()
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

func TestASpecWithoutACommandIsRun(t *testing.T) {
	code, out, _ := flowrunWith(t, mathNet, "--max-steps", "2000")
	require.Equal(t, exitDone, code)
	again, same, _ := flowrunWith(t, "run", mathNet, "--max-steps", "2000")
	require.Equal(t, exitDone, again)
	for _, text := range []string{out, same} {
		require.Contains(t, text, "step 1,000/2,000 ")
		require.Contains(t, text, "stopped after 2,000 steps")
	}
}

func TestJSONIsOneObjectAndNothingElse(t *testing.T) {
	code, out, errors := flowrunWith(t, mathNet, "--json", "--max-steps", "100", "--device", "sim")
	require.Equal(t, exitDone, code)
	require.Empty(t, errors)
	d := json.NewDecoder(strings.NewReader(out))
	d.DisallowUnknownFields()
	type traffic struct{ Count, Bytes *int64 }
	var got struct {
		Spec    *string
		Name    *string
		Version *string
		Vars    map[string]any
		Seed    *int64
		Steps   *int64
		Step    *int64
		Best    any
		Stopped *string
		Seconds *float64
		Loss    *float64 `json:"loss_step"`
		Metrics map[string]float64
		Device  *string
		Copies  struct {
			HostToDevice   *traffic `json:"host_to_device"`
			DeviceToHost   *traffic `json:"device_to_host"`
			DeviceToDevice *traffic `json:"device_to_device"`
			Aliased        *int64
		}
		KernelsRun *int64 `json:"kernels_run"`
		PeakBytes  *int64 `json:"peak_bytes"`
	}
	require.NoError(t, d.Decode(&got))
	require.False(t, d.More())
	require.Equal(t, mathNet, *got.Spec)
	require.Equal(t, "math_net", *got.Name)
	require.NotEmpty(t, *got.Version)
	require.EqualValues(t, 7, *got.Seed)
	require.Equal(t, map[string]any{"bits": 4.0, "hidden": 16.0, "lr": 0.1}, got.Vars)
	require.EqualValues(t, 100, *got.Steps)
	require.EqualValues(t, 100, *got.Step)
	require.Nil(t, got.Best, "nothing says which value is better")
	require.Equal(t, "max_steps", *got.Stopped)
	require.Equal(t, "sim:0", *got.Device)
	require.Greater(t, *got.Seconds, 0.0)
	require.Greater(t, *got.Loss, 0.0)
	require.Contains(t, got.Metrics, "loss")
	require.Contains(t, got.Metrics, "accuracy")
	require.Greater(t, *got.KernelsRun, int64(100))
	require.Greater(t, *got.PeakBytes, int64(1000))
	// The stop condition is one byte a step; the counter is read at the start,
	// the condition before the first step, and at the end loss, two metrics, and
	// twice whether a loss wasn't finite: before the states are looked at, too.
	require.EqualValues(t, 100+1+1+5, *got.Copies.DeviceToHost.Count)
}

func TestTheLogOfEveryStepHasALineForEach(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log.jsonl")
	code, _, _ := flowrunWith(t, mathNet, "--max-steps", "50", "--log-every", "1", "--log", log)
	require.Equal(t, exitDone, code)
	text, err := os.ReadFile(log)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	require.Len(t, lines, 50)
	for i, line := range lines {
		var record map[string]float64
		require.NoError(t, json.Unmarshal([]byte(line), &record))
		require.EqualValues(t, i+1, record["step"])
		require.Contains(t, record, "loss")
		require.Contains(t, record, "accuracy")
		require.Contains(t, record, "loss_step")
	}
}

func TestALogOnAFullDiskEndsTheRunWithAMessage(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full")
	}
	code, _, errors := flowrunWith(t, mathNet, "--log-every=1", "--log", "/dev/full")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errors, "no space left")
}

func TestCtrlCEndsARunWithItsSummary(t *testing.T) {
	saved := filepath.Join(t.TempDir(), "w.safetensors")
	log := filepath.Join(t.TempDir(), "log.jsonl")
	ctx, cancel := context.WithCancel(context.Background())
	go func() { // once it has begun
		for ctx.Err() == nil {
			if info, err := os.Stat(log); err == nil && info.Size() > 0 {
				cancel()
			}
			time.Sleep(time.Millisecond)
		}
	}()
	code, out, _ := inContext(t, ctx, mathNet, "--json", "--save", saved, "--log", log, "--log-every=1", "--set", "lr=0.0", "--max-steps", "1000000000")
	cancel()
	require.Equal(t, exitInterrupted, code)
	require.Contains(t, out, `"stopped":"interrupted"`)
	require.FileExists(t, saved)
}

func TestCtrlCBeforeTheFirstStepIsNoFailure(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	code, out, errors := inContext(t, ctx, mathNet, "--json")
	require.Equal(t, exitInterrupted, code)
	require.Empty(t, out)
	require.Contains(t, errors, "flowrun: interrupted\n")
}

func TestTrainedWeightsCanBeSavedAndUsed(t *testing.T) {
	if racetest.Enabled {
		t.Skip("trains to the end")
	}
	dir := t.TempDir()
	saved, in, outFile := filepath.Join(dir, "w.safetensors"), filepath.Join(dir, "x.safetensors"), filepath.Join(dir, "y.safetensors")
	code, _, errors := flowrunWith(t, mathNet, "--save", saved)
	require.Equal(t, exitDone, code, errors)

	// 3 + 9 = 12, least significant bit first.
	x := ir.FromFloat32(flowrun.Shape{1, 8}, []float32{1, 1, 0, 0, 1, 0, 0, 1})
	require.NoError(t, flowrun.WriteTensors(in, map[string]*flowrun.Tensor{"x": x}))
	code, _, errors = flowrunWith(t, "eval", mathNet, "--weights", saved, "--in", in, "--out", outFile)
	require.Equal(t, exitDone, code, errors)
	out, err := flowrun.ReadTensors(outFile)
	require.NoError(t, err)
	for i, bit := range []float32{0, 0, 1, 1, 0} {
		require.InDelta(t, bit, out["sum_bits"].Float32s()[i], 0.5)
	}

	// A run that starts from them has converged already.
	code, text, errors := flowrunWith(t, mathNet, "--weights", saved, "--json")
	require.Equal(t, exitDone, code, errors)
	var got struct{ Steps int }
	require.NoError(t, json.Unmarshal([]byte(text), &got))
	require.Less(t, got.Steps, 20_000)
}

func TestInferWorksWithoutInputsAndParameters(t *testing.T) {
	code, out, errors := flowrunWith(t, "eval", file(t, "c.yaml", noModel))
	require.Equal(t, exitDone, code, errors)
	require.Equal(t, "y: 3\n", out)
}

func TestSetAndSeedChangeTheRun(t *testing.T) {
	_, a, _ := flowrunWith(t, mathNet, "--json", "--max-steps", "10")
	_, b, _ := flowrunWith(t, mathNet, "--json", "--max-steps", "10", "--set", "lr=0.05")
	_, c, _ := flowrunWith(t, mathNet, "--json", "--max-steps", "10", "--seed", "8")
	metrics := func(s string) string { return s[strings.Index(s, `"metrics"`):strings.Index(s, `"device"`)] }
	require.NotEqual(t, metrics(a), metrics(b))
	require.NotEqual(t, metrics(a), metrics(c))
}

func TestExitCodes(t *testing.T) {
	bad := file(t, "bad.yaml", "flowrun: 1\nname: bad\nmodel:\n  nodes: {y: relu(z)}\n  outputs: [y]\n")
	constant := file(t, "c.yaml", noModel)
	for _, c := range []struct {
		name string
		args []string
		code int
		says string // on the error stream
	}{
		{"a valid spec", []string{"validate", mathNet}, exitDone, ""},
		{"an invalid spec", []string{"validate", bad}, exitProblems, "error[unknown-name]"},
		{"one of two is invalid", []string{"validate", mathNet, bad}, exitProblems, "error[unknown-name]"},
		{"running an invalid spec", []string{bad}, exitProblems, "error[unknown-name]"},
		{"a spec that isn't there", []string{"validate", "nowhere/x.yaml"}, exitFailed, "nowhere/x.yaml"},
		{"running a spec that isn't there", []string{"nowhere/x.yaml"}, exitFailed, "nowhere/x.yaml"},
		{"an unknown flag", []string{mathNet, "--sed", "3"}, exitUsage, "--sed"},
		{"two specs", []string{"run", mathNet, mathNet}, exitUsage, "one spec"},
		{"a command misspelt", []string{"validte"}, exitUsage, "did you mean flowrun validate?"},
		{"--set without a value", []string{mathNet, "--set", "lr"}, exitUsage, "KEY=VALUE"},
		{"--set of an unknown var", []string{mathNet, "--set", "rl=1"}, exitProblems, `did you mean "lr"?`},
		{"--set of a wrong type", []string{mathNet, "--set", "lr=fast"}, exitProblems, "lr"},
		{"--threads 0", []string{mathNet, "--threads", "0"}, exitUsage, "is no number of threads"},
		{"--max-steps 0", []string{mathNet, "--max-steps", "0"}, exitUsage, "--max-steps"},
		{"an unknown device", []string{mathNet, "--device", "tpu"}, exitFailed, `there is no device "tpu"`},
		{"a device number that is none", []string{mathNet, "--device", "sim:x"}, exitFailed, "sim:x"},
		{"weights that aren't there", []string{mathNet, "--weights", "nowhere.safetensors"}, exitFailed, "nowhere.safetensors"},
		{"weights that don't fit", []string{mathNet, "--weights", "../../spec/std/testdata/reference/math_net.safetensors"}, exitFailed, "h1.weight (f32[16, 8]) is missing"},
		{"a folder to save in that isn't there", []string{mathNet, "--save", "nowhere/w.safetensors"}, exitFailed, "there is no folder nowhere"},
		{"an average to save in no file", []string{mathNet, "--save-average", "ema"}, exitUsage, "name the file"},
		{"an average to save that isn't there", []string{mathNet, "--save", "w.safetensors", "--save-average", "ema"}, exitUsage, `train.averages has no "ema"`},
		{"a spec that doesn't train", []string{constant}, exitFailed, "no train section"},
		{"eval without its inputs", []string{"eval", mathNet}, exitUsage, "--in"},
		{"eval with other inputs", []string{"eval", mathNet, "--in", "../../spec/std/testdata/reference/math_net.safetensors"}, exitFailed, "x (f32[1, 8]) is missing"},
		{"an unknown pass", []string{"explain", mathNet, "--pass", "fold"}, exitUsage, "the passes are"},
		{"an unknown format", []string{"explain", mathNet, "--format", "svg"}, exitUsage, "text, json or dot"},
		{"kernels as a graph", []string{"explain", mathNet, "--kernels", "--format", "dot"}, exitUsage, "be combined with --pass or --format dot"},
		{"kernels after a pass", []string{"explain", mathNet, "--kernels", "--pass", "fuse"}, exitUsage, "be combined with --pass or --format dot"},
		{"no spec to validate", []string{"validate"}, exitUsage, "at least one spec"},
		{"an argument too many", []string{"version", "now"}, exitUsage, "takes no arguments"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errors := flowrunWith(t, c.args...)
			require.Equal(t, c.code, code, errors)
			if c.args[0] == "validate" {
				errors += out // what validate finds is its result
			}
			require.Contains(t, errors, c.says)
		})
	}
}

func TestHelpFitsIntoATerminalOf80Columns(t *testing.T) {
	for _, c := range append(newRoot(streams{}).Commands(), &cobra.Command{Use: "help"}) { // help alone is that of flowrun
		_, out, _ := flowrunWith(t, strings.Fields(strings.TrimSuffix("help "+c.Name(), " help"))...)
		for line := range strings.Lines(out) {
			line = strings.TrimSuffix(line, "\n")
			if strings.HasPrefix(line, "  flowrun ") { // an example, to be copied
				continue
			}
			require.LessOrEqual(t, utf8.RuneCountInString(line), 80, "%s: %s", c.Name(), line)
		}
	}
}

func TestExplainShowsPlanPassesAndGraph(t *testing.T) {
	code, out, _ := flowrunWith(t, "explain", mathNet, "--device", "sim")
	require.Equal(t, exitDone, code)
	require.Contains(t, out, "h1.weight")
	require.Contains(t, out, "a step: ")

	for _, pass := range passNames() {
		code, out, errors := flowrunWith(t, "explain", mathNet, "--pass", pass)
		require.Equal(t, exitDone, code, errors)
		require.Contains(t, out, "matmul(", pass)
	}

	code, out, _ = flowrunWith(t, "explain", mathNet, "--format", "json")
	require.Equal(t, exitDone, code)
	require.True(t, json.Valid([]byte(out)))

	code, out, _ = flowrunWith(t, "explain", mathNet, "--format", "dot", "--eval")
	require.Equal(t, exitDone, code)
	require.True(t, strings.HasPrefix(out, "digraph plan {"))
}

func TestRenderingARenderedSpecChangesNothing(t *testing.T) {
	code, once, errors := flowrunWith(t, "render", mathNet, "--set", "lr=0.05", "--seed", "3")
	require.Equal(t, exitDone, code, errors)
	require.Contains(t, once, "lr: 0.05")
	require.Contains(t, once, "seed: 3")
	code, twice, errors := flowrunWith(t, "render", file(t, "again.yaml", once))
	require.Equal(t, exitDone, code, errors)
	require.Equal(t, once, twice)
}

func TestDevicesAreListedAndMissingOnesExplained(t *testing.T) {
	code, out, _ := flowrunWith(t, "devices")
	require.Equal(t, exitDone, code)
	require.Contains(t, out, "cpu ")
	require.Contains(t, out, "missing: ")
	code, out, _ = flowrunWith(t, "devices", "--json")
	require.Equal(t, exitDone, code)
	var list []flowrun.DeviceInfo
	require.NoError(t, json.Unmarshal([]byte(out), &list))
	require.Equal(t, "cpu", list[0].Name)
}

func TestAResumedRunContinuesItsLog(t *testing.T) {
	src, err := os.ReadFile(mathNet)
	require.NoError(t, err)
	spec := file(t, "net.yaml", string(src)+"  checkpoint: {every: 100}\n")
	log, whole := filepath.Join(t.TempDir(), "log.jsonl"), filepath.Join(t.TempDir(), "whole.jsonl")
	code, _, errors := flowrunWith(t, mathNet, "--max-steps", "1000", "--log-every=30", "--log", whole)
	require.Equal(t, exitDone, code, errors)

	code, _, errors = flowrunWith(t, spec, "--max-steps", "550", "--log-every=30", "--log", log)
	require.Equal(t, exitDone, code, errors)
	from := filepath.Join(filepath.Dir(spec), "checkpoints", "step-000000500.safetensors")
	code, out, errors := flowrunWith(t, spec, "--max-steps", "1000", "--log-every=30", "--log", log, "--resume="+from, "--json")
	require.Equal(t, exitDone, code, errors)
	require.Contains(t, errors, "resuming from "+from+", step 500")
	require.NotContains(t, errors, "changed")
	require.Contains(t, out, `"steps":500`)
	want, err := os.ReadFile(whole)
	require.NoError(t, err)
	got, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))

	code, _, errors = flowrunWith(t, spec, "--max-steps", "1001", "--resume", "--set", "lr=0.2")
	require.Equal(t, exitDone, code, errors)
	require.Contains(t, errors, "step-000001000.safetensors, step 1000\nwarning: the spec has changed since: vars.lr was 0.1 and is 0.2\n")
	code, _, errors = flowrunWith(t, spec, "--resume", "--weights", from)
	require.Equal(t, exitUsage, code)
	require.Contains(t, errors, "can't be combined with --weights")
}

func TestKernelsAreExplained(t *testing.T) {
	code, out, _ := flowrunWith(t, "explain", mathNet, "--kernels")
	require.Equal(t, exitDone, code)
	require.Contains(t, out, "silu on cpu: x · sigmoid(x)\n  %")
	code, out, _ = flowrunWith(t, "explain", mathNet, "--kernels", "--format", "json")
	require.Equal(t, exitDone, code)
	var e struct {
		Kernels []struct{ Name, Device string }
	}
	require.NoError(t, json.Unmarshal([]byte(out), &e))
	require.NotEmpty(t, e.Kernels)

	code, out, errors := flowrunWith(t, "explain", mathNet, "--kernels", "--device", "opencl")
	if strings.Contains(errors, "opencl") {
		t.Skip(errors)
	}
	require.Equal(t, exitDone, code)
	require.Contains(t, out, "on opencl:0: fused: mul, sub")
	require.Contains(t, out, "    | #define PARTS ")
	folder := filepath.Join(t.TempDir(), "opencl")
	require.NoError(t, os.Mkdir(folder, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "map.cl"), []byte("// mine\n"), 0o644))
	code, out, _ = flowrunWith(t, "explain", mathNet, "--device", "opencl", "--kernels="+filepath.Dir(folder))
	require.Equal(t, exitDone, code)
	require.Contains(t, out, "    | // mine\n")
}

func TestSyncGivesTheSameResults(t *testing.T) {
	result := func(args ...string) (r struct {
		Metrics map[string]float64
		Kernels int64 `json:"kernels_run"`
	}) {
		code, out, errors := flowrunWith(t, append([]string{mathNet, "--json", "--max-steps", "50"}, args...)...)
		if strings.Contains(errors, "there is no device opencl") {
			t.Skip(errors)
		}
		require.Equal(t, exitDone, code, errors)
		require.NoError(t, json.Unmarshal([]byte(out), &r))
		return r
	}
	for _, device := range []string{"cpu", "opencl"} {
		fused, apart := result("--device", device), result("--device", device, "--sync")
		require.Equal(t, fused.Metrics, apart.Metrics)
		require.Less(t, fused.Kernels, apart.Kernels)
	}
}

func TestEstimatesNameTheThreads(t *testing.T) {
	d := flowrun.DeviceInfo{Description: "a CPU", Auto: true, Speed: device.Speed{Flops: 80e9, Bytes: 20e9, Launch: 30}}
	require.Equal(t, "a CPU; estimated 80 GFLOP/s, 20 GB/s, 30ns per launch", describe(d))
	d.Speed.Flops, d.Speed.Threads = 1.28e12, 16
	require.Equal(t, "a CPU; estimated 1.28 TFLOP/s on 16 threads, 20 GB/s, 30ns per launch", describe(d))
}

func TestRatesAreWrittenWithThreeDigits(t *testing.T) {
	for want, perSecond := range map[string]float64{"5 GB/s": 5e9, "100 GB/s": 1e11, "2.35 TB/s": 2.35e12, "22.1 TB/s": 2.21e13} {
		require.Equal(t, want, rate(perSecond, "B/s"))
	}
}
