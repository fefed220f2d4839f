package flowrun

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/flowrun/flowrun/device/registry"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/internal/hooks"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower"
)

// StartOption changes where and how a program runs.
type StartOption func(*startOptions)

type startOptions struct {
	device   string
	kernels  string // a folder of sources; see KernelsFrom
	rules    []ir.PlacementRule
	weights  Weights
	given    bool // weights, by WithWeights
	resume   resumption
	logEvery int64        // see LogEvery; 0: the spec's
	logs     bool         // logEvery was given
	note     func(string) // is told what a reader of the data should know; nil: nobody

	tellWeights func(*WeightsReport) // of files that are begun with; nil: nobody

	keep        string      // the folder of KeepIn
	kept        bool        // KeepIn was given
	command     []string    // of KeepIn
	numerics    bool        // see CheckNumerics
	changedData bool        // whether a run may be resumed on other data
	files       files.Fault // for tests
	copies      engine.CopyLimit
	engine      engine.Options
	lower       lower.Options // Observe, Shuffle, CheckTypes and NoFuse
	devices     registry.Options
}

// On names the default device, as --device does: "cpu", "sim:0", or "auto" to
// have it chosen. It overrides the spec's placement.default.
func On(device string) StartOption { return func(o *startOptions) { o.device = device } }

// Place binds the nodes and states whose path matches a pattern to a device, as
// a last placement rule of the spec would: Place("*.weight", "cpu").
func Place(match, device string) StartOption {
	return func(o *startOptions) { o.rules = append(o.rules, ir.PlacementRule{Match: match, Device: device}) }
}

// Sync is a way to look for faults, as --sync is: every node is a kernel of its
// own, and each is waited for before the next one is run. An error then names the
// kernel that failed. Results have the same bits as without it.
func Sync() StartOption {
	return func(o *startOptions) { o.engine.Sync, o.lower.NoFuse = true, true }
}

// Threads limits how many threads share a large kernel on the CPU, as --threads does. By
// default it is GOMAXPROCS, which follows the limits of a container. Results have the same
// bits for any number; where the device is auto, it may be another one for fewer threads.
func Threads(n int) StartOption { return func(o *startOptions) { o.devices.Threads = n } }

// AllowChangedData allows Resume to go on with other data, or batches of another size,
// than the checkpoint was trained on. The batches that follow are those of the data as it
// is now, from the checkpoint's step on.
func AllowChangedData() StartOption { return func(o *startOptions) { o.changedData = true } }

// LogEvery overrides the spec's log_every, as --log-every does: what follows the run has
// an entry every so many steps.
func LogEvery(steps int64) StartOption {
	return func(o *startOptions) { o.logEvery, o.logs = steps, true }
}

// OnDataNote calls a function with what one should know of the data although nothing is
// wrong: how many rows a rule has dropped, which files are no images. Each note is told
// once, however many parts of the data it is about.
func OnDataNote(tell func(note string)) StartOption {
	return func(o *startOptions) {
		var told sync.Map
		o.note = func(note string) {
			if _, before := told.LoadOrStore(note, true); !before {
				tell(note)
			}
		}
	}
}

// KernelsFrom puts a folder over the kernels' sources that are built in, as
// --kernels does: a file opencl/NAME.cl, cuda/NAME.cu or metal/NAME.metal in it
// replaces the one of that name. The kernels in Go, for cpu and sim, are part of
// the program and stay.
func KernelsFrom(dir string) StartOption { return func(o *startOptions) { o.kernels = dir } }

// apply applies options to what they change. A nil among them is an error, which
// names the kind that it should be of.
func apply[T any, O ~func(*T)](to *T, kind string, options []O) error {
	for i, option := range options {
		if option == nil {
			return fmt.Errorf("option %d of %d is nil; it should be a %s", i+1, len(options), kind)
		}
		option(to)
	}
	return nil
}

// gatherStart gathers the options of a start, and the hooks of its context.
func gatherStart(ctx context.Context, options []StartOption) (*startOptions, error) {
	o := &startOptions{files: hooks.Of[files.Fault](ctx), devices: hooks.Of[registry.Options](ctx), copies: hooks.Of[engine.CopyLimit](ctx)}
	return o, errors.Join(apply(o, "StartOption", options), o.check())
}

// check reports invalid and conflicting options.
func (o *startOptions) check() error {
	switch {
	case o.given && o.weights.Tensors == nil:
		return errors.New("WithWeights was given none; it takes all of the model's parameters (leave it out for the spec's initial ones)")
	case o.given && o.resume.wanted && !o.resume.orNew:
		return errors.New("Resume reads the parameters from a checkpoint; it can't be combined with WithWeights")
	case o.logs && o.logEvery < 1:
		return fmt.Errorf("LogEvery(%d): it takes at least 1 step", o.logEvery)
	}
	for _, r := range o.rules {
		if r.Match == "" || r.Device == "" {
			return fmt.Errorf("Place(%q, %q): it takes a pattern of paths and a device", r.Match, r.Device)
		}
	}
	return nil
}
