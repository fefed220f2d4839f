package rewrite

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/kernels/cpu"
)

// anyPlace is a graph in which everything is in one place and used once.
type anyPlace struct{}

func (anyPlace) Together(_, _ *ir.Node) bool { return true }
func (anyPlace) Uses(*ir.Node) int           { return 1 }

// What every rewrite is tried on.
const (
	wantedProofs = 60     // occurrences of its pattern with values in them
	mostTries    = 200000 // random graphs to find them in
)

// prove looks for random occurrences of a rewrite's pattern and compares both sides
// on the CPU's kernels. It gives the number of occurrences.
func prove(r *Rewrite, manifest *kernels.Manifest, seed uint64, wanted int) (int, error) {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), moderate: r.Rounding}
	m := NewMatch(anyPlace{})
	proofs := 0
	for range mostTries {
		if proofs == wanted {
			break
		}
		left := g.occurrence(r)
		if left == nil || !m.Find(r, left) {
			continue
		}
		right, err := r.result(m, g.b)
		if err != nil {
			return proofs, fmt.Errorf("%s can't be replaced: %w", describe(left), err)
		}
		to := right.(*ir.Node)
		if !to.Type.Equal(left.Type) {
			return proofs, fmt.Errorf("%s is %s, its replacement %s", describe(left), left.Type, to.Type)
		}
		run := &runner{manifest, g.values, map[*ir.Node]*ir.Tensor{}}
		want, err := run.value(left)
		if err != nil {
			return proofs, err
		}
		got, err := run.value(to)
		if err != nil {
			return proofs, err
		}
		if want.Type.Shape.Numel() > 0 {
			proofs++
		}
		var terms *ir.Tensor // the sums of their terms' magnitudes
		if r.Order {
			if terms, err = (&runner{manifest, magnitudes(g.values), map[*ir.Node]*ir.Tensor{}}).value(left); err != nil {
				return proofs, err
			}
		}
		for i := range want.Type.Shape.Numel() {
			if !agree(r, want, got, terms, i) {
				return proofs, fmt.Errorf("%s gives %s, its replacement %s gives %s (element %d)",
					describe(left), want, describe(to), got, i)
			}
		}
	}
	return proofs, nil
}

// agree compares an element: bit by bit, NaNs with NaNs, or as the rewrite's tag
// says.
func agree(r *Rewrite, want, got, terms *ir.Tensor, i int) bool {
	size := want.Type.DType.Size()
	if string(want.Data[i*size:(i+1)*size]) == string(got.Data[i*size:(i+1)*size]) {
		return true
	}
	if !want.Type.DType.IsFloat() {
		return false
	}
	a, b := want.Float(i), got.Float(i)
	if math.IsNaN(a) || math.IsNaN(b) {
		return math.IsNaN(a) && math.IsNaN(b)
	}
	if r.Order {
		// Each side rounds as often as a sum has terms, of which the proofs' have few.
		return math.Abs(a-b) <= 8*ulp(want.Type.DType, terms.Float(i))
	}
	return r.Rounding && math.Abs(a-b) <= r.ULPs*ulp(want.Type.DType, a)
}

// magnitudes gives the absolute values of states.
func magnitudes(states map[*ir.Node]*ir.Tensor) map[*ir.Node]*ir.Tensor {
	all := map[*ir.Node]*ir.Tensor{}
	for n, v := range states {
		size := make([]float64, v.Type.Shape.Numel())
		for i := range size {
			size[i] = math.Abs(v.Float(i))
		}
		all[n] = ir.FromFloat64(v.Type.DType, v.Type.Shape, size)
	}
	return all
}

// ulp is the distance between neighbouring numbers of a dtype around v.
func ulp(d ir.DType, v float64) float64 {
	digits := map[ir.DType]int{ir.F16: 11, ir.BF16: 8, ir.F32: 24, ir.F64: 53}[d]
	low, _ := normalRange(d)
	_, exp := math.Frexp(max(math.Abs(v), low))
	return math.Ldexp(1, exp-digits)
}

// runner evaluates nodes with the CPU's kernels.
type runner struct {
	manifest *kernels.Manifest
	states   map[*ir.Node]*ir.Tensor
	known    map[*ir.Node]*ir.Tensor
}

func (r *runner) value(n *ir.Node) (*ir.Tensor, error) {
	if v := r.states[n]; v != nil {
		return v, nil
	}
	if v := r.known[n]; v != nil {
		return v, nil
	}
	v, err := r.compute(n)
	r.known[n] = v
	return v, err
}

func (r *runner) compute(n *ir.Node) (*ir.Tensor, error) {
	switch {
	case n.Op == ir.ConstOp:
		return n.Attr("value").(*ir.Tensor), nil
	case n.Op.Decompose != nil:
		b := ir.NewBuilder(&ir.Graph{})
		simpler := n.Op.Decompose(b, n)
		if b.Err() != nil {
			return nil, b.Err()
		}
		return r.value(simpler)
	}
	var args cpu.Args
	var dtypes []string
	var shapes [][]int
	for _, in := range n.Inputs {
		v, err := r.value(in)
		if err != nil {
			return nil, err
		}
		args.Inputs = append(args.Inputs, buffer(v))
		dtypes = append(dtypes, v.Type.DType.String())
		shapes = append(shapes, v.Type.Shape)
	}
	out := ir.NewTensor(n.Type)
	args.Output = buffer(out)
	k := r.manifest.Find(n.Op.Name, dtypes, n.Type.DType.String())
	if k == nil || cpu.Lookup(k.Name) == nil {
		return nil, fmt.Errorf("no kernel for %s", describe(n))
	}
	var err error
	if args.Scalars, err = k.EvalScalars(n.LookupAttr, shapes, n.Type.Shape); err != nil {
		return nil, err
	}
	run, err := cpu.Lookup(k.Name)(args)
	if err != nil {
		return nil, err
	}
	run()
	return out, nil
}

