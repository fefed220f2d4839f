// Package build expands definitions into the graphs of a [Program]: it calls modules,
// evaluates what is known at compile time, and makes nodes of all else. It owns types,
// shapes and states; the training step with its optimizer; data, metrics and evaluation.
package build
