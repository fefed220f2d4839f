package report

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/runs"
)

var result = Result{
	Run: runs.Info{Flowrun: "v1.2.3", Spec: "graphs/math_net.yaml", Name: "math_net", Vars: runs.Vars{"lr": 0.05}, Seed: 42,
		Device: "cpu", Metrics: []string{"loss", "accuracy"}},
	Summary: engine.Summary{
		Steps: 35_112, Step: 35_112, Stopped: engine.StoppedUntil, Elapsed: 175_560 * time.Microsecond,
		Loss: 0.0031, Metrics: []float64{0.0195, 0.995},
	},
	Stats: engine.Stats{
		KernelsRun: 983_136, PeakBytes: 12_345,
		HostToDevice: engine.Traffic{Count: 3, Bytes: 1856}, DeviceToHost: engine.Traffic{Count: 36, Bytes: 432},
	},
}

func TestTheSummaryForPeople(t *testing.T) {
	var b strings.Builder
	for _, reason := range []engine.StopReason{engine.StoppedUntil, engine.StoppedMaxSteps, engine.StoppedEarly, engine.StoppedInterrupted} {
		r := result
		r.Summary.Stopped = reason
		require.NoError(t, r.WriteText(&b))
	}
	golden(t, "summary.txt", b.String())
}

func TestTheStatisticsForPeople(t *testing.T) {
	var b strings.Builder
	require.NoError(t, result.WriteStats(&b))
	golden(t, "stats.txt", b.String())
}

func TestTheSummaryForPrograms(t *testing.T) {
	var b strings.Builder
	require.NoError(t, result.WriteJSON(&b))
	golden(t, "summary.json", b.String())
	require.True(t, json.Valid([]byte(b.String())))
}

func TestADivergedRunsSummaryIsValidJSON(t *testing.T) {
	r := result
	r.Summary.Metrics = []float64{math.NaN(), math.Inf(-1)}
	var b strings.Builder
	require.NoError(t, r.WriteJSON(&b))
	require.Contains(t, b.String(), `"metrics":{"loss":null,"accuracy":null}`)
	require.True(t, json.Valid([]byte(b.String())))
}

func TestARunWithoutStepsHasASummary(t *testing.T) {
	r := Result{Run: runs.Info{Spec: "s.yaml", Device: "cpu", Metrics: []string{"loss"}}, Summary: engine.Summary{Stopped: engine.StoppedInterrupted}}
	var b strings.Builder
	require.NoError(t, r.WriteText(&b))
	require.Equal(t, "s.yaml: stopped after 0 steps in 0.0s on cpu: interrupted\n", b.String())
	b.Reset()
	require.NoError(t, r.WriteJSON(&b))
	require.Contains(t, b.String(), `"metrics":{"loss":null}`)
}
