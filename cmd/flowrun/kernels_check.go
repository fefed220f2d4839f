package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/kernels/cpu"
)

// checkKernels compares manifest, ops and sources, and gives all problems, joined.
// Nothing is compiled.
func checkKernels(m *kernels.Manifest, sources *kernels.Sources) error {
	return errors.Join(m.Check(sources, languageOps()), checkGoKernels(m))
}

// languageOps describes the ops to the manifest.
func languageOps() []kernels.Op {
	var all []kernels.Op
	registry := ir.Ops()
	for _, name := range slices.Sorted(maps.Keys(registry)) {
		op := registry[name]
		dtypes := op.DTypes()
		if len(dtypes) == 0 {
			continue // of graphs themselves
		}
		known := kernels.Op{Name: name, Decomposed: op.Decompose != nil}
		for _, d := range dtypes {
			call := kernels.OpCall{Output: d.Output.String()}
			for _, in := range d.Inputs {
				call.Inputs = append(call.Inputs, in.String())
			}
			known.Calls = append(known.Calls, call)
		}
		all = append(all, known)
	}
	return all
}

// checkGoKernels compares the functions in Go with the manifest.
func checkGoKernels(m *kernels.Manifest) error {
	var problems []error
	for _, k := range m.Kernels() {
		if cpu.Lookup(k.Name) == nil {
			problems = append(problems, fmt.Errorf("kernel %s has no function in Go: kernels/cpu/%s.go registers none", k.Name, k.Name))
		}
	}
	for _, name := range slices.Sorted(slices.Values(cpu.Names())) {
		if m.Kernel(name) == nil {
			problems = append(problems, fmt.Errorf("kernels/cpu registers %s, which is missing from the manifest", name))
		}
	}
	return errors.Join(problems...)
}
