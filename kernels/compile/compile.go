// Package compile compiles the kernels' sources with the compilers that a machine has,
// without a device: clang for OpenCL C and CUDA, Apple's metal for Metal. It finds what
// only a compiler finds, such as a call of a function that doesn't exist.
package compile

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/flowrun/flowrun/kernels"
)

// Header comes before CUDA sources that clang compiles, in the same file.
//
//go:embed clang.h
var Header string

// CUDA are clang's arguments to compile for a GPU alone, without CUDA's headers and
// NVIDIA's library, for Volta and every GPU after it. Products and sums round apart.
var CUDA = []string{"-x", "cuda", "--cuda-device-only", "-nocudainc", "-nocudalib", "-fms-extensions", "-std=c++17", "-O2",
	"-ffp-contract=off", "-fno-math-errno", "--cuda-gpu-arch=sm_70", "--cuda-feature=+ptx63", "-Werror"}

// HeaderInFile lets a file begin with Header.
const HeaderInFile = "-Wno-pragma-once-outside-header"

var clang = []string{"clang++-19", "clang++"}

// compiler is what compiles a language: the first of the programs that is there. It
// reads a source from its input.
type compiler struct {
	programs []string
	args     []string
	header   string
	lacks    []string // dtypes
}

var compilers = map[string]compiler{
	"opencl": {programs: clang, args: []string{"-x", "cl", "-cl-std=CL1.2", "-target", "spir64", "-fsyntax-only", "-Wno-everything"}},
	"cuda":   {programs: clang, args: append(slices.Clone(CUDA), HeaderInFile, "-fsyntax-only"), header: Header},
	"metal": {programs: []string{"xcrun"}, args: []string{"metal", "-x", "metal", "-std=metal3.0", "-fsyntax-only", "-DSIMDGROUP_MATRIX=1"},
		lacks: []string{"f64"}},
}

// Result is what came of compiling a language's sources.
type Result struct {
	Language string
	Compiler string // the program; "" if there is none
	Looked   string // for which programs, if there is none
	Compiled int    // sources, each kernel for several choices of dtypes
	Problems error
}

// Check compiles kernels in every language whose compiler is there, for each dtype that
// they serve. A compiler's message has the file and line.
func Check(all []*kernels.Kernel, sources *kernels.Sources) []Result {
	var results []Result
	for _, language := range kernels.Languages {
		c := compilers[language]
		r := Result{Language: language, Looked: strings.Join(c.programs, ", ")}
		for _, name := range c.programs {
			if path, err := exec.LookPath(name); err == nil && r.Compiler == "" {
				r.Compiler = path
			}
		}
		if r.Compiler != "" {
			r.Compiled, r.Problems = c.check(r.Compiler, language, all, sources)
		}
		results = append(results, r)
	}
	return results
}

// check compiles a language's sources. Of each kernel the first error is enough.
func (c compiler) check(program, language string, all []*kernels.Kernel, sources *kernels.Sources) (compiled int, problem error) {
	all = slices.DeleteFunc(slices.Clone(all), func(k *kernels.Kernel) bool { return !k.In(language) })
	counts := make([]int, len(all))
	problem = Parallel(len(all), func(i int) (err error) {
		counts[i], err = c.kernel(program, language, all[i].For(language), sources)
		return err
	})
	for _, n := range counts {
		compiled += n
	}
	return compiled, problem
}

// Parallel calls f for 0 to n-1, as many at a time as there are processors, and joins
// the errors.
func Parallel(n int, f func(i int) error) error {
	problems, slots := make([]error, n), make(chan struct{}, runtime.NumCPU())
	var done sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		done.Go(func() {
			defer func() { <-slots }()
			problems[i] = f(i)
		})
	}
	done.Wait()
	return errors.Join(problems...)
}

// kernel compiles a kernel's source for each dtype that it serves.
func (c compiler) kernel(program, language string, k *kernels.Kernel, sources *kernels.Sources) (compiled int, err error) {
	source, err := sources.Source(language, k)
	if err != nil {
		return 0, err
	}
	for _, types := range c.choices(k) {
		defines := k.DefinesFor(types)
		if _, err := Run(program, c.args, defines, c.header+source.Joined()); err != nil {
			return compiled, fmt.Errorf("kernel %s in %s, with %s: %w", k.Name, language, strings.Join(defines, " "), err)
		}
		compiled++
	}
	return compiled, nil
}

// choices are as many choices of dtypes as it takes for each type variable to stand
// for all that it may.
func (c compiler) choices(k *kernels.Kernel) []map[string]string {
	seen := map[string]bool{}
	var few []map[string]string
	for _, types := range k.Choices() {
		lacks, isNew := false, len(types) == 0
		for v, dtype := range types {
			lacks = lacks || slices.Contains(c.lacks, dtype)
			isNew = isNew || !seen[v+dtype]
		}
		if lacks || !isNew {
			continue
		}
		for v, dtype := range types {
			seen[v+dtype] = true
		}
		few = append(few, types)
	}
	return few
}

// Run runs a compiler on a text with these definitions, NAME=VALUE, and gives its
// output. The error has what it says.
func Run(program string, args, defines []string, text string) ([]byte, error) {
	args = slices.Clone(args)
	for _, d := range defines {
		args = append(args, "-D"+d)
	}
	command := exec.Command(program, append(args, "-")...)
	command.Stdin = strings.NewReader(text)
	var said bytes.Buffer
	command.Stderr = &said
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, strings.TrimSpace(said.String()))
	}
	return output, nil
}
