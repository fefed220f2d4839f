package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/device"
	fakecuda "github.com/flowrun/flowrun/internal/fakegpu/cuda"
	fakemetal "github.com/flowrun/flowrun/internal/fakegpu/metal"
	"github.com/flowrun/flowrun/internal/racetest"
	"github.com/flowrun/flowrun/internal/runtest"
)

// driver is a driver on whose devices whole programs run. Its tests are named after it,
// so that they can be selected on machines with its devices.
type driver struct {
	kind string
	need func(t testing.TB) // skips the test without a device
	// dtypes are the dtypes of math_net's weights and activations to test.
	dtypes []string
	// brief reports whether running math_net to its end takes too long.
	brief func(dtype string, onHost bool) bool
	// crossings is the least number of values copied to the device per step if the
	// weights are on the host; exact says that it is also the most.
	crossings int64
	exact     bool
	// described is part of every device's description.
	described string
	// broken is a source of the kernel bits_of that doesn't compile, and its file. line
	// is the text after the file's name in the error.
	broken func(t *testing.T) (file, text string)
	line   string
	// parallel runs math_net with both homes concurrently.
	parallel bool
}

var onCUDA = &driver{
	kind:      "cuda",
	need:      fakecuda.Need,
	dtypes:    []string{"f32", "f16"},
	brief:     func(string, bool) bool { return fakecuda.Loaded() },
	crossings: 3, // the three layers' weights
	described: "compute capability",
	broken: func(*testing.T) (string, string) {
		return "bits_of.cu", "\nextern \"C\" __global__ void flowrun_bits_of(const T *x, T *out, int n, int bits) { this is no C }\n"
	},
}

var onMetal = &driver{
	kind:   "metal",
	need:   fakemetal.Need,
	dtypes: []string{"f32", "f16"},
	brief: func(dtype string, onHost bool) bool { // on the fake there is time for one run in each dtype and one with each home
		whole := (dtype == "f32") != onHost
		return fakemetal.Loaded() && (testing.Short() || racetest.Enabled || !whole)
	},
	crossings: 3,
	broken: func(t *testing.T) (string, string) {
		source, err := os.ReadFile("../../kernels/metal/bits_of.metal")
		require.NoError(t, err)
		broken := strings.Replace(string(source), "    if (", "    this is no C;\n    if (", 1)
		require.NotEqual(t, string(source), broken)
		return "bits_of.metal", broken
	},
}

// onOpenCL also copies the weights from which two averages are computed, whenever a step
// writes them.
var onOpenCL = &driver{
	kind:      "opencl",
	need:      func(t testing.TB) { runtest.NeedsOpenCL(t.(*testing.T)) },
	dtypes:    []string{"f32"},
	brief:     func(string, bool) bool { return testing.Short() || racetest.Enabled }, // a run takes 20 s on PoCL
	crossings: 5,
	exact:     true,
	broken: func(*testing.T) (string, string) {
		return "bits_of.cl", "\nkernel void flowrun_bits_of(global const T *x, global T *out, int n, int bits) { this is no C }\n"
	},
	line:     ":2:",
	parallel: true,
}

func TestOnCUDADevicesAreListed(t *testing.T)   { onCUDA.devicesAreListed(t) }
func TestOnMetalDevicesAreListed(t *testing.T)  { onMetal.devicesAreListed(t) }
func TestOnOpenCLDevicesAreListed(t *testing.T) { onOpenCL.devicesAreListed(t) }

func (d *driver) devicesAreListed(t *testing.T) {
	d.need(t)
	found := 0
	for _, info := range flowrun.Devices() {
		if info.Kind != d.kind {
			continue
		}
		found++
		require.Empty(t, info.Missing)
		require.True(t, strings.HasPrefix(info.Name, d.kind+":"))
		require.NotEmpty(t, info.Description)
		require.Contains(t, info.Description, d.described)
		require.Positive(t, info.Memory)
		require.False(t, info.Auto && info.Speed == device.Speed{}, "auto chooses by estimates")
	}
	require.Positive(t, found)
}

