package kernels

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Op is what Check needs to know about an op.
type Op struct {
	Name string
	// Decomposed ops are replaced by others where they have no kernel.
	Decomposed bool
	// Calls are the dtypes that kernels must serve.
	Calls []OpCall
}

// OpCall are the dtypes of an op's operands and of its result.
type OpCall struct {
	Inputs []string
	Output string
}

// Check compares the manifest with the language's ops and the kernels' sources: each
// op has a kernel for each of its calls, or a decomposition; each kernel serves ops
// that exist; every expression compiles; each kernel has a source in every language of its,
// whose entry point has the manifest's parameters; and every file of an overlay is
// used. The error joins all problems.
func (m *Manifest) Check(sources *Sources, ops []Op) error {
	_, problems := m.overlaid(sources)
	problems = append(problems, m.checkOps(ops)...)
	for _, k := range m.Kernels() {
		problems = append(problems, k.checkExpressions()...)
		for _, language := range Languages {
			if k.In(language) {
				problems = append(problems, k.checkSource(sources, language))
			}
		}
	}
	return errors.Join(problems...)
}

func (m *Manifest) checkOps(ops []Op) (problems []error) {
	for _, op := range ops {
		if op.Decomposed {
			continue
		}
		if len(m.byOp[op.Name]) == 0 {
			problems = append(problems, fmt.Errorf("op %s has neither a kernel nor a decomposition", op.Name))
			continue
		}
		for _, c := range op.Calls {
			if m.Find(op.Name, c.Inputs, c.Output) == nil {
				problems = append(problems, fmt.Errorf("op %s of %v → %s has no kernel; those of its name serve other dtypes", op.Name, c.Inputs, c.Output))
			}
		}
	}
	for _, e := range m.entries {
		for _, served := range e.ops {
			if !slices.ContainsFunc(ops, func(op Op) bool { return op.Name == served }) {
				problems = append(problems, fmt.Errorf("kernel %s implements %s, which is not an op", e.name, served))
			}
		}
	}
	return problems
}

// checkExpressions compiles a kernel's expressions, and rejects scalars that can't be
// passed to sources.
func (k *Kernel) checkExpressions() (problems []error) {
	all := slices.Concat(k.Scalars, k.Sizes, k.Grid.Items, []Scalar{k.Grid.Launches})
	for _, v := range k.variants {
		all = slices.Concat(all, v.kernel.Sizes, v.kernel.Grid.Items)
	}
	for _, s := range all {
		if s.program == nil {
			continue
		}
		if _, err := compileText(s.program.text); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", s.program.where, err))
		}
	}
	for _, s := range k.Scalars {
		follows := slices.ContainsFunc(k.ties, func(t tie) bool { return t.variable == k.Output.DType && t.of == "T" })
		if (s.Type == "float" || s.Type == "number") && k.Output.DType != "T" && !follows {
			problems = append(problems, fmt.Errorf("kernel %s: the scalar %s is of type %s, which sources take in the type of T; the output must be T, not %s",
				k.Name, s.Name, s.Type, k.Output.DType))
		}
	}
	return problems
}

// CheckOverlay checks the files that override built-in sources: each must be a
// kernel's, with the parameters of the manifest, or override a built-in header or
// template. It doesn't read the built-in files, so it is cheap enough for every start.
func (m *Manifest) CheckOverlay(s *Sources) error {
	found, problems := m.overlaid(s)
	for _, f := range found {
		problems = append(problems, f.kernel.checkSource(s, f.language))
	}
	return errors.Join(problems...)
}

// overlaidSource is a kernel whose source an overlay overrides.
type overlaidSource struct {
	kernel   *Kernel
	language string
}

// overlaid finds the kernels that overlays override, and files that are never used.
func (m *Manifest) overlaid(s *Sources) (found []overlaidSource, problems []error) {
	for _, l := range s.layers[:len(s.layers)-1] {
		known := false
		for _, folder := range append([]string{"common"}, Languages...) {
			files, err := fs.ReadDir(l.files, folder)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				problems = append(problems, fmt.Errorf("kernels: %w", err))
			}
			known = true
			for _, f := range files {
				name := strings.TrimSuffix(f.Name(), path.Ext(f.Name()))
				switch k, language := m.Kernel(name), languages[folder]; {
				case k != nil && k.In(folder) && language != nil && language.path(name) == folder+"/"+f.Name():
					found = append(found, overlaidSource{k, folder})
				case s.isBuiltIn(folder + "/" + f.Name()): // a header, or a template
				default:
					problems = append(problems, fmt.Errorf("%s/%s/%s is never used: there is no kernel of this name (flowrun kernels lists them)",
						l.name, folder, f.Name()))
				}
			}
		}
		if !known {
			problems = append(problems, fmt.Errorf("%s has no folder %s: sources belong in a folder named after their language", l.name, strings.Join(Languages, " or ")))
		}
	}
	return found, problems
}
