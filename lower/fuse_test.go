package lower

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/internal/drawtest"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/lower/place"
)

// fusing makes the devices but the host compile kernels.
func fusing(o Options) Options {
	o.Targets = slices.Clone(o.Targets)
	for i := 1; i < len(o.Targets); i++ {
		o.Targets[i].Language, o.Targets[i].Fuses = "opencl", true
	}
	return o
}

// drawOptions draws a default device, and whether there are fused kernels.
func drawOptions(t *rapid.T) Options {
	o := options(t, rapid.IntRange(0, 2).Draw(t, "default"))
	if rapid.Bool().Draw(t, "fused") {
		o = fusing(o)
	}
	switch rapid.IntRange(0, 3).Draw(t, "unified") {
	case 0:
		o = sharing(o)
	case 1: // the second device
		o = sharing(o)
		o.Targets[1], o.Targets[2] = o.Targets[2], o.Targets[1]
	}
	return o
}

// partsOf names the parts of what a state becomes; "" if it isn't fused.
func (p *Plan) partsOf(state string) string { return PartsOf(p.state(state).Next).String() }

func TestAnUpdateIsOneKernelThatWritesTheHome(t *testing.T) {
	b := newProgram()
	w, g := b.param("w", 4, 3), b.op("uniform", 0.0, 1.0, []any{4, 3}, "f32", b.step.Read, 1)
	w.Next = b.op("sub", w.Read, b.op("mul", g, 0.1))
	p := b.plan(t, fusing(options(t, 1)))
	require.Equal(t, "mul sub", p.partsOf("w"))
	require.Equal(t, InPlace, p.Value(p.state("w").Next).Storage)
	require.Equal(t, 1, p.Applied["fuse"])
	require.EqualValues(t, 3, p.kernelsPerStep(), "random numbers, the update, the counter")
}

func TestAReductionEndsAFusedKernel(t *testing.T) {
	b := newProgram()
	x := b.op("uniform", 0.0, 1.0, []any{8, 3}, "f32", b.step.Read, 1)
	m := b.param("m", 3)
	m.Next = b.op("tanh", b.op("sum", b.op("square", b.op("sub", x, m.Read)), 0))
	p := b.plan(t, fusing(options(t, 1)))
	sum := p.state("m").Next.Inputs[0]
	require.Equal(t, "sub square sum", PartsOf(sum).String())
	require.Equal(t, []int{8, 3}, p.Value(sum).Kernel.Fused().Reduced)
	require.Equal(t, "tanh", p.state("m").Next.Op.Name, "what comes after a reduction is another kernel's")
}

