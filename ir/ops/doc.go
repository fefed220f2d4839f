// Package ops has every operation of the language, one file each: NAME.go holds
// all that is known of the op NAME but its kernels. internal/kit is the toolbox of
// these files, and ir.Builder has the formulas that gradients and decompositions
// are written with.
//
// Invariants, checked by the package's tests:
//
//   - Importing the package registers all ops with ir. An op's variable is the
//     op: b.Apply(ops.Add, x, y) builds a node. What the ops of a family have in
//     common (the class, the type rule, …) is in the function that makes them:
//     kit.Function, kit.Comparison, ….
//   - A type rule brings attributes into normal form (dims positive, sorted and
//     complete; a dtype always there) and gives the same for what it has already
//     normalised, so that nodes can be copied.
//   - A gradient has its operand's type. It is right where PyTorch's is: at
//     ties, at zero, and in branches that weren't taken. It is computed in f32
//     for f16 and bf16: there, all floating operands of the node, its value and
//     its gradient are f32.
//   - A reference computes floats in float64, whatever the dtype, and integers
//     exactly, wrapping around at their width. NaN, infinities, empty tensors
//     and scalars behave as in PyTorch.
//   - An op without Decompose has a kernel of its own name on every device. One
//     with it has none: lowering replaces it by what Decompose builds, which
//     keeps intermediate values of f16 and bf16 in f32.
//   - An Example is true by the reference, and as a program (cmd/flowrun). Samples
//     are calls that are well-typed.
//
// docs/add-a-kernel.md goes through the making of a file; ir.Op explains its fields.
package ops
