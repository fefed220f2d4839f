package kernels

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Recipe says what a fused kernel computes: parts, each of which takes inputs of
// the kernel and results of parts before it. The last part's result is the
// output.
type Recipe struct {
	Inputs []Input
	Parts  []Part
	// Reduced is the shape of the last part's operand where that part is a
	// reduction: the inputs broadcast to it. Without one they broadcast to the
	// output's shape.
	Reduced []int
}

// Input is an input of a fused kernel.
type Input struct {
	DType string
	Walk  Walk
}

// Walk is how an input's elements correspond to those that are computed.
type Walk string

// The walks.
const (
	Whole  Walk = "whole"  // it has as many elements, in the same order
	Single Walk = "single" // it has one element, for all
	Spread Walk = "spread" // it broadcasts in some other way
)

// WalkOf gives the walk of an input of a shape, which broadcasts to what is
// computed.
func WalkOf(input, computed []int) Walk {
	switch Numel(input) {
	case Numel(computed):
		return Whole
	case 1:
		return Single
	}
	return Spread
}

// Part is a kernel at work in a fused one.
type Part struct {
	Kernel   *Kernel
	Operands []Operand
	Scalars  []any  // of Kernel.EvalScalars
	DType    string // of its result
}

// Operand is what a part takes: input i of the fused kernel, or the result of
// part i.
type Operand struct {
	Index int
	Part  bool
}

// Limits of a fused kernel. Every OpenCL device takes 1024 bytes of parameters, other
// devices more; the number of parts is what compilers and registers cope with.
const (
	MaxParts  = 32
	MaxInputs = 12
	MaxRank   = listSize // dimensions of what parts are computed in

	maxParameterBytes = 1024
)

// Fuse makes a kernel that computes what the parts' kernels would compute one
// after the other, to the last bit: each part's result is rounded as if it had
// been stored. Its name and its source depend on the recipe, but not on the values
// of scalars or the reduced shape: kernels of one name have one source.
//
// Parts must have a [Body]; only the last can be a reduction. The error is
// [ErrTooLarge] if the recipe is valid but too large for one kernel.
func Fuse(r Recipe) (*Kernel, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	k := &Kernel{Name: r.name(), fused: &r, Output: Buffer{Name: "out", DType: r.last().DType}}
	k.Doc = "fused: " + r.Kernels()
	for i, in := range r.Inputs {
		k.Inputs = append(k.Inputs, Buffer{Name: inputName(i), DType: in.DType})
		if in.DType == k.Output.DType && in.Walk == Whole && !r.reduces() {
			k.InPlace = append(k.InPlace, inputName(i))
		}
	}
	for i := range r.Parts {
		k.Scalars = append(k.Scalars, r.scalars(i)...)
	}
	k.Grid = Grid{Items: []Scalar{everyElement}, Group: []int{defaultGroup}, Launches: once}
	if r.reduces() {
		k.Scalars = append(k.Scalars, Scalar{Name: "space", Type: "ints", Expr: "space", value: r.Reduced})
		k.reduces("space", r.spread())
	} else {
		k.maps(r.spread())
	}
	if len(r.Parts) > MaxParts || len(r.Inputs) > MaxInputs || k.parameterBytes() > maxParameterBytes ||
		len(r.Reduced) > MaxRank || Numel(r.Reduced) > math.MaxInt32 {
		return nil, ErrTooLarge
	}
	return k, nil
}

// ErrTooLarge reports more inputs, parts or elements than fit one kernel.
var ErrTooLarge = fmt.Errorf("kernels: more than fits one fused kernel (%d parts, %d inputs, %d bytes of parameters, 2^31 - 1 elements)", MaxParts, MaxInputs, maxParameterBytes)

// spread names the inputs with that walk.
func (r *Recipe) spread() (names []string) {
	for i, in := range r.Inputs {
		if in.Walk == Spread {
			names = append(names, inputName(i))
		}
	}
	return names
}

// fits checks that the shapes of a launch match the walks by which the kernel reads
// its inputs.
func (r *Recipe) fits(inputs []Tensor, output Tensor) error {
	computed := output.Shape
	if r.reduces() {
		computed = r.Reduced
	}
	for i, in := range inputs {
		if walk := r.Inputs[i].Walk; walk != Spread && walk != WalkOf(in.Shape, computed) {
			return fmt.Errorf("the input %s of shape %v isn't %s beside %v", inputName(i), in.Shape, walk, computed)
		}
	}
	return nil
}