func TestOnCUDAMathNetLearns(t *testing.T)   { onCUDA.mathNetLearns(t) }
func TestOnMetalMathNetLearns(t *testing.T)  { onMetal.mathNetLearns(t) }
func TestOnOpenCLMathNetLearns(t *testing.T) { onOpenCL.mathNetLearns(t) }

// mathNetLearns runs math_net to its end, or only its first steps if that takes long.
func (d *driver) mathNetLearns(t *testing.T) {
	d.need(t)
	for _, dtype := range d.dtypes {
		t.Run(dtype+", weights on the device", func(t *testing.T) { d.learns(t, dtype, false) })
		t.Run(dtype+", weights on the host", func(t *testing.T) { d.learns(t, dtype, true) })
	}
}

func (d *driver) learns(t *testing.T, dtype string, onHost bool) {
	if d.parallel {
		t.Parallel()
	}
	options := []flowrun.StartOption{flowrun.On(d.kind)}
	if onHost {
		options = append(options, flowrun.Place("*.weight", "cpu"))
	}
	spec := mathNet
	if dtype == "f16" {
		spec = halfMathNet(t)
	}
	s := runtest.Started(t, spec, options...)
	brief := d.brief(dtype, onHost)
	var run []flowrun.RunOption
	if brief {
		run = append(run, flowrun.MaxSteps(300))
	}
	summary, err := s.Run(t.Context(), run...)
	require.NoError(t, err)
	stats := s.Stats()
	crossed := stats.HostToDevice.Count
	switch {
	case !onHost:
		require.Less(t, crossed, int64(100), "nothing goes to the device but what it starts with")
	case s.Plan().Shared != 0:
		require.GreaterOrEqual(t, stats.Aliased, d.crossings*summary.Steps, "the device reads the weights where they are, after every step")
	default:
		require.GreaterOrEqual(t, crossed, d.crossings*summary.Steps, "every step writes weights on the host")
		if d.exact {
			require.Less(t, crossed, d.crossings*summary.Steps+100, "and what it starts with")
		}
	}
	if brief {
		require.EqualValues(t, 300, summary.Steps)
		return
	}
	require.EqualValues(t, "until", summary.Stopped)
	require.GreaterOrEqual(t, summary.Metrics[1], 0.995)
	t.Logf("%d steps in %v: %v a step", summary.Steps, summary.Elapsed, summary.Elapsed/time.Duration(summary.Steps))
}

func TestOnCUDAALoopOverTimeLearns(t *testing.T)  { onCUDA.lstmLearns(t) }
func TestOnMetalALoopOverTimeLearns(t *testing.T) { onMetal.lstmLearns(t) }

// lstmLearns trains graphs/lstm.yaml, a loop over time, as the CPU does, and says how fast.
func (d *driver) lstmLearns(t *testing.T) {
	d.need(t)
	const spec = "../../graphs/lstm.yaml"
	steps := int64(400)
	if d.brief("f32", false) {
		steps = 6
	}
	want, _ := runtest.Ran(t, runtest.Started(t, spec, flowrun.On("cpu")), steps)
	got, _ := runtest.Ran(t, runtest.Started(t, spec, flowrun.On(d.kind)), steps)
	for i := range want.Metrics {
		// Means of squares below 2 after some steps of learning, which amplify what devices round differently.
		require.InDelta(t, want.Metrics[i], got.Metrics[i], 5e-3)
	}
	t.Logf("%d steps in %v: %.0f steps per second; on the CPU %.0f", steps, got.Elapsed, float64(steps)/got.Elapsed.Seconds(), float64(steps)/want.Elapsed.Seconds())
}

