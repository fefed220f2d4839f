package kernels_test

import (
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	_ "github.com/flowrun/flowrun/ir/ops"
	"github.com/flowrun/flowrun/kernels"
)

// graphOps are what the engine runs without a kernel.
var graphOps = []string{"state", "const", "source", "copy", "grad", "scan", "scan_result"}

// knownOps describes the language's ops, with every choice of dtypes that each
// takes.
func knownOps() []kernels.Op {
	var all []kernels.Op
	for name, op := range ir.Ops() {
		if slices.Contains(graphOps, name) {
			continue
		}
		known := kernels.Op{Name: name, Decomposed: op.Decompose != nil}
		for _, d := range op.KernelDTypes() {
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

// The dtypes of an op are found from a few small calls. A case of the conformance
// suite has other shapes and arguments, and must find the same.
func TestTheDTypesThatAnOpTakesDontDependOnItsShapes(t *testing.T) {
	for _, op := range knownOps() {
		if !op.Decomposed {
			require.ElementsMatch(t, callsOf(t, ir.LookupOp(op.Name)), op.Calls, op.Name)
		}
	}
	for _, name := range graphOps {
		require.Empty(t, ir.LookupOp(name).DTypes(), name)
	}
}

// callsOf tries choices of dtypes on an op's first case.
func callsOf(t *testing.T, op *ir.Op) []kernels.OpCall {
	t.Helper()
	calls := map[string]kernels.OpCall{}
	c := casesOf(op.Name)[0]
	for dtypes := range choicesOf(op, len(c.inputs)) {
		b := ir.NewBuilder(&ir.Graph{})
		operands := make([]*ir.Node, len(c.inputs))
		for i, in := range c.inputs {
			operands[i] = b.NewState("x", ir.ParamState, ir.Type{DType: dtypes[i], Shape: in.shape}).Read
		}
		n, err := b.Call(op, c.args(operands, dtypes[len(c.inputs)]))
		if err != nil {
			continue // the op doesn't take them
		}
		if op.Param(ir.WideResult) >= 0 && dtypes[len(c.inputs)] == ir.F32 {
			n.SetAttr(ir.WideResult, true)
			n.Type, err = op.Infer(n)
			require.NoError(t, err)
		}
		call := kernels.OpCall{Output: n.Type.DType.String()}
		for _, in := range n.Inputs {
			call.Inputs = append(call.Inputs, in.Type.DType.String())
		}
		calls[fmt.Sprint(call)] = call
	}
	require.NotEmpty(t, calls, "no dtypes were found that %s takes", op.Name)
	return slices.Collect(maps.Values(calls))
}

// choicesOf are choices of dtypes for an op's operands, and behind them one that may be
// asked for: every choice; or, of the millions that many operands have, those that differ
// in two places at most from one that the op says it takes.
func choicesOf(op *ir.Op, operands int) iter.Seq[[]ir.DType] {
	places := operands + 1
	starts, differ := [][]ir.DType{make([]ir.DType, places)}, places
	if places > 4 {
		starts, differ = nil, 2
		for _, d := range op.DTypes() {
			starts = append(starts, append(slices.Clone(d.Inputs), d.Output))
		}
	}
	return func(yield func([]ir.DType) bool) {
		var vary func(choice []ir.DType, from, left int) bool
		vary = func(choice []ir.DType, from, left int) bool {
			if from == places || left == 0 {
				return yield(choice)
			}
			if left < places-from && !vary(choice, from+1, left) { // leave this place as it is
				return false
			}
			for _, name := range kernels.DTypes {
				varied := slices.Clone(choice)
				varied[from], _ = ir.ParseDType(name)
				if !vary(varied, from+1, left-1) {
					return false
				}
			}
			return true
		}
		for _, start := range starts {
			if !vary(start, 0, differ) {
				return
			}
		}
	}
}

func TestEveryOpAndDTypeHasAKernelAndEverySourceTakesWhatTheManifestSays(t *testing.T) {
	require.NoError(t, load(t).Check(kernels.Embedded(), knownOps()))
}

func TestEverySourceBelongsToAKernel(t *testing.T) {
	for _, language := range kernels.Languages {
		files, err := os.ReadDir(language)
		require.NoError(t, err)
		for _, f := range files {
			if f.IsDir() {
				continue
			}
			name, extension, _ := strings.Cut(f.Name(), ".")
			template := name == "map" || name == "reduce"
			require.True(t, extension == "h" || template || load(t).Kernel(name) != nil, "%s/%s", language, f.Name())
		}
	}
}

func TestEveryLanguageHasTheSourcesOfItsKernels(t *testing.T) {
	for language, extension := range map[string]string{"opencl": ".cl", "cuda": ".cu", "metal": ".metal"} {
		paths, err := filepath.Glob(filepath.Join(language, "*"+extension))
		require.NoError(t, err)
		want := []string{"map", "reduce"}
		for _, k := range load(t).Kernels() {
			if k.In(language) {
				want = append(want, k.Name)
			}
		}
		var got []string
		for _, path := range paths {
			got = append(got, strings.TrimSuffix(filepath.Base(path), extension))
		}
		require.ElementsMatch(t, want, got, language)
		require.Contains(t, kernels.Languages, language)
	}
	require.Len(t, kernels.Languages, 3)
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	m, err := kernels.Parse("m.yaml", "kernels:\n  k:\n    doc: d\n    types: T f32\n    inputs: x T\n    scalars: alpha float\n    output: T\n    sizes: n int = numel(out)\n")
	require.NoError(t, err)
	k := kernels.Op{Name: "k"}
	check := func(source string, ops ...kernels.Op) error {
		dir := t.TempDir()
		for file, text := range map[string]string{"opencl/k.cl": source, "cuda/k.cu": `extern "C" __global__ void flowrun_k(const T *x, T *out, S alpha, int n) {}`,
			"metal/k.metal": "struct arguments { S alpha; int n; };\nkernel void flowrun_k(device const T *x [[buffer(0)]], device T *out [[buffer(1)]], constant arguments &with [[buffer(2)]]) {}"} {
			require.NoError(t, os.Mkdir(filepath.Join(dir, filepath.Dir(file)), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644))
		}
		s, err := kernels.Overlay(dir)
		require.NoError(t, err)
		return m.Check(s, ops)
	}
	right := "// k: a kernel.\nkernel void flowrun_k(global const T *x, // the input\n    global T* out,\n    S alpha, int n) {}\n"
	require.NoError(t, check(right, k))
	require.ErrorContains(t, check(right), "kernel k implements k, which is not an op")
	require.ErrorContains(t, check(right, k, kernels.Op{Name: "l"}), "op l has neither a kernel nor a decomposition")
	require.NoError(t, check(right, k, kernels.Op{Name: "l", Decomposed: true}))
	served := kernels.Op{Name: "k", Calls: []kernels.OpCall{{Inputs: []string{"f32"}, Output: "f32"}, {Inputs: []string{"f64"}, Output: "f64"}}}
	require.ErrorContains(t, check(right, served), "op k of [f64] → f64 has no kernel")
	for change, want := range map[string]string{
		"S alpha>float alpha": `opencl/k.cl:2: parameter 3 of flowrun_k is "float alpha", but "S alpha" in the manifest`,
		"const T>T":           `parameter 1 of flowrun_k is "global T *x", but "global const T *x" in the manifest`,
		", int n>":            `flowrun_k lacks the parameter "int n", number 4 in the manifest`,
		"int n>int n, int m":  `flowrun_k has a parameter "int m" too many; the manifest has 4`,
		"flowrun_k>k":         `there is no kernel void flowrun_k(…)`,
	} {
		from, to, _ := strings.Cut(change, ">")
		require.ErrorContains(t, check(strings.Replace(right, from, to, 1), k), want)
	}
}

func TestAFileOfAFolderThatIsNeverUsedOrDoesntFitIsNamed(t *testing.T) {
	dir := t.TempDir()
	s, err := kernels.Overlay(dir)
	require.NoError(t, err)
	require.ErrorContains(t, load(t).CheckOverlay(s), dir+" has no folder opencl")
	put := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "opencl"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "opencl", name), []byte(text), 0o644))
	}
	put("prelude.h", "anything")
	put("map.cl", "anything")
	parameters := strings.Join(load(t).Kernel("cumsum").Parameters("opencl"), ", ")
	put("cumsum.cl", "__kernel void flowrun_cumsum("+strings.ReplaceAll(parameters, "global", "__global")+") {}")
	require.NoError(t, load(t).CheckOverlay(s), "words with underscores are the same words")
	require.NoError(t, load(t).CheckOverlay(kernels.Embedded()))
	put("ngo.cl", "")
	put("add.c", "")
	put("exp.cl", "static inline C BODY(exp)(C x) { return x; }\n#ifndef FUSED\nkernel void flowrun_exp(global T *x, global T *out, int n) {}\n#endif\n")
	for _, check := range []error{load(t).CheckOverlay(s), load(t).Check(s, knownOps())} {
		require.ErrorContains(t, check, dir+"/opencl/ngo.cl is never used")
		require.ErrorContains(t, check, dir+"/opencl/add.c is never used")
		require.ErrorContains(t, check, dir+`/opencl/exp.cl:3: parameter 1 of flowrun_exp is "global T *x"`)
		require.Len(t, strings.Split(check.Error(), "\n"), 3, "each once")
	}
}

