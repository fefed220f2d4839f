package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/kernels/compile"
	"github.com/flowrun/flowrun/kernels/cpu"
)

func newKernels(s streams) *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "kernels [NAME]",
		Short: "List the kernels, show one with its sources, or check them all",
		Long: `kernels lists the kernels: the ops and dtypes that each serves, and its languages.
With a name, it shows a kernel's manifest entry and its sources.`,
		Example: `  flowrun kernels
  flowrun kernels softmax
  flowrun kernels check --kernels mine`,
		Args: atMostOne("kernel"),
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := kernels.Load()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return listKernels(s.out, m.Kernels())
			}
			k, err := findKernel(m.Kernels(), args[0])
			if err != nil {
				return err
			}
			sources, err := kernels.Overlay(dir)
			if err != nil {
				return err
			}
			return writeKernel(s.out, k, sources)
		},
	}
	kernelsFlag(c, &dir)
	c.AddCommand(newKernelsCheck(s))
	return c
}

func newKernelsCheck(s streams) *cobra.Command {
	var dir string
	var withCompilers bool
	c := &cobra.Command{
		Use:   "check",
		Short: "Check manifest, ops and sources against one another",
		Long: `Check that every op has a kernel for every choice of dtypes that it takes, or is
made of other ops; that every kernel has a function in Go, and in every other
language a source whose entry point takes what the manifest says; and with
--kernels, that every file there is one that is used.

With --compile, also compile the sources with the compilers that are there: clang for
OpenCL and CUDA, Apple's for Metal. It takes a minute or two. No device is needed;
whether kernels compute the right thing is what go test ./kernels finds.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			m, err := kernels.Load()
			if err != nil {
				return err
			}
			sources, err := kernels.Overlay(dir)
			if err != nil {
				return err
			}
			if problems := errors.Join(m.Check(sources, languageOps()), checkGoKernels(m)); problems != nil {
				fmt.Fprintln(s.errors, problems)
				return errProblems
			}
			fmt.Fprintf(s.out, "%d kernels match the manifest (go, %s)\n", len(m.Kernels()), strings.Join(kernels.Languages, ", "))
			if withCompilers {
				return compileKernels(s, m, sources)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&withCompilers, "compile", false, "compile the sources with the compilers that are there")
	kernelsFlag(c, &dir)
	return c
}

// compileKernels compiles the sources, and says of each language what came of it.
func compileKernels(s streams, m *kernels.Manifest, sources *kernels.Sources) error {
	var failed error
	for _, r := range compile.Check(m.Kernels(), sources) {
		switch {
		case r.Compiler == "":
			fmt.Fprintf(s.out, "%s: not compiled; there is no %s\n", r.Language, r.Looked)
		case r.Problems != nil:
			fmt.Fprintln(s.errors, r.Problems)
			failed = errProblems
		default:
			fmt.Fprintf(s.out, "%s: %d sources compile (%s)\n", r.Language, r.Compiled, r.Compiler)
		}
	}
	return failed
}

// findKernel finds a kernel by its name.
func findKernel(all []*kernels.Kernel, name string) (*kernels.Kernel, error) {
	var names []string
	for _, k := range all {
		if k.Name == name {
			return k, nil
		}
		names = append(names, k.Name)
	}
	return nil, unknown("kernel", name, names, "flowrun kernels")
}

func listKernels(w io.Writer, all []*kernels.Kernel) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "KERNEL\tOPS\tDTYPES\tLANGUAGES")
	for _, k := range all {
		languages := strings.Join(append([]string{"go"}, sourceLanguages(k)...), " ")
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", k.Name, strings.Join(k.Ops, " "), dtypesOf(k), languages)
	}
	return t.Flush()
}

// dtypesOf writes the dtypes that a kernel's type variables stand for, or, where it
// has none, its output's.
func dtypesOf(k *kernels.Kernel) string {
	if len(k.DTypes) == 0 {
		return k.Output.DType
	}
	var all []string
	for _, v := range slices.Sorted(maps.Keys(k.DTypes)) {
		all = append(all, v+": "+strings.Join(k.DTypes[v], " "))
	}
	return strings.Join(all, ", ")
}

// sourceLanguages lists the languages besides Go that a kernel exists in.
func sourceLanguages(k *kernels.Kernel) []string {
	return slices.DeleteFunc(slices.Clone(kernels.Languages), func(language string) bool { return !k.In(language) })
}

// writeKernel writes a kernel's entry, and its sources but for the headers.
func writeKernel(w io.Writer, k *kernels.Kernel, sources *kernels.Sources) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s\n", k.Name, k.Doc)
	t := tabwriter.NewWriter(&text, 0, 4, 2, ' ', 0)
	fmt.Fprintf(t, "  ops\t%s\n  dtypes\t%s\n", strings.Join(k.Ops, " "), dtypesOf(k))
	if len(k.InPlace) > 0 {
		fmt.Fprintf(t, "  may overwrite\t%s\n", strings.Join(k.InPlace, " "))
	}
	fmt.Fprintf(t, "  go\tkernels/cpu/%s.go\n", k.Name)
	var texts strings.Builder
	for _, language := range sourceLanguages(k) {
		source, err := sources.Source(language, k)
		if err != nil {
			return err
		}
		own := slices.IndexFunc(source.Files, func(f kernels.File) bool { return !strings.HasSuffix(f.Name, ".h") })
		fmt.Fprintf(t, "  %s\t%s, after", language, source.Files[own].Name)
		for _, header := range source.Files[:own] {
			fmt.Fprintf(t, " %s", header.Name)
		}
		fmt.Fprintf(t, "\n  \t%s(%s)\n", k.Entry(), strings.Join(k.Parameters(language), ", "))
		if members := k.Members(language); len(members) > 0 {
			fmt.Fprintf(t, "  \tstruct arguments { %s; }\n", strings.Join(members, "; "))
		}
		for _, f := range source.Files[own:] {
			fmt.Fprintf(&texts, "\n==> %s\n%s", f.Name, f.Text)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, text.String()+texts.String())
	return err
}

// languageOps describes the ops to the manifest.
func languageOps() []kernels.Op {
	var all []kernels.Op
	registry := ir.Ops()
	for _, name := range slices.Sorted(maps.Keys(registry)) {
		op := registry[name]
		dtypes := op.KernelDTypes()
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
