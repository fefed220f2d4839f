package kernels_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/kernels"
)

// dag is a drawn graph of elementwise ops, as nodes, and the operands' values.
type dag struct {
	states []*ir.Node
	values []*ir.Array
	nodes  []*ir.Node // of the dtypes and kernels that a recipe can have
}

// dagDTypes are what drawn graphs are made of.
var dagDTypes = []ir.DType{ir.F32, ir.F16, ir.BF16, ir.F64, ir.I32, ir.I64, ir.U8, ir.Bool}

// dagDTypesOf leaves out those that a device lacks.
func dagDTypesOf(lacks []string) []ir.DType {
	return slices.DeleteFunc(slices.Clone(dagDTypes), func(d ir.DType) bool { return slices.Contains(lacks, d.String()) })
}

// drawDAG draws a graph whose nodes all have one shape, of operands that broadcast
// to it, ended by a reduction now and then.
func drawDAG(dtypes []ir.DType) func(t *rapid.T) *dag {
	return func(t *rapid.T) *dag { return drawDAGOf(t, dtypes) }
}

func drawDAGOf(t *rapid.T, dtypes []ir.DType) *dag {
	d := &dag{}
	b := ir.NewBuilder(&ir.Graph{})
	shape := ir.Shape(rapid.SliceOfN(rapid.IntRange(1, 7), 0, 4).Draw(t, "shape"))
	pool := map[ir.DType][]*ir.Node{}
	add := func(n *ir.Node) { pool[n.Type.DType] = append(pool[n.Type.DType], n) }
	for i := range rapid.IntRange(1, 5).Draw(t, "operands") {
		own := slices.Clone(shape)
		if i > 0 { // the first one has the whole shape, so that every node has
			own = own[rapid.IntRange(0, len(own)).Draw(t, "cut"):]
			for j := range own {
				if rapid.IntRange(0, 2).Draw(t, "repeat") == 0 {
					own[j] = 1
				}
			}
		}
		dtype := rapid.SampledFrom(dtypes).Draw(t, "dtype")
		in := seeded(rapid.Uint64().Draw(t, "seed"), own)
		if rapid.IntRange(0, 2).Draw(t, "special") == 0 {
			in = special(own...)
		}
		tensor := in.tensor(dtype)
		n := b.NewState(fmt.Sprint("x", i), ir.ParamState, tensor.Type).Read
		d.states, d.values = append(d.states, n), append(d.values, tensor.Array())
		add(n)
	}
	whole := func(dtype ir.DType) *ir.Node {
		var all []*ir.Node
		for _, n := range pool[dtype] {
			if slices.Equal(n.Type.Shape, shape) {
				all = append(all, n)
			}
		}
		if len(all) == 0 { // made of the last node of another dtype
			from := d.states[0]
			if len(d.nodes) > 0 {
				from = d.nodes[len(d.nodes)-1]
			}
			n := b.Apply(ir.CastOp, from, dtype.String())
			d.nodes = append(d.nodes, n)
			add(n)
			return n
		}
		return all[rapid.IntRange(0, len(all)-1).Draw(t, "value")]
	}
	part := func(dtype ir.DType) *ir.Node {
		return pool[dtype][rapid.IntRange(0, len(pool[dtype])-1).Draw(t, "operand")]
	}
	for range rapid.IntRange(1, 8).Draw(t, "nodes") {
		dtype := rapid.SampledFrom(dtypes).Draw(t, "of")
		x := whole(dtype)
		var n *ir.Node
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0:
			n = b.Apply(ir.CastOp, x, rapid.SampledFrom(dtypes).Draw(t, "to").String())
		case 1:
			n = b.Apply(ir.LookupOp("where"), whole(ir.Bool), x, part(dtype))
		case 2:
			n = b.Apply(ir.LookupOp(rapid.SampledFrom([]string{"lt", "eq", "logical_and"}).Draw(t, "op")), x, part(dtype))
		case 3:
			op := rapid.SampledFrom([]string{"add", "sub", "mul", "maximum", "pow", "div", "remainder"}).Draw(t, "op")
			if dtype == ir.Bool || op == "div" && !dtype.IsFloat() {
				op = "logical_or"
			}
			n = b.Apply(ir.LookupOp(op), part(dtype), x)
		case 4:
			op := rapid.SampledFrom([]string{"neg", "square", "abs"}).Draw(t, "op")
			if dtype == ir.Bool {
				op = "logical_not"
			}
			n = b.Apply(ir.LookupOp(op), x)
		default:
			op := rapid.SampledFrom([]string{"silu", "tanh", "exp", "sqrt", "sigmoid", "elu", "clamp"}).Draw(t, "op")
			switch {
			case op == "elu" && dtype.IsFloat():
				n = b.Apply(ir.LookupOp(op), x, 0.3)
			case op == "clamp" && dtype != ir.Bool || op == "elu" && dtype != ir.Bool:
				n = b.Apply(ir.LookupOp("clamp"), x, -2, 2)
			case dtype.IsFloat():
				n = b.Apply(ir.LookupOp(op), x)
			default:
				n = b.Apply(ir.LookupOp("ne"), x, x)
			}
		}
		require.NoError(t, b.Err())
		d.nodes = append(d.nodes, n)
		add(n)
	}
	if x := d.nodes[len(d.nodes)-1]; rapid.Bool().Draw(t, "reduced") {
		op := rapid.SampledFrom([]string{"sum", "max", "min", "prod", "any", "all"}).Draw(t, "reduction")
		if x.Type.DType == ir.Bool && (op == "max" || op == "min") {
			op = "sum"
		}
		var dims []any
		for i := range shape {
			if rapid.Bool().Draw(t, "dim") {
				dims = append(dims, i)
			}
		}
		if len(dims) > 0 {
			d.nodes = append(d.nodes, b.Apply(ir.LookupOp(op), x, dims))
		}
	}
	require.NoError(t, b.Err())
	return d
}