// What a kernel can have as a part, and what it can't: each case is what a state
// becomes, with the parts that it is to have.
func TestOnlyWhatIsComputedForANodeAloneIsItsPart(t *testing.T) {
	for name, c := range map[string]struct {
		next func(b *program, s *ir.State, x *ir.Node) *ir.Node
		want string
	}{
		"a chain": {func(b *program, s *ir.State, x *ir.Node) *ir.Node { return b.op("tanh", b.op("neg", b.op("exp", x))) }, "exp neg tanh"},
		"a diamond": {func(b *program, s *ir.State, x *ir.Node) *ir.Node {
			e := b.op("exp", x)
			return b.op("mul", e, b.op("tanh", e))
		}, "exp tanh mul"},
		"twice":      {func(b *program, s *ir.State, x *ir.Node) *ir.Node { e := b.op("exp", x); return b.op("pow", e, e) }, "exp pow"},
		"other ways": {func(b *program, s *ir.State, x *ir.Node) *ir.Node { return b.op("tanh", b.op("flip", x, 0)) }, ""},
		"another size": {func(b *program, s *ir.State, x *ir.Node) *ir.Node {
			return b.op("tanh", b.op("add", x, b.op("exp", b.op("slice", x, 0, 0, 1))))
		}, "add tanh"},
		"another user": {func(b *program, s *ir.State, x *ir.Node) *ir.Node {
			e := b.op("exp", x)
			b.param("other", 6).Next = b.op("flip", e, 0)
			return b.op("tanh", e)
		}, ""},
		"another state's": {func(b *program, s *ir.State, x *ir.Node) *ir.Node {
			e := b.op("exp", x)
			b.param("other", 6).Next = e
			return b.op("tanh", e)
		}, ""},
		"frozen": {func(b *program, s *ir.State, x *ir.Node) *ir.Node {
			return b.op("mul", x, b.op("exp", b.op("neg", b.param("frozen", 6).Read)))
		}, ""},
		"frozen together": {func(b *program, s *ir.State, x *ir.Node) *ir.Node {
			return b.op("exp", b.op("neg", b.param("frozen", 6).Read))
		}, "neg exp"},
		"elsewhere": {func(b *program, s *ir.State, x *ir.Node) *ir.Node {
			return b.op("tanh", b.on("sim:1", "exp", x))
		}, ""},
		"on the host": {func(b *program, s *ir.State, x *ir.Node) *ir.Node {
			s.Device = "cpu"
			return b.on("cpu", "tanh", b.on("cpu", "exp", x))
		}, ""},
		"dtypes": {func(b *program, s *ir.State, x *ir.Node) *ir.Node {
			return b.op("where", b.op("lt", x, 0.5), b.op("cast", b.op("cast", x, "f16"), "f32"), s.Read)
		}, "lt cast cast where"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newProgram()
			s := b.param("s", 6)
			s.Next = c.next(b, s, b.op("uniform", 0.0, 1.0, []any{6}, "f32", b.step.Read, 1))
			require.Equal(t, c.want, b.plan(t, fusing(options(t, 1))).partsOf("s"))
		})
	}
}

// An input of the model changes for every question, its parameters don't.
func TestInputAndParameterNodesAreNotFused(t *testing.T) {
	b := newProgram()
	x := b.NewState("x", ir.InputState, ir.Type{DType: ir.F32, Shape: ir.Shape{4}})
	w := b.param("w", 4)
	b.output("y", b.op("tanh", b.op("mul", x.Read, b.op("exp", w.Read))))
	p := b.plan(t, fusing(options(t, 1)))
	require.Equal(t, "mul tanh", PartsOf(p.named("y")).String())
	require.Equal(t, 1, p.count("exp"))
}

func TestNothingIsFusedIfDisabledOrUnsupported(t *testing.T) {
	b := newProgram()
	s := b.param("s", 6)
	s.Next = b.op("tanh", b.op("exp", s.Read))
	o := fusing(options(t, 1))
	require.Equal(t, "exp tanh", b.plan(t, o).partsOf("s"))
	o.NoFuse = true
	require.Empty(t, b.plan(t, o).partsOf("s"))
	require.Empty(t, b.plan(t, options(t, 1)).partsOf("s"), "the device compiles nothing")
}

func TestAFusedNodeCanBeReadAndStepsDoNotRunIt(t *testing.T) {
	b := newProgram()
	s := b.param("s", 6)
	h := b.op("exp", b.op("neg", s.Read))
	h.Name, h.Path = "h", "h"
	y := b.output("y", b.op("sqrt", h))
	s.Next = b.op("tanh", y)
	p := b.plan(t, fusing(options(t, 1)))
	require.Equal(t, "neg exp sqrt tanh", p.partsOf("s"))
	perStep := place.PerStep(p.Graph)
	for name, parts := range map[string]string{"h": "", "y": "neg exp sqrt"} {
		n := p.named(name)
		require.NotNil(t, n, name)
		require.Equal(t, name, n.Name)
		require.Equal(t, parts, PartsOf(n).String())
		require.False(t, perStep[n.ID], "a step runs %s", name)
	}
}

