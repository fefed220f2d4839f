package kit

import (
	"math"
	"math/bits"

	"github.com/flowrun/flowrun/ir"
)

// Random numbers are counter-based: Philox 4x32-10 (Salmon, Moraes, Dror and
// Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011). What element i
// of a node with key k draws at step t depends on i, k and t alone: it is word
// i mod 4 of the block with counter (i/4, t) and key k, each 64 bits wide, low
// half first.

// Philox gives the block of four random words of a counter and a key.
func Philox(counter [4]uint32, key [2]uint32) [4]uint32 {
	for range 10 {
		h0, l0 := bits.Mul32(0xD2511F53, counter[0])
		h1, l1 := bits.Mul32(0xCD9E8D57, counter[2])
		counter = [4]uint32{h1 ^ counter[1] ^ key[0], l1, h0 ^ counter[3] ^ key[1], l0}
		key[0] += 0x9E3779B9
		key[1] += 0xBB67AE85
	}
	return counter
}

// Draws is the stream of a node at a step.
type Draws struct{ key, step uint64 }

func DrawsOf(n *ir.Node, in []*ir.Array) Draws {
	return Draws{key: uint64(n.Int("key")), step: uint64(in[0].I[0])}
}

// WordOf is the random word of element i for a key at a step.
func WordOf(key, step uint64, i int) uint32 { return Draws{key, step}.Word(i) }

// Word is the random word of element i.
func (d Draws) Word(i int) uint32 { return d.block(i / 4)[i%4] }

func (d Draws) block(i int) [4]uint32 {
	return Philox(
		[4]uint32{uint32(i), uint32(uint64(i) >> 32), uint32(d.step), uint32(d.step >> 32)},
		[2]uint32{uint32(d.key), uint32(d.key >> 32)})
}

// Unit is a word as a number from 0 up to, not including, 1: a multiple of
// 2^-24, exact in f32.
func Unit(word uint32) float64 { return float64(word>>8) * 0x1p-24 }

// NormalPair gives elements i and i+1, i even, of a standard normal, by the
// method of Box and Muller.
func (d Draws) NormalPair(i int) (float64, float64) {
	words := d.block(i / 4)
	u, v := words[i%4], words[i%4+1]
	r := math.Sqrt(-2 * math.Log(Unit(u)+0x1p-24)) // never the logarithm of 0
	sin, cos := math.Sincos(2 * math.Pi * Unit(v))
	return r * cos, r * sin
}

// ParamsRandom are the parameters of a random op after its own.
func ParamsRandom(d ir.DType, own ...ir.Param) []ir.Param {
	return append(own,
		ir.Param{Name: "shape", Kind: ir.KInts, Optional: true, Doc: "the shape of the result; may be left out where it follows from the context"},
		DtypeOr(d),
		ir.Param{Name: "step", Kind: ir.KTensor, Hidden: true, Doc: "the step counter, i64[]"},
		ir.Param{Name: "key", Kind: ir.KInt, Hidden: true, Doc: "the node's key"},
	)
}

// InferRandom is the common part of the type rules of random ops.
func InferRandom(n *ir.Node) (ir.Type, error) {
	if n.Attr("shape") == nil {
		return ir.Type{}, Refuse("shape", "add it: "+n.Op.Name+"(…, shape=[2, 3])", "the argument shape is missing")
	}
	if step := n.Inputs[0].Type; !step.Equal(ir.Scalar(ir.I64)) {
		return ir.Type{}, ir.Argf("step", "the step counter must be i64[], got %s", step)
	}
	return ir.Type{DType: n.Attr("dtype").(ir.DType), Shape: n.Ints("shape")}, nil
}

// InferRandomFloat is the type rule of uniform and normal.
func InferRandomFloat(n *ir.Node) (ir.Type, error) {
	t, err := InferRandom(n)
	if err == nil && !t.DType.IsFloat() {
		err = Refuse("dtype", "use randint for integers", "%s produces floats, not %s", n.Op.Name, t.DType)
	}
	return t, err
}

// Rounded brings a draw into its dtype: kernels compute it in f32, except f64.
func Rounded(d ir.DType, v float64) float64 {
	t := ir.ScalarTensor(d, v)
	return t.Float(0)
}
