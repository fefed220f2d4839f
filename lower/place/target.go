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

// Lacking gives the dtype for want of which the device can't run a node; "" if it
// can.
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

// HasKernel tells nodes that kernels compute from those that only hold or carry
// values.
func HasKernel(n *ir.Node) bool {
	switch n.Op {
	case ir.StateOp, ir.ConstOp, ir.SourceOp, ir.CopyOp:
		return false
	}
	return true
}

// Auto as a default leaves the choice of the main device to [Placement.Run].
const Auto = -1

// Options are the devices and the rules.
type Options struct {
	// Targets are the devices; a memory space is an index into them. The first
	// is the host.
	Targets []Target
	// Default is the space for whatever nothing else decides, or Auto.
	Default int
	// Candidates gives the devices that Auto may add to the targets. It is asked
	// once at most, and not if the host takes no longer for a step than any
	// device would: looking for devices takes longer than running small programs.
	// One that is Missing is mentioned, and not added.
	Candidates func() []Target
	// Rules come from the spec's placement and from callers; the last that
	// matches decides, after what nodes and states say themselves.
	Rules []ir.PlacementRule
}

// Error is a program that can't be lowered: a fault of the spec or of the machine.
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
