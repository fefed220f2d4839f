package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/engine"
)

func TestMathNetLearns(t *testing.T) {
	g, values := mathNet(t)
	s := onCPU(t, g, values, engine.Options{})
	summary, err := s.Run(ctx, engine.Loop{Step: "step", Loss: "metrics.loss_step", Metrics: []string{"metrics.loss", "metrics.accuracy"}, MaxSteps: 60000})
	require.NoError(t, err)
	t.Log(summary, s.Stats())
	require.Greater(t, summary.Metrics[1], 0.9)
}

func BenchmarkStep(b *testing.B) {
	g, values := mathNet(b)
	s := onCPU(b, g, values, engine.Options{})
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Step(ctx); err != nil {
			b.Fatal(err)
		}
	}
}
