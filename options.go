package flowrun

import (
	"github.com/flowrun/flowrun/device/sim"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/lower"
)

// StartOption changes where and how a program runs.
type StartOption func(*startOptions)

type startOptions struct {
	device  string
	kernels string // a folder of sources; see KernelsFrom
	rules   []lower.Rule
	weights map[string]*Tensor
	given   bool // weights, by WithWeights
	resume  resumption
	files   files.Fault // for tests
	engine  engine.Options
	lower   lower.Options                      // Observe, Shuffle, CheckTypes and NoFuse
	fault   func(function string) (code int32) // see opencl.Options; for tests
	sim     sim.Options                        // how simulated devices differ from plain ones; for tests
}

// On names the default device, as --device does: "cpu", "sim:0", or "auto" to
// have it chosen. It overrides the spec's placement.default.
func On(device string) StartOption { return func(o *startOptions) { o.device = device } }

// Place binds the nodes and states whose path matches a pattern to a device, as
// a last placement rule of the spec would: Place("*.weight", "cpu").
func Place(match, device string) StartOption {
	return func(o *startOptions) { o.rules = append(o.rules, lower.Rule{Match: match, Device: device}) }
}

// Sync is a way to look for faults, as --sync is: every node is a kernel of its
// own, and each is waited for before the next one is run. An error then names the
// kernel that failed. Results have the same bits as without it.
func Sync() StartOption {
	return func(o *startOptions) { o.engine.Sync, o.lower.NoFuse = true, true }
}

// WithWeights starts from given parameters instead of the spec's init. All of
// the model's parameters must be there, and nothing else.
func WithWeights(weights map[string]*Tensor) StartOption {
	return func(o *startOptions) { o.weights, o.given = weights, true }
}