// kernelOf finds a node's kernel, and its scalars.
func kernelOf(t testing.TB, n *ir.Node) (*kernels.Kernel, []any) {
	t.Helper()
	var dtypes []string
	var shapes [][]int
	for _, in := range n.Inputs {
		dtypes = append(dtypes, in.Type.DType.String())
		shapes = append(shapes, in.Type.Shape)
	}
	k := load(t).Find(n.Op.Name, dtypes, n.Type.DType.String())
	require.NotNil(t, k, "%s of %v", n.Op.Name, dtypes)
	scalars, err := k.EvalScalars(n.LookupAttr, shapes, n.Type.Shape)
	require.NoError(t, err)
	return k, scalars
}

// recipe makes a recipe of the whole graph.
func (d *dag) recipe(t testing.TB) kernels.Recipe {
	t.Helper()
	var r kernels.Recipe
	at := map[*ir.Node]kernels.Operand{}
	for i, n := range d.states {
		r.Inputs = append(r.Inputs, kernels.Input{DType: n.Type.DType.String(), Walk: kernels.WalkOf(n.Type.Shape, d.nodes[0].Type.Shape)})
		at[n] = kernels.Operand{Index: i}
	}
	for i, n := range d.nodes {
		p := kernels.Part{DType: n.Type.DType.String()}
		p.Kernel, p.Scalars = kernelOf(t, n)
		for _, in := range n.Inputs {
			p.Operands = append(p.Operands, at[in])
		}
		if p.Kernel.Body == kernels.ReduceBody {
			r.Reduced = n.Inputs[0].Type.Shape
		}
		r.Parts = append(r.Parts, p)
		at[n] = kernels.Operand{Index: i, Part: true}
	}
	return r
}

// sameBits compares tensors of one type bit by bit, NaNs with NaNs: which of two
// NaNs a sum or a comparison hands on is for each compilation to choose.
func sameBits(a, b *ir.Tensor) bool {
	size := a.Type.DType.Size()
	for i := range a.Type.Shape.Numel() {
		nan := a.Type.DType.IsFloat() && math.IsNaN(a.Float(i)) && math.IsNaN(b.Float(i))
		if at := i * size; !nan && !bytes.Equal(a.Data[at:at+size], b.Data[at:at+size]) {
			return false
		}
	}
	return true
}

// thatMatter are the graphs whose kernels matter on a device.
func thatMatter(t *testing.T, d device.Device, drawn []*dag, all []*kernels.Kernel) (graphs []*dag, fused []*kernels.Kernel) {
	for i, g := range drawn {
		if k, _ := kernelOf(t, g.nodes[len(g.nodes)-1]); matters(t, d, k) {
			graphs, fused = append(graphs, g), append(fused, all[i])
		}
	}
	return graphs, fused
}

// Any graph of elementwise kernels, over any dtypes, shapes and broadcasts, gives
// as one kernel the bits that it gives kernel by kernel. The graphs are the same in
// every run, so that a device's compiler sees each once.
func TestAFusedGraphGivesTheBitsOfItsKernelsOneByOne(t *testing.T) {
	graphs := 60
	if testing.Short() {
		graphs = 10
	}
	for _, d := range fusingDevices(t) {
		t.Run(d.Name(), func(t *testing.T) {
			dtypes := dagDTypesOf(d.Info().Lacks)
			drawn, all := make([]*dag, graphs), make([]*kernels.Kernel, graphs)
			for seed := range graphs {
				drawn[seed] = rapid.Custom(drawDAG(dtypes)).Example(seed)
				var err error
				all[seed], err = kernels.Fuse(drawn[seed].recipe(t))
				require.NoError(t, err)
			}
			drawn, all = thatMatter(t, d, drawn, all)
			if e, ok := d.(*emulated); ok {
				require.NoError(t, e.modules.load(all...))
			}
			for seed, g := range drawn {
				values := map[*ir.Node]*ir.Array{}
				for i, n := range g.states {
					values[n] = g.values[i]
				}
				for _, n := range g.nodes {
					var in []*ir.Array
					for _, x := range n.Inputs {
						in = append(in, values[x])
					}
					k, _ := kernelOf(t, n)
					values[n] = launch(t, d, k, n, in)
				}
				last := *g.nodes[len(g.nodes)-1]
				want := values[g.nodes[len(g.nodes)-1]].Tensor()
				last.Inputs = g.states
				call, free := fusedCall(t, d, all[seed], &last, g.values)
				got := result(t, d, call, last.Type)
				free()
				if !sameBits(want, got) {
					source, _ := kernels.Embedded().Source("opencl", all[seed])
					t.Fatalf("graph %d, %s: want %s, got %s\n%s", seed, all[seed].Name, want, got, source.Text())
				}
			}
		})
	}
}
