// Package flowrun runs declarative dataflow programs: a YAML spec describes a
// model and how to train it; flowrun checks it, lowers it onto the machine's
// devices and runs it, and no device ever computes from a stale value.
//
// A program goes one way:
//
//	program, err := flowrun.Load("graphs/math_net.yaml")
//	session, err := program.Start(ctx)
//	defer session.Close()
//	summary, err := session.Run(ctx)
//
// A [Program] is a checked spec; it can be started any number of times. A
// [Session] is a running program with memory on its devices. Its states
// (parameters, metrics, the step counter) are read with [Session.Get] and
// written with [Session.Set]. A write needs no further care: whatever depends
// on the state, including its copies on other devices, is out of date from
// that moment on, and is recomputed before it is read.
//
// The package has no global state, and sessions are independent of each other. A
// program's and a session's methods may be called from several goroutines at once: they
// take effect one at a time, between steps. [Session.Weights], [Session.SaveWeights] and
// checkpoints have all values of the same step. [Session.Close] may come at any time;
// from then on every method that can gives [ErrClosed].
//
// An [Inference] computes a model's outputs for many callers, whose weights can be replaced
// meanwhile; [Program.Infer] computes them once. A [Generator] continues texts with a
// language model.
//
// Invalid arguments (a nil context, a nil tensor, data shorter than its type) are
// errors, never panics.
package flowrun

import (
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/ir"
)

// The types that a program's user meets.
type (
	// Tensor is a value in the host's memory: dtype, shape and bytes.
	Tensor = ir.Tensor
	// Type is a dtype and a shape.
	Type = ir.Type
	// Shape lists dimensions, outermost first.
	Shape = ir.Shape
	// DType is an element type.
	DType = ir.DType
	// Summary is how a run ended.
	Summary = engine.Summary
	// Record is the state of a run after a step, as observers see it.
	Record = engine.Record
	// Observer follows a run.
	Observer = engine.Observer
	// Stats counts what a session has done.
	Stats = engine.Stats
	// Diagnostic is a finding about a spec: what, where, and what to do.
	Diagnostic = diag.Diagnostic
	// Findings are the diagnostics of a check, with the texts that they point into.
	Findings = diag.List
)

// The element types.
const (
	Bool = ir.Bool
	U8   = ir.U8
	I32  = ir.I32
	I64  = ir.I64
	F16  = ir.F16
	BF16 = ir.BF16
	F32  = ir.F32
	F64  = ir.F64
)
