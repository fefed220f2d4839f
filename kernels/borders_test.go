package kernels_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/kernels"
)

// A kernel goes another way where a size passes one of its own constants, or a
// product of two: a line that no longer fits the registers of a team, a block that
// begins anew, a tail that is left. The constants are read from what the kernel is
// made of, so that a changed one changes the sizes that are tried.

// largestBorder is the largest size that is tried: it leaves the emulator's share of
// the tests below a minute, and is beyond the longest line that any kernel treats in
// a way of its own.
const largestBorder = 5000

// shares is among how many kernels the common borders are shared out.
const shares = 8

// A kernel's results are right on either side of each of its borders.
func TestKernelsAreRightAtTheirOwnBorders(t *testing.T) {
	for _, d := range devices(t) {
		if runsOtherwise(d) {
			continue
		}
		t.Run(d.Name(), func(t *testing.T) {
			for i, k := range load(t).Kernels() {
				if !matters(t, d, k) {
					continue
				}
				t.Run(k.Name, func(t *testing.T) { atBorders(t, d, k, i) })
			}
		})
	}
}

// atBorders draws a case for each of a kernel's borders, with the border for the size
// that matters most: of the line that is reduced, of any dimension of an elementwise
// operand. Elementwise kernels, of which there are some fifty, have borders in common,
// those of what they all call; each of them tries a share.
func atBorders(t *testing.T, d device.Device, k *kernels.Kernel, number int) {
	choices := typesOn(d, k)
	for i, border := range bordersOf(t, d.Info().Kind, k) {
		if k.Body == kernels.MapBody && i%shares != number%shares {
			continue
		}
		draw := rapid.Custom(func(rt *rapid.T) opCase { return drawing{T: rt, border: border}.of(k.Ops[0]) })
		for seed := range drawsAt(k, border) {
			n, arrays := nodeOf(t, k, k.Ops[0], choices[(border+seed)%len(choices)], draw.Example(border+seed*largestBorder))
			if wrong := difference(d, n, arrays, n.Op.Reference(n, arrays), launch(t, d, k, n, arrays)); wrong != "" {
				t.Errorf("at the border %d: %s", border, wrong)
			}
		}
	}
}

// drawsAt is how many cases are drawn for a border: of what works on lines more, which
// may lie in several ways, and hold what stands out in several places, most of all in
// the longest.
func drawsAt(k *kernels.Kernel, border int) int {
	team := slices.ContainsFunc(k.Sizes, func(s kernels.Scalar) bool { return strings.Contains(s.Expr, "team_of") })
	switch {
	case team && border == largestBorder:
		return 10
	case team:
		return 3
	}
	return 1
}