func TestAFusedKernelHasLimits(t *testing.T) {
	b := newProgram()
	chain, sum := b.param("chain", 4), b.param("sum", 4)
	n := chain.Read
	for range 100 {
		n = b.op("tanh", n)
	}
	chain.Next = n
	n = sum.Read
	for i := range 40 {
		n = b.op("add", n, b.op("uniform", 0.0, 1.0, []any{4}, "f32", b.step.Read, i))
	}
	sum.Next = n
	p := b.plan(t, fusing(options(t, 1)))
	for _, n := range p.Graph.Nodes {
		require.LessOrEqual(t, len(PartsOf(n)), kernels.MaxParts)
		if PartsOf(n) != nil {
			require.LessOrEqual(t, len(n.Inputs), kernels.MaxInputs)
		}
	}
	require.Equal(t, (100+kernels.MaxParts-1)/kernels.MaxParts+(40+kernels.MaxInputs-2)/(kernels.MaxInputs-1), p.count("fused"))
}

// fused describes what has been fused, whatever the order of the nodes.
func fused(p *Plan) (all []string) {
	for i, n := range p.Graph.Nodes {
		if v := p.Values[i]; v.Kernel != nil {
			all = append(all, fmt.Sprint(n.Name, v.Kernel.Name, n.Type, n.Space, PartsOf(n)))
		}
	}
	slices.Sort(all)
	return all
}

func TestFusionDoesNotDependOnTheOrderOfNodes(t *testing.T) {
	most := 0
	drawtest.Until(t, func() bool { return most > 1 }, "no program has two fused nodes", func(t *rapid.T) {
		b := drawProgram(t)
		o := fusing(options(t, rapid.IntRange(0, 2).Draw(t, "default")))
		first := b.plan(t, o)
		most = max(most, first.count("fused"))
		for o.Shuffle = range int64(3) {
			require.Equal(t, fused(first), fused(b.plan(t, o)))
		}
	})
}

// Every part has one place: its value is computed by its node and by no other,
// but for what can be asked for.
func TestStepsComputeNothingTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawProgram(t)
		o := options(t, rapid.IntRange(0, 2).Draw(t, "default"))
		count := func(p *Plan) (sum int) {
			perStep := place.PerStep(p.Graph)
			for _, n := range p.Graph.Nodes {
				if perStep[n.ID] && p.Value(n).Kernel != nil {
					sum += max(1, len(PartsOf(n)))
				}
			}
			return sum
		}
		require.Equal(t, count(b.plan(t, o)), count(b.plan(t, fusing(o))))
	})
}

func TestTheVerifierKnowsFusedNodes(t *testing.T) {
	for _, c := range []struct {
		name  string
		wrong func(p *Plan)
		want  string
	}{
		{"another kernel", func(p *Plan) { p.Value(p.state("s").Next).Kernel, _ = kernelNamed("tanh") }, "is fused, or its kernel is, but not both"},
		{"a part too few", func(p *Plan) { n := p.state("s").Next; n.Attrs = []any{PartsOf(n)[1:]} }, "reads neither an operand nor an earlier part"},
		{"an operand too many", func(p *Plan) { n := p.state("s").Next; n.Inputs = append(n.Inputs, n.Inputs[0]) }, "has 2 parts and 2 operands, its kernel 2 and 1"},
		{"a part of another type", func(p *Plan) { PartsOf(p.state("s").Next)[0].Type.DType = ir.F64 }, "its part exp is f64[6], but its op gives f32[6]"},
		{"a part elsewhere", func(p *Plan) { PartsOf(p.state("s").Next)[0].Space = 2 }, "has the part exp of space 2"},
		{"a device without fused kernels", func(p *Plan) { p.Targets[1].Fuses = false }, "which has no fused kernels"},
		{"another part", func(p *Plan) { PartsOf(p.state("s").Next)[0].Op = ir.LookupOp("log") }, "has the part log, for which its kernel has exp"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newProgram()
			s := b.param("s", 6)
			s.Next = b.op("tanh", b.op("exp", s.Read))
			o := fusing(options(t, 1))
			o.Observe = func(pass string, p *Plan) error {
				if pass == "fuse" {
					c.wrong(p)
					return verify(p, Passes[:1+passNumber(pass)])
				}
				return nil
			}
			_, err := Lower(b.Graph, o)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func kernelNamed(name string) (*kernels.Kernel, error) {
	m, err := kernels.Load()
	if err != nil {
		return nil, err
	}
	return m.Kernel(name), nil
}
