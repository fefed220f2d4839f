package ir

import (
	"fmt"
	"math"
	"slices"

	"github.com/flowrun/flowrun/ir/comptime"
)

// Op is an operation of the language: all that is known of it but its kernels. The
// ops are in ir/ops, one file each.
type Op struct {
	Name     string
	Operator string // how expressions write it, if they can: "**"

	// For people. Family is its chapter in the reference; ops without one exist in
	// graphs only, not in the language.
	Family Family
	// Doc says what it computes, of which shapes, and how it differs from PyTorch's.
	// The first line is a summary. It doesn't repeat what other fields say.
	Doc string
	// Example is a call in the language, with its value, after its inputs:
	//
	//	x: f32[3] = [1, 2, 3]
	//	pow(x, 2): f32[3] = [1, 4, 9]
	Example string
	Torch   string // PyTorch's name, if it isn't torch.NAME
	Aliases string // names that other libraries have for it, separated by spaces

	Params  []Param
	Class   Class
	Promote Promotion
	// Sums says that the op sums in f32 and rounds once whatever the dtype of its operands,
	// and that its gradient does: so gradients are of operands as they are, where others are
	// of operands in f32. Contractions do.
	Sums        bool
	Commutative bool // the first two operands may be swapped
	// Compute says in which dtype it is computed under `precision`; see Op.Computation.
	Compute Computation
	// Flops is the number of floating-point operations for each element of the first
	// operand, of a reduction that takes more than one: a function, such as exp, is one.
	Flops int
	// Products is, of a contraction, how many products it adds up, in all elements.
	Products func(n *Node) int
	// Random ops draw from the counter-based generator. Their hidden parameters
	// are step (the step counter, i64[]) and key (see RandomKey).
	Random bool
	// Indices describes the operand that picks elements by their places; nil: there is none.
	Indices *Indices

	// Infer is the type rule. It sees a node with Op, Inputs and Attrs, may
	// normalise Attrs (a negative dim to a positive one), and gives the type, or an
	// error that names the expected and the given; an *ArgError points at the wrong
	// argument.
	Infer func(n *Node) (Type, error)
	// Grad gives the gradients of the operands of n from the gradient g of its
	// value, nil for operands that have none. It is nil for ops that aren't
	// differentiable (comparisons, indices, integers).
	Grad func(b *Builder, n, g *Node) []*Node
	// Reference defines the op: the value in float64, integers exactly. Kernels are
	// tested against it.
	Reference func(n *Node, in []*Array) *Array
	// Scalar is the value for numbers that are known at compile time; nil for ops
	// that take tensors only.
	Scalar comptime.Function
	// Decompose writes n in terms of simpler ops. It is nil for ops that have
	// kernels.
	Decompose func(b *Builder, n *Node) *Node
	// Inline ops are decomposed where they are called, before gradients are computed: their
	// gradient is that of the ops that they become.
	Inline bool

	// Exact ops have the same bits on every device, in every dtype: those of the
	// reference, rounded. Either the operation is exact in float64, or float64's 53
	// digits are so many more than the dtype's (twice f32's 24, and two) that
	// rounding twice gives what rounding once gives.
	Exact bool
	// ULPs is the error that kernels in OpenCL, CUDA and Metal may have besides the
	// rounding of the result, in units in the last place of f32 (for f64, of f64):
	// the sum of what OpenCL allows its functions (OpenCL C 1.2, 7.4).
	ULPs float64
	// Slack is the error that any kernel may have besides, where terms cancel or
	// errors add up; nil for none.
	Slack func(c Computed) Slack

	// Sample draws the arguments of a call, for tests. Ops without one are
	// elementwise and take tensors only; Smooth is then the range in which their
	// gradients are compared with finite differences, by default from -2 to 2.
	Sample func(s Sampler) []any
	Smooth [2]float64
}

// Class says which elements of the operands an element of the result depends on.
type Class uint8

// The classes of ops.
const (
	Leaf        Class = iota // no operands, or none whose elements matter (const, state, random)
	Elementwise              // element i of the result from element i of each (broadcast) operand
	Reduce                   // an element of the result from a whole dimension
	Move                     // elements change positions only
	Contract                 // matmul and its kin
	Other
)

// Promotion says how an op's tensor operands are brought to one dtype.
type Promotion uint8

// The promotions.
const (
	PromoteNone  Promotion = iota // operands keep their dtypes
	PromoteAll                    // all tensor operands meet in one dtype
	PromoteFloat                  // and that dtype is a float, f32 for integers and bools
	PromoteTail                   // all but the first operand meet in one dtype
)

// ParamKind is the kind of an op's parameter. Beside its name stands the Go
// type in which a node keeps its value.
type ParamKind uint8

// The kinds. The first three are operands, kept in Inputs; the others are known
// at compile time and kept in Attrs.
const (
	KTensor      ParamKind = iota // *Node; a number or bool given for it becomes a weak constant
	KTensors                      // []*Node, any number of them
	KOptional                     // *Node or nothing; one at most
	KInt                          // int
	KFloat                        // float64
	KBool                         // bool
	KNumber                       // int, float64 or bool, as given
	KString                       // string
	KDType                        // DType
	KInts                         // []int
	KDims                         // []int; one int or several; nil means all
	KFloats                       // []float64; one float or several
	KPairs                        // [][2]int; or []int, of which the type rule makes pairs
	KPadding                      // []int or string; one int, several, or a word of Enum
	KWord                         // string, int, float64 or bool; a word of Enum, or a number
	KTensorValue                  // *Tensor; given by programs only, never by a spec
	KBody                         // *Body; given by programs only
)