func TestAFolderLiesOverTheBuiltInSources(t *testing.T) {
	dir := t.TempDir()
	s, err := kernels.Overlay(dir)
	require.NoError(t, err)
	builtIn, err := kernels.Embedded().Source("opencl", &kernels.Kernel{Name: "exp"})
	require.NoError(t, err)
	got, err := s.Source("opencl", &kernels.Kernel{Name: "exp"})
	require.NoError(t, err)
	require.Equal(t, builtIn, got, "an empty folder changes nothing")
	require.Equal(t, "kernels/opencl/prelude.h", got.Files[0].Name)

	path := filepath.Join(dir, "opencl", "exp.cl")
	require.NoError(t, os.Mkdir(filepath.Dir(path), 0o755))
	for _, text := range []string{"one", "two"} { // read anew each time
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		got, err = s.Source("opencl", &kernels.Kernel{Name: "exp"})
		require.NoError(t, err)
		require.Equal(t, append(slices.Clone(builtIn.Files[:2]), kernels.File{Name: filepath.ToSlash(path), Text: text}), got.Files)
	}

	_, err = kernels.Overlay(path)
	require.ErrorContains(t, err, "is not a folder")
	_, err = kernels.Overlay(filepath.Join(dir, "absent"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = s.Source("fortran", &kernels.Kernel{Name: "exp"})
	require.EqualError(t, err, `kernels: there is no language "fortran"; there is [opencl cuda metal]`)
	_, err = s.Source("opencl", &kernels.Kernel{Name: "frobnicate"})
	require.EqualError(t, err, "kernels: there is no file opencl/frobnicate.cl")
}

// A literal of a fixed type is right for one dtype only: 2.0h was once a syntax
// error in every kernel but the one that was tried. So numbers with a point have no
// suffix, and a cast before them.
func TestNumbersInSourcesHaveNoTypeOfTheirOwn(t *testing.T) {
	texts := map[string]string{}
	for _, k := range load(t).Kernels() {
		for _, language := range kernels.Languages {
			if !k.In(language) {
				continue
			}
			source, err := kernels.Embedded().Source(language, k)
			require.NoError(t, err)
			for _, f := range source.Files {
				texts[f.Name] = f.Text
			}
		}
	}
	for name, text := range texts {
		for _, fault := range typedNumbers(name, text) {
			t.Error(fault)
		}
	}
}

func TestNumbersWithATypeOfTheirOwnAreFound(t *testing.T) {
	for text, fault := range map[string]string{
		"C y = 0.5 * x;":           "f.cu:1: no cast before 0.5",
		"int n;\nreturn x + 2.0h;": "f.cu:2: 2.0h has a type of its own",
		"y = (C)1.5f;":             "f.cu:1: 1.5f has a type of its own",
		"y = 1e-3;":                "f.cu:1: no cast before 1e-3",
	} {
		require.Equal(t, []string{fault}, typedNumbers("f.cu", text))
	}
	require.Empty(t, typedNumbers("f.cu", "C y = (C)0.5 * x + (C)-0x1p-24; // 0.5\nint i = 0xff + v2;"))
}

var (
	numbers = regexp.MustCompile(`(\)-?|[A-Za-z_])?((?:0x[0-9a-f.]+p[-+]?\d+|\d+\.\d*(?:e[-+]?\d+)?|\.\d+|\d+e[-+]?\d+|\d+)[fFhHlL]*)\b`)
	remarks = regexp.MustCompile(`//[^\n]*`)
)

// typedNumbers finds the numbers in a source that fix a type.
func typedNumbers(file, text string) (faults []string) {
	for i, line := range strings.Split(remarks.ReplaceAllString(text, ""), "\n") {
		for _, m := range numbers.FindAllStringSubmatch(line, -1) {
			before, literal := m[1], m[2]
			switch {
			case before != "" && before[0] != ')': // a part of a name, or of an integer in hexadecimal digits
			case strings.Contains("fFhHlL", literal[len(literal)-1:]):
				faults = append(faults, fmt.Sprintf("%s:%d: %s has a type of its own", file, i+1, literal))
			case strings.ContainsAny(literal, ".ep") && before == "":
				faults = append(faults, fmt.Sprintf("%s:%d: no cast before %s", file, i+1, literal))
			}
		}
	}
	return faults
}

// bodiesApart are kernels whose body is other code in some language, and why.
var bodiesApart = map[string]string{
	"abs":   "OpenCL has abs for integers",
	"cast":  "OpenCL has a conversion that rounds towards 0; Metal has no f64",
	"rsqrt": "OpenCL has rsqrt",
	"sum":   "C has typedefs of structs",
	"prod":  "OpenCL has frexp and ldexp",
}

// A body reads the same in every language.
func TestBodiesAreTheSameInEveryLanguage(t *testing.T) {
	comments := regexp.MustCompile(`(?m)^//.*\n|\s*//.*`)
	for _, k := range load(t).Kernels() {
		if k.Body == kernels.NoBody {
			continue
		}
		code := func(language string) string {
			source, err := kernels.Embedded().Source(language, &kernels.Kernel{Name: k.Name})
			require.NoError(t, err)
			return strings.TrimSpace(comments.ReplaceAllString(source.Files[len(source.Files)-1].Text, ""))
		}
		same := code("opencl") == code("cuda") && code("cuda") == code("metal")
		require.Equal(t, bodiesApart[k.Name] == "", same, "%s:\n%s\n%s\n%s", k.Name, code("opencl"), code("cuda"), code("metal"))
	}
}
