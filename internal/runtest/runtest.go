// Package runtest starts and runs sessions for tests.
package runtest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
)

// Started loads and starts a spec; it is closed at the end of the test.
func Started(t *testing.T, path string, options ...flowrun.StartOption) *flowrun.Session {
	t.Helper()
	return StartedIn(context.Background(), t, path, options...)
}

// StartedIn is Started with hooks in the context.
func StartedIn(ctx context.Context, t *testing.T, path string, options ...flowrun.StartOption) *flowrun.Session {
	t.Helper()
	p, err := flowrun.Load(path)
	require.NoError(t, err)
	s, err := p.Start(ctx, options...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// Ran runs a session up to a step, and gives all records.
func Ran(t *testing.T, s *flowrun.Session, steps int64) (flowrun.Summary, []flowrun.Record) {
	t.Helper()
	var records []flowrun.Record
	options := []flowrun.RunOption{flowrun.Observe(flowrun.Observer{Every: 1, Observe: func(r flowrun.Record) error {
		r.Elapsed, r.Evaluating, r.Evaluations, r.Metrics = 0, 0, 0, append([]float64(nil), r.Metrics...)
		if !r.Last {
			records = append(records, r)
		}
		return nil
	}})}
	if steps > 0 {
		options = append(options, flowrun.MaxSteps(steps))
	}
	summary, err := s.Run(context.Background(), options...)
	require.NoError(t, err)
	return summary, records
}

// Weights gives a session's weights.
func Weights(t *testing.T, s *flowrun.Session) map[string]*flowrun.Tensor {
	t.Helper()
	w, err := s.Weights()
	require.NoError(t, err)
	return w.Tensors
}

// NeedsOpenCL skips a test where there is no OpenCL device.
func NeedsOpenCL(t *testing.T) {
	t.Helper()
	for _, d := range flowrun.Devices() {
		if d.Kind == "opencl" && d.Missing != "" {
			t.Skipf("needs an OpenCL device: %s", d.Missing)
		}
	}
}
