package main

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheMedianIsTheMiddle(t *testing.T) {
	require.Equal(t, 2.0, median([]float64{3, 1, 2}))
	require.Equal(t, 2.5, median([]float64{4, 1, 3, 2}))
	require.Equal(t, 7.0, median([]float64{7}))
}

func TestGoBenchmarkOutputIsParsed(t *testing.T) {
	got := parseBenchmarks(engineGroup, []byte(`goos: linux
cpu: Some Processor
BenchmarkStep  	  448914	      2637 ns/op	       0 B/op	       0 allocs/op
BenchmarkCleanDemand/nodes-100 	 9	 45.5 ns/op	 16 B/op	 1 allocs/op
PASS
`))
	require.Equal(t, []sample{
		{series{Group: engineGroup, Name: "Step", Unit: "ns"}, 2637},
		{series{Group: engineGroup, Name: "Step", Unit: "allocations"}, 0},
		{series{Group: engineGroup, Name: "CleanDemand/nodes-100", Unit: "ns"}, 45.5},
		{series{Group: engineGroup, Name: "CleanDemand/nodes-100", Unit: "allocations"}, 1},
	}, got)
}

func TestAnInvalidMeasurementIsAnError(t *testing.T) {
	o, err := parseOutcome([]byte(`{"steps": 10, "stopped": "max_steps", "seconds": 0.5, "metrics": {"loss": 1, "accuracy": 0.5}}`))
	require.NoError(t, err)
	require.Equal(t, int64(10), o.Steps)
	require.Equal(t, 0.5, o.Metrics.Accuracy)
	for _, wrong := range []string{
		``,
		`10 steps`,
		`{"steps": 0, "stopped": "max_steps", "seconds": 0.5}`,
		`{"steps": 10, "stopped": "max_steps", "seconds": 0}`,
		`{"steps": 10, "stopped": "interrupted", "seconds": 0.5}`,
	} {
		_, err := parseOutcome([]byte(wrong))
		require.Error(t, err, wrong)
	}
}

func TestTheLastAllowedProcessorIsUsed(t *testing.T) {
	for list, want := range map[string]string{"0-1": "1", "0": "0", "0-3,8-11": "11", "2,5": "5"} {
		require.Equal(t, want, lastCPU("Name:\tbench\nCpus_allowed:\tff\nCpus_allowed_list:\t"+list+"\nMems_allowed:\t1\n"), list)
	}
	require.Empty(t, lastCPU("Name:\tbench\n"))
}

func TestAFailingSubjectIsSkippedAndTheOthersAreMeasured(t *testing.T) {
	fine := func(name string, value float64) subject {
		return subject{name: name, measure: func(context.Context) ([]sample, error) {
			return []sample{{series{Group: stepGroup, Name: name, Unit: "µs"}, value}}, nil
		}}
	}
	unbuilt := subject{name: "unbuilt", prepare: func(context.Context) error { return errors.New("no compiler\nat all") }}
	calls := 0
	flaky := subject{name: "flaky", measure: func(context.Context) ([]sample, error) {
		calls++
		return nil, errors.New("crashed")
	}}
	seldom := fine("seldom", 1)
	seldom.rounds = 2
	r := newReport(machine{}, 3)
	require.NoError(t, measure(t.Context(), []subject{fine("flowrun", 2), unbuilt, flaky, fine("other", 6), seldom}, r, io.Discard))
	r.finish()

	require.Equal(t, 1, calls)
	require.Equal(t, []absence{{"unbuilt", "no compiler"}, {"flaky", "crashed"}}, r.LeftOut)
	require.Len(t, r.Series, 3)
	require.Equal(t, []float64{1, 1}, r.find(stepGroup, "seldom", "µs").Values)
	require.Equal(t, []float64{6, 6, 6}, r.find(stepGroup, "other", "µs").Values)
	require.Equal(t, 3.0, r.find(stepGroup, "other", "µs").Ratio)
}

func TestTargetsAreJudgedByTheMedian(t *testing.T) {
	r := newReport(machine{}, 3)
	for _, v := range []float64{90, 95, 400} {
		r.add([]sample{{series{Group: engineGroup, Name: "CleanDemand/nodes-100", Unit: "ns"}, v}})
	}
	r.add([]sample{
		{series{Group: processGroup, Name: validate, Unit: "ms"}, 31},
		{series{Group: engineGroup, Name: "Step", Unit: "ns"}, 1e9}, // has no target
	})
	r.finish()
	require.True(t, *r.Series[0].Met)
	require.False(t, *r.Series[1].Met)
	require.Nil(t, r.Series[2].Met)

	var text strings.Builder
	require.NoError(t, r.writeText(&text))
	require.Contains(t, text.String(), "95       90      400           ns           ≤ 100: met\n")
	require.Contains(t, text.String(), "ms           ≤ 30: missed\n")
}

// The C peer must learn the task and count its steps correctly.
func TestTheCPeerLearns(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("needs gcc")
	}
	binary := filepath.Join(t.TempDir(), "math_net")
	out, err := exec.Command("gcc", "-O3", "-Wall", "-Wextra", "-Werror", "-o", binary, "../math_net/math_net.c", "-lm").CombinedOutput()
	require.NoError(t, err, "%s", out)

	run := func(maxSteps string) outcome {
		out, err := exec.Command(binary, "--max-steps", maxSteps).Output()
		require.NoError(t, err)
		o, err := parseOutcome(out)
		require.NoError(t, err)
		return o
	}
	short := run("2000")
	require.Equal(t, "max_steps", short.Stopped)
	require.Equal(t, int64(2000), short.Steps)
	long := run("200000")
	require.Equal(t, "until", long.Stopped)
	require.GreaterOrEqual(t, long.Metrics.Accuracy, 0.995)
	require.Less(t, long.Metrics.Loss, 0.03)
}