var paramKinds = [...]string{"tensor", "list of tensors", "tensor", "int", "float", "bool", "number", "string",
	"dtype", "list of ints", "int or list of ints", "float or list of floats", "list of pairs of ints", "int, list of ints or string", "string or number", "tensor value", "body"}

// String names the kind for messages.
func (k ParamKind) String() string { return paramKinds[k] }

// IsTensor reports whether arguments of this kind are operands.
func (k ParamKind) IsTensor() bool { return k <= KOptional }

// Param is a parameter of an op, in the order of the call.
type Param struct {
	Name     string
	Kind     ParamKind
	Hidden   bool // given by the program that builds the graph, never by a spec
	Derived  bool // worked out by the type rule of the others, and given by nobody; Hidden and Optional
	Default  any  // used when the argument is absent, if Optional
	Optional bool
	Own      bool     // for KTensor and KOptional: it keeps its dtype, whatever those beside it meet in
	Keeps    bool     // for KDims: nil in a list stands for a size that is kept; the type rule gets [Kept]
	Widen    bool     // for KTensor: u8 becomes i32, so that kernels needn't have it
	Enum     []string // for KString, KPadding and KWord: the values allowed; nil means any
	Doc      string
}

// Kept is nil in a list of sizes.
const Kept = math.MinInt

// ArgError is a type rule's or a call's complaint about one argument.
type ArgError struct {
	Param string // the parameter's name, or "" for the call as a whole
	Index int    // for list arguments: which element; else 0
	Msg   string
	Help  string // what to do about it, if that is known
	DType bool   // whether a dtype is at fault, whatever the shapes
}

// Error gives the message without the op's name.
func (e *ArgError) Error() string { return e.Msg }

// Argf makes an ArgError.
func Argf(param, format string, args ...any) error {
	return &ArgError{Param: param, Msg: fmt.Sprintf(format, args...)}
}

// Param finds a parameter by name; its position in Params, or -1.
func (op *Op) Param(name string) int {
	return slices.IndexFunc(op.Params, func(p Param) bool { return p.Name == name })
}

// Operand gives the range [from, to) of n.Inputs that the parameter holds.
func (n *Node) Operand(name string) (from, to int) {
	rest := len(n.Inputs) - n.Op.fixedOperands()
	for _, p := range n.Op.Params {
		width := 0
		switch p.Kind {
		case KTensor:
			width = 1
		case KTensors, KOptional:
			width = rest
		}
		if p.Name == name {
			return from, from + width
		}
		from += width
	}
	panic("ir: op " + n.Op.Name + " has no parameter " + name)
}

// fixedOperands counts the operands that are always there.
func (op *Op) fixedOperands() int {
	count := 0
	for _, p := range op.Params {
		if p.Kind == KTensor {
			count++
		}
	}
	return count
}

// attrIndex gives the position in Attrs of a parameter; it panics on a name
// that the op doesn't have, which is a fault in the op's own file.
func (op *Op) attrIndex(name string) int {
	i := 0
	for _, p := range op.Params {
		if p.Name == name && !p.Kind.IsTensor() {
			return i
		}
		if !p.Kind.IsTensor() {
			i++
		}
	}
	panic("ir: op " + op.Name + " has no attribute " + name)
}

// Attr gives the value of a compile-time argument.
func (n *Node) Attr(name string) any { return n.Attrs[n.Op.attrIndex(name)] }

// LookupAttr is Attr for names that the op may not have.
func (n *Node) LookupAttr(name string) (any, bool) {
	i := n.Op.Param(name)
	if i < 0 || n.Op.Params[i].Kind.IsTensor() {
		return nil, false
	}
	return n.Attr(name), true
}

// SetAttr rewrites a compile-time argument; for type rules that bring it into
// normal form.
func (n *Node) SetAttr(name string, v any) { n.Attrs[n.Op.attrIndex(name)] = v }

// Int, Float, Bool and Str give a compile-time argument in its type.
func (n *Node) Int(name string) int       { return n.Attr(name).(int) }
func (n *Node) Float(name string) float64 { return n.Attr(name).(float64) }
func (n *Node) Bool(name string) bool     { return n.Attr(name).(bool) }
func (n *Node) Str(name string) string    { return n.Attr(name).(string) }

// Ints gives an argument of kind KInts or KDims; nil where it is absent.
func (n *Node) Ints(name string) []int {
	v, _ := n.Attr(name).([]int)
	return v
}

// Floats gives an argument of kind KFloats; nil where it is absent.
func (n *Node) Floats(name string) []float64 {
	v, _ := n.Attr(name).([]float64)
	return v
}

// Family is a chapter of the reference of ops.
type Family string

// The families, in the order of the reference.
const (
	Arithmetic    Family = "arithmetic"
	Comparison    Family = "comparison and logic"
	Functions     Family = "exponentials and trigonometry"
	Activations   Family = "activations"
	Reductions    Family = "reductions"
	LinearAlgebra Family = "linear algebra"
	Convolution   Family = "convolution and pooling"
	Normalization Family = "softmax and normalization"
	Shapes        Family = "shapes"
	Indexing      Family = "indexing"
	Sorting       Family = "sorting"
	Creation      Family = "creation"
	Randomness    Family = "random numbers"
	DTypeFamily   Family = "dtypes and gradients"
)

// Families lists the families.
var Families = []Family{Arithmetic, Comparison, Functions, Activations, Reductions, LinearAlgebra, Convolution, Normalization,
	Shapes, Indexing, Sorting, Creation, Randomness, DTypeFamily}