// bordersOf lists the sizes beside a kernel's constants, and beside the products of
// any two of them; the last is beyond them all.
func bordersOf(t *testing.T, language string, k *kernels.Kernel) []int {
	t.Helper()
	constants := constantsOfGoKernel(t, k.Name)
	if slices.Contains(kernels.Languages, language) {
		constants = constantsInSources(t, language, k.For(language))
	}
	sizes := map[int]bool{largestBorder: true}
	for i, a := range constants {
		for _, b := range append(constants[i:], 1) {
			for _, size := range []int{a*b - 1, a * b, a*b + 1} {
				if size <= largestBorder {
					sizes[size] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(sizes))
}

var (
	comments = regexp.MustCompile(`(?s)//[^\n]*|/\*.*?\*/`)
	integers = regexp.MustCompile(`(?:^|[^\w.])(\d+)(?:$|[^\w.])`)
	defined  = regexp.MustCompile(`(?m)^#define\s+\w+\s+(\d+)\s*$`)
)

// constantsInSources are those of a kernel's own file, of the manifest's entry, and
// those that have a name in the files that come before every kernel.
func constantsInSources(t *testing.T, language string, k *kernels.Kernel) []int {
	t.Helper()
	source, err := sourcesToTry(t).Source(language, k)
	require.NoError(t, err)
	var texts []string
	for i, f := range source.Files {
		text := comments.ReplaceAllString(f.Text, "")
		pattern := defined
		if i == len(source.Files)-1 {
			pattern = integers
		}
		for _, found := range pattern.FindAllStringSubmatch(text, -1) {
			texts = append(texts, found[1])
		}
	}
	for _, expr := range append(slices.Clone(k.Sizes), k.Grid.Items...) {
		for _, found := range integers.FindAllStringSubmatch(expr.Expr, -1) {
			texts = append(texts, found[1])
		}
		if strings.Contains(expr.Expr, "team_of") {
			texts = append(texts, constantsOfTeams(t)...)
		}
	}
	for _, n := range k.Grid.Group {
		texts = append(texts, strconv.Itoa(n))
	}
	return borderConstants(texts)
}

// borderConstants are those among some numbers that a size may pass: from 2 to the
// largest group that there is.
func borderConstants(texts []string) []int {
	found := map[int]bool{}
	for _, text := range texts {
		if n, err := strconv.ParseInt(text, 0, 64); err == nil && n > 1 && n <= 1024 {
			found[int(n)] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// constantsOfGoKernel are the integers in the file of a kernel in Go, and the named
// constants of whatever else of its package that calls.
func constantsOfGoKernel(t *testing.T, kernel string) []int {
	t.Helper()
	declared := map[string][]ast.Node{}
	var todo []ast.Node
	own := map[ast.Node]bool{}
	for file, decls := range declarationsIn(t, "cpu") {
		for _, d := range decls {
			if file == kernel+".go" {
				todo = append(todo, d)
				own[d] = true
			}
			for _, name := range namesOf(d) {
				if name != "init" { // nobody calls it
					declared[name] = append(declared[name], d)
				}
			}
		}
	}
	require.NotEmpty(t, todo, kernel)
	var texts []string
	seen := map[ast.Node]bool{}
	for len(todo) > 0 {
		d := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[d] {
			continue
		}
		seen[d] = true
		if g, ok := d.(*ast.GenDecl); own[d] || ok && g.Tok == token.CONST {
			texts = append(texts, integersIn(d)...)
		}
		ast.Inspect(d, func(n ast.Node) bool {
			if n, ok := n.(*ast.Ident); ok {
				todo = append(todo, declared[n.Name]...)
			}
			return true
		})
	}
	return borderConstants(texts)
}

// constantsOfTeams are those of the function that chooses a team's size.
func constantsOfTeams(t *testing.T) (texts []string) {
	t.Helper()
	for _, d := range declarationsIn(t, ".")["functions.go"] {
		if slices.Contains(namesOf(d), "teamOf") {
			texts = append(texts, integersIn(d)...)
		}
	}
	require.NotEmpty(t, texts)
	return texts
}

// declarationsIn reads a folder's Go files, but for tests.
func declarationsIn(t *testing.T, dir string) map[string][]ast.Decl {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	all := map[string][]ast.Decl{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		all[filepath.Base(name)] = parsed.Decls
	}
	return all
}

// integersIn are the integers that a declaration has as literals, and what is computed
// of literals alone, such as 1 << 10.
func integersIn(d ast.Node) (texts []string) {
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			if n.Kind == token.INT {
				texts = append(texts, n.Value)
			}
		case *ast.BinaryExpr:
			if v, err := types.Eval(token.NewFileSet(), nil, token.NoPos, types.ExprString(n)); err == nil && v.Value != nil {
				texts = append(texts, v.Value.String())
			}
		}
		return true
	})
	return texts
}

// namesOf are the names that a declaration makes.
func namesOf(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		return []string{d.Name.Name}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				for _, n := range spec.Names {
					names = append(names, n.Name)
				}
			case *ast.TypeSpec:
				names = append(names, spec.Name.Name)
			}
		}
	}
	return names
}
