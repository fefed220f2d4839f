package flowrun

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/kernels/cpu"
)

type (
	// Kernel is an entry of the manifest of kernels.
	Kernel = kernels.Kernel
	// KernelFile is a kernel's source file.
	KernelFile = kernels.File
)

// Kernels lists the kernels, in the manifest's order.
func Kernels() ([]*Kernel, error) {
	m, err := kernels.Load()
	if err != nil {
		return nil, err
	}
	return m.Kernels(), nil
}

// KernelLanguages lists the languages that kernels have sources in, besides Go.
func KernelLanguages() []string { return slices.Clone(kernels.Languages) }

// KernelSources gives a kernel's source in a language: the files that are compiled
// as one, the kernel's own last. Those in the folder dir, if it isn't "", come
// before those built in.
func KernelSources(k *Kernel, language, dir string) ([]KernelFile, error) {
	if k == nil {
		return nil, errors.New("there is no kernel: it is nil")
	}
	s, err := kernelSources(dir)
	if err != nil {
		return nil, err
	}
	source, err := s.Source(language, k)
	return source.Files, err
}

// CheckKernels holds the kernels against the language: every op has a kernel for
// every choice of dtypes that it takes, or is made of other ops; every kernel has a
// function in Go, and in each other language a source whose entry point takes what
// the manifest says. A folder dir, if it isn't "", lies over the built-in sources,
// and must hold nothing that would never be used. Nothing is compiled. The problems
// are all that is wrong, joined; err says why they couldn't be looked for.
func CheckKernels(dir string) (problems, err error) {
	m, err := kernels.Load()
	if err != nil {
		return nil, err
	}
	sources, err := kernelSources(dir)
	if err != nil {
		return nil, err
	}
	return errors.Join(m.Check(sources, languageOps()), checkGoKernels(m)), nil
}

// kernelSources are the built-in sources, under a folder's if there is one.
func kernelSources(dir string) (*kernels.Sources, error) {
	if dir == "" {
		return kernels.Embedded(), nil
	}
	return kernels.Overlay(dir)
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

// checkGoKernels holds the functions in Go against the manifest.
func checkGoKernels(m *kernels.Manifest) error {
	var problems []error
	for _, k := range m.Kernels() {
		if cpu.Lookup(k.Name) == nil {
			problems = append(problems, fmt.Errorf("kernel %s has no function in Go: kernels/cpu/%s.go registers none", k.Name, k.Name))
		}
	}
	for _, name := range slices.Sorted(slices.Values(cpu.Names())) {
		if m.Kernel(name) == nil {
			problems = append(problems, fmt.Errorf("kernels/cpu registers %s, which the manifest hasn't", name))
		}
	}
	return errors.Join(problems...)
}