// Kernels names the parts' kernels in their order.
func (r *Recipe) Kernels() string {
	var names []string
	for _, p := range r.Parts {
		names = append(names, p.Kernel.Name)
	}
	return strings.Join(names, ", ")
}

// Fused gives the recipe of a kernel that Fuse has made; nil for others.
func (k *Kernel) Fused() *Recipe { return k.fused }

func (r *Recipe) last() *Part { return &r.Parts[len(r.Parts)-1] }

func (r *Recipe) reduces() bool { return r.last().Kernel.Body == ReduceBody }

// check validates the parts against their kernels.
func (r *Recipe) check() error {
	if len(r.Parts) == 0 {
		return fmt.Errorf("kernels: a fused kernel needs at least one part")
	}
	for i := range r.Parts {
		p := &r.Parts[i]
		reduces := p.Kernel.Body == ReduceBody
		for _, o := range p.Operands {
			if o.Index < 0 || o.Part && o.Index >= i || !o.Part && o.Index >= len(r.Inputs) {
				return fmt.Errorf("kernels: part %d of a fused kernel (%s) uses a part that doesn't precede it", i, p.Kernel.Name)
			}
		}
		dtypes := r.dtypes(p)
		switch {
		case p.Kernel.Body == NoBody:
			return fmt.Errorf("kernels: the kernel %s can't be fused: it has no body in the manifest", p.Kernel.Name)
		case reduces && (i < len(r.Parts)-1 || len(p.Operands) != 1):
			return fmt.Errorf("kernels: the reduction %s is part %d of a fused kernel of %d; it must be the last", p.Kernel.Name, i, len(r.Parts))
		case !p.Kernel.Serves(dtypes, p.DType):
			return fmt.Errorf("kernels: part %d of a fused kernel: %s doesn't serve %v → %s", i, p.Kernel.Name, dtypes, p.DType)
		case len(p.Scalars) != len(p.Kernel.Scalars):
			return fmt.Errorf("kernels: part %d of a fused kernel: %s takes %d scalars, got %d", i, p.Kernel.Name, len(p.Kernel.Scalars), len(p.Scalars))
		}
	}
	return nil
}

// dtypes are those of a part's operands.
func (r *Recipe) dtypes(p *Part) (dtypes []string) {
	for _, o := range p.Operands {
		if o.Part {
			dtypes = append(dtypes, r.Parts[o.Index].DType)
		} else {
			dtypes = append(dtypes, r.Inputs[o.Index].DType)
		}
	}
	return dtypes
}

// types are what the type variables of a part's kernel stand for.
func (r *Recipe) types(p *Part) map[string]string {
	types, _ := p.Kernel.Bind(r.dtypes(p), p.DType) // check has seen that it serves them
	return types
}

// name makes a name of the parts' kernels, for people, and of a hash of all that
// the source depends on. 48 bits make a collision among a few thousand kernels
// less likely than a bit that flips in memory.
func (r *Recipe) name() string {
	const most = 4
	h := sha256.New()
	fmt.Fprintf(h, "%q\n", r.Inputs)
	var names []string
	for _, p := range r.Parts {
		fmt.Fprintf(h, "%s %v %s\n", p.Kernel.Name, p.Operands, p.DType)
		names = append(names, p.Kernel.Name)
	}
	if len(names) > most {
		names = slices.Concat(names[:most-1], []string{"to"}, names[len(names)-1:])
	}
	return "fused_" + strings.Join(names, "_") + "_" + hex.EncodeToString(h.Sum(nil)[:6])
}

func inputName(i int) string { return fmt.Sprint("x", i) }

// scalars are those of part i, under names of its own. The dims of a reduction
// keep theirs: sizes name them.
func (r *Recipe) scalars(i int) []Scalar {
	p := &r.Parts[i]
	t := r.types(p)["T"]
	var all []Scalar
	for j, s := range p.Kernel.Scalars {
		name := fmt.Sprintf("p%d_%s", i, s.Name)
		if s.Type == "ints" {
			name = s.Name
		}
		all = append(all, Scalar{Name: name, Type: s.Type, Expr: name, value: p.Scalars[j], dtype: t})
	}
	return all
}

// parameterBytes is the most that the kernel's parameters take.
func (k *Kernel) parameterBytes() int {
	const pointer = 8
	bytes := pointer * (len(k.Inputs) + 1)
	for _, s := range slices.Concat(k.Scalars, k.Sizes) {
		switch s.Type {
		case "ints":
		case "int", "bool":
			bytes += 4
		case "long", "float", "number":
			bytes += 8
		default:
			bytes += 4 * listSize
		}
	}
	return bytes
}
