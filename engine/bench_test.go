package engine_test

import (
	"testing"

	"github.com/flowrun/flowrun/engine"
)

// BenchmarkStep is a training step of math_net, data included.
func BenchmarkStep(b *testing.B) {
	s := onCPU(b, mathNet(b), engine.Options{})
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Step(ctx); err != nil {
			b.Fatal(err)
		}
	}
}
