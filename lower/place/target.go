package place

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// Alignment of every value in memory, in bytes: a cache line. A device may want
// more: see [Target].
const Alignment = 64

// Target is a device as lowering sees it. The host, the first target, may always be
// chosen by [Auto].
type Target = device.Info

// Lacking gives a dtype of a node that a device doesn't support; "" if it can run the
// node.
func Lacking(t *Target, n *ir.Node) string {
	if len(t.Lacks) == 0 || !HasKernel(n) {
		return ""
	}
	for _, in := range n.Inputs {
		if d := in.Type.DType.String(); slices.Contains(t.Lacks, d) {
			return d
		}
	}
	if d := n.Type.DType.String(); slices.Contains(t.Lacks, d) {
		return d
	}
	return ""
}

// HasKernel tells nodes that kernels compute from those that only hold or copy
// values.
func HasKernel(n *ir.Node) bool {
	switch n.Op {
	case ir.StateOp, ir.ConstOp, ir.SourceOp, ir.CopyOp:
		return false
	}
	return true
}

// Auto as Options.Default leaves the choice of the main device to [Placement.Run].
const Auto = -1

// Options are the devices and the rules.
type Options struct {
	// Targets are the devices; a memory space is an index into them. The first
	// is the host.
	Targets []Target
	// Default is the main device, or Auto.
	Default int
	// Candidates gives the devices that Auto may add to the targets. It is called at
	// most once, and not if no device could run a step faster than the host: looking
	// for devices takes longer than running small programs. One that is Missing is
	// mentioned, and not added.
	Candidates func() []Target
	// Rules come from the spec and from callers. The last that matches decides,
	// unless the node or state has a device: or prefer: of its own.
	Rules []ir.PlacementRule
}

// Error says why a program can't be lowered onto a machine.
type Error struct {
	Range diag.Range
	Rule  string // the diagnostic's stable ID
	Msg   string
	Help  string
}

// Error gives the message with its position.
func (e *Error) Error() string {
	if !e.Range.Known() {
		return e.Msg
	}
	return e.Range.String() + ": " + e.Msg
}

// Align rounds a size up to a multiple of a power of two. Sizes end at the
// largest int64, which is more than any memory has.
func Align(bytes, to int64) int64 {
	if bytes > math.MaxInt64-to {
		return math.MaxInt64
	}
	return (bytes + to - 1) &^ (to - 1)
}
