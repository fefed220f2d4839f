package ir_test

import (
	"testing"

	"github.com/flowrun/flowrun/ir"
)

// BenchmarkStray compares a batch of 128 labels with a bound.
func BenchmarkStray(b *testing.B) {
	bound := ir.Bound{Size: 10, Except: []int64{-100}}
	labels := ir.NewTensor(ir.Type{DType: ir.I64, Shape: ir.Shape{128}})
	for b.Loop() {
		if bound.Stray(ir.I64, labels.Data) >= 0 {
			b.Fatal("a label is out of range")
		}
	}
}