// halfMathNet is math_net with its weights and activations in f16.
func halfMathNet(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(mathNet)
	require.NoError(t, err)
	half := strings.NewReplacer(`"f32"`, `"f16"`, "x: f32[", "x: f16[", "bias: false}", "bias: false, dtype: f16}").Replace(string(text))
	require.NotContains(t, half, "f32")
	file := filepath.Join(t.TempDir(), "math_net.yaml")
	require.NoError(t, os.WriteFile(file, []byte(half), 0o600))
	return file
}

func TestAGraphOnCUDAOpenCLAndTheCPULearnsAsOnTheCPU(t *testing.T)  { onCUDA.threeDevicesLearn(t) }
func TestAGraphOnMetalOpenCLAndTheCPULearnsAsOnTheCPU(t *testing.T) { onMetal.threeDevicesLearn(t) }

func (d *driver) threeDevicesLearn(t *testing.T) {
	d.need(t)
	runtest.NeedsOpenCL(t)
	const steps = 300
	want := losses(t, steps)
	got := losses(t, steps, flowrun.On(d.kind), flowrun.Place("h1", "opencl"), flowrun.Place("h1.weight", "opencl"), flowrun.Place("h2.weight", "cpu"))
	for i := range want {
		// Losses are near 0.25; devices round differently in the last digit, and 300
		// steps of learning amplify that.
		require.InDelta(t, want[i], got[i], 1e-4, "step %d", i)
	}
}

// losses returns the losses of math_net's first steps.
func losses(t *testing.T, steps int64, options ...flowrun.StartOption) (all []float64) {
	t.Helper()
	_, records := runtest.Ran(t, runtest.Started(t, mathNet, options...), steps)
	for _, r := range records {
		all = append(all, r.Loss)
	}
	return all
}

func TestOnCUDAAKernelCanBeEditedWithoutBuildingFlowrun(t *testing.T)  { onCUDA.kernelIsEdited(t) }
func TestOnMetalAKernelCanBeEditedWithoutBuildingFlowrun(t *testing.T) { onMetal.kernelIsEdited(t) }
func TestOnOpenCLAKernelCanBeEditedWithoutBuildingFlowrun(t *testing.T) {
	onOpenCL.kernelIsEdited(t)
}

func (d *driver) kernelIsEdited(t *testing.T) {
	d.need(t)
	folder := t.TempDir()
	name, text := d.broken(t)
	file := filepath.Join(folder, d.kind, name)
	require.NoError(t, os.Mkdir(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	err := runtest.Started(t, mathNet, flowrun.On(d.kind), flowrun.KernelsFrom(folder)).Step(t.Context())
	require.ErrorContains(t, err, file+d.line)
	require.ErrorContains(t, err, " failed on "+d.kind+":0: device "+d.kind+":0: kernel ")
}

func TestADivergenceOnCUDAEndsWithTheStatesBeforeIt(t *testing.T)   { onCUDA.diverges(t) }
func TestADivergenceOnMetalEndsWithTheStatesBeforeIt(t *testing.T)  { onMetal.diverges(t) }
func TestADivergenceOnOpenCLEndsWithTheStatesBeforeIt(t *testing.T) { onOpenCL.diverges(t) }

// diverges ends a run whose weight overflows as on the CPU: with the same step, node and
// states, which the driver's own run of so many steps has bit by bit.
func (d *driver) diverges(t *testing.T) {
	d.need(t)
	want, _ := diverged(t, diverging(t))
	path := diverging(t)
	got, s := diverged(t, path, flowrun.On(d.kind))
	a, b := want.Divergence, got.Divergence
	require.Empty(t, b.Why)
	require.Equal(t, []int64{a.Step, a.Sound}, []int64{b.Step, b.Sound})
	require.Equal(t, a.Cause.Node.Op, b.Cause.Node.Op)
	before := runtest.Started(t, path, flowrun.On(d.kind))
	runtest.Ran(t, before, b.Sound)
	require.Equal(t, statesOf(t, before), statesOf(t, s))
}