func buffer(t *ir.Tensor) cpu.Buffer {
	return cpu.Buffer{Data: t.Data, DType: t.Type.DType.String(), Shape: t.Type.Shape}
}

// describe writes a node with its operands.
func describe(n *ir.Node) string {
	text := n.Call() + " " + n.Type.String()
	for _, in := range n.Inputs {
		text += fmt.Sprintf("; %%%d = %s %s", in.ID, in.Call(), in.Type)
	}
	return text
}

func mustLoad(t testing.TB) *kernels.Manifest {
	t.Helper()
	m, err := kernels.Load()
	require.NoError(t, err)
	return m
}

func TestBothSidesOfEveryRewriteComputeTheSame(t *testing.T) {
	set, err := Default()
	require.NoError(t, err)
	manifest := mustLoad(t)
	for i, r := range set.Rewrites {
		proofs, err := prove(r, manifest, uint64(i), wantedProofs)
		if err != nil {
			t.Errorf("%s:%d: rewrite %s (%s): %v", r.File, r.Line, r.Name, r.root.Name, err)
		} else if proofs < wantedProofs {
			t.Errorf("%s:%d: rewrite %s (%s): only %d occurrences were found", r.File, r.Line, r.Name, r.root.Name, proofs)
		}
	}
}

func TestAWrongRewriteIsCaughtByItsProof(t *testing.T) {
	manifest := mustLoad(t)
	for _, c := range []struct{ rewrite, caught string }{
		{"wrong: a + b * -1 => b - a", "its replacement"},
		{"wrong: x + 0 => x", "its replacement"}, // -0.0 + 0 is 0.0
		{"wrong: x * 0 => full(shape(out), 0, dtype(out))", "its replacement"},
		{"wrong: not (x < y) => x >= y", "its replacement"},
		{"wrong: x / x => full(shape(out), 1, dtype(out))", "its replacement"},
		{"wrong: reciprocal(sqrt(x)) => rsqrt(x)", "its replacement"},
		{"wrong [rounding 1]: x ** 0.5 => sqrt(x)", "its replacement"}, // of an infinity
		{"wrong: cast(cast(x, d), e) => cast(x, e)", "its replacement"},
		{"wrong: matmul(a, permute(b, p), transpose_b=u) => matmul(a, b, transpose_b=not u)", "can't be replaced"},
		{"wrong: permute(permute(x, p), q) => permute(x, compose(q, p))", "its replacement"},
		{"wrong: not (not x) => x", "is bool"},
		{"wrong: sum(x, _, _) => x", "is "},
		{"wrong: f(broadcast_to(x, _)) => f(x) for f in neg", "is "},
	} {
		rewrites, err := Parse("test.rewrites", c.rewrite)
		require.NoError(t, err, c.rewrite)
		_, err = prove(rewrites[0], manifest, 1, 5*wantedProofs)
		require.ErrorContains(t, err, c.caught, c.rewrite)
	}
}

func TestRewrittenLargeProductsSumInTheSameOrder(t *testing.T) {
	// Products of this size take the kernel's path through packed panels; the
	// proofs above are small.
	set, err := Default()
	require.NoError(t, err)
	g := &generator{Rand: rand.New(rand.NewPCG(1, 1)), moderate: true}
	tried := 0
	for _, r := range set.Rewrites {
		if r.File != "matmul.rewrites" {
			continue
		}
		for _, flags := range [][]any{{false, false}, {false, true}, {true, false}, {true, true}} {
			g.b, g.values = ir.NewBuilder(&ir.Graph{}), map[*ir.Node]*ir.Tensor{}
			leaf := func(name string) *ir.Node {
				s := g.b.NewState(name, ir.ParamState, ir.Type{DType: ir.F32, Shape: ir.Shape{70, 70}})
				v := make([]float32, 70*70)
				for i := range v {
					v[i] = float32(g.NormFloat64())
				}
				g.values[s.Read] = ir.FromFloat32(ir.Shape{70, 70}, v)
				return s.Read
			}
			swapped := func(x *ir.Node) *ir.Node {
				op := ir.LookupOp("transpose")
				if r.root.Name == "permute" || r.Name == "permute-left" || r.Name == "permute-right" {
					return g.b.Apply(ir.LookupOp("permute"), x, []any{1, 0})
				}
				return g.b.Apply(op, x)
			}
			a, b := leaf("a"), leaf("b")
			matmul := func(a, b *ir.Node) *ir.Node { return g.b.Apply(ir.LookupOp("matmul"), a, b, flags[0], flags[1]) }
			var left *ir.Node
			switch r.Name {
			case "transpose-left", "permute-left":
				left = matmul(swapped(a), b)
			case "transpose-right", "permute-right":
				left = matmul(a, swapped(b))
			default:
				left = swapped(matmul(a, b))
			}
			require.NoError(t, g.b.Err())
			m := NewMatch(anyPlace{})
			require.True(t, m.Find(r, left), r.Name)
			right, ok := m.Build(g.b)
			require.True(t, ok, r.Name)
			run := &runner{mustLoad(t), g.values, map[*ir.Node]*ir.Tensor{}}
			want, err := run.value(left)
			require.NoError(t, err)
			got, err := run.value(right)
			require.NoError(t, err)
			require.Equal(t, want, got, r.Name)
			tried++
		}
	}
	require.Equal(t, 6*4, tried)
}
