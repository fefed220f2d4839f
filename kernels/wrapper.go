package kernels

import (
	"fmt"
	"regexp"
	"strings"
)

// wrapper is what the entry point of a kernel with a [Body] is generated from. It is
// written in the words of the headers alone, so it is the same in every language
// but for the declarations of parameters; a language's templates, map and reduce,
// make the function of it.
type wrapper struct {
	kernel   *Kernel
	body     Body
	elements []element // the inputs', in order
	parts    []string  // statements that compute what result needs of the elements
	result   string    // the element that is stored or reduced, as an expression
	reduce   string    // a reduction's BODY(name_##what)
}

// element is an input's element: where it is loaded from.
type element struct {
	dtype, input, name string
	walk               Walk
}

// wrapper makes the wrapper of a kernel that isn't fused. Its dtypes are the type
// variables of the manifest, which the compiler is given definitions of.
func (k *Kernel) wrapper(l *language) wrapper {
	types := map[string]string{}
	for v := range k.DTypes {
		types[v] = v
	}
	w := wrapper{kernel: k, body: k.Body}
	var args []string
	for i, in := range k.Inputs {
		el := element{dtype: sourceDType(in.DType), input: in.Name, name: operandValue(Operand{Index: i}), walk: Whole}
		if len(k.Inputs) > 1 {
			el.walk = Spread
		}
		w.elements = append(w.elements, el)
		args = append(args, el.name)
	}
	if k.Body == ReduceBody {
		w.result, w.reduce = args[0], bodyOf(k.Name+"_##what", types)
		return w
	}
	for _, s := range k.Scalars {
		args = append(args, l.member+s.Name)
	}
	w.result = fmt.Sprintf("%s(%s)", bodyOf(k.Name, types), strings.Join(args, ", "))
	return w
}

// definitions are the macros that a template is written in terms of.
func (w wrapper) definitions(l *language) string {
	var b strings.Builder
	define := func(name, value string) { b.WriteString(strings.TrimRight("#define "+name+" "+value, " ") + "\n") }
	if members := w.kernel.Members(l.name); len(members) > 0 {
		fmt.Fprintf(&b, "struct arguments {\n    %s;\n};\n", strings.Join(members, ";\n    "))
	}
	define("ENTRY", w.kernel.Entry())
	define("PARAMETERS", strings.Join(w.kernel.Parameters(l.name), ", "))
	var spread, parts, declared, walks []string
	for _, el := range w.elements {
		at := map[Walk]string{Whole: "WHOLE", Single: "0", Spread: "AT(" + el.input + ")"}[el.walk]
		if el.walk == Spread {
			spread = append(spread, "F("+el.input+")")
		}
		variable := fmt.Sprintf("COMPUTE(%s) %s", el.dtype, el.name)
		parts = append(parts, fmt.Sprintf("%s = LOAD(%s, %s, %s);", variable, el.dtype, el.input, at))
		declared = append(declared, variable)
		walks = append(walks, strings.ToUpper(string(el.walk))+"("+el.input+")")
	}
	switch {
	case w.body == ReduceBody:
		define("SPREAD(F)", strings.Join(spread, " "))
		define("REDUCE(what)", w.reduce)
	case l.batches && w.kernel.fused == nil:
		define("ELEMENTS", strings.Join(declared, ", "))
		define("WALKS", strings.Join(walks, ", "))
	}
	define("PARTS", "\\\n    "+strings.Join(append(parts, w.parts...), " \\\n    "))
	define("RESULT", w.result)
	define("RESULT_DTYPE", sourceDType(w.kernel.Output.DType))
	return b.String()
}

// bodyOf is what BODY(name) was when the kernel's file was included for these
// types, or BODY_TO(name).
func bodyOf(name string, types map[string]string) string {
	for _, v := range []string{"T", "U"} {
		if dtype := types[v]; dtype != "" {
			name = fmt.Sprintf("BODY_OF(%s, %s)", name, sourceDType(dtype))
		}
	}
	return name
}

// unlessFused begins what fused kernels leave out of a file: an entry point of its own.
const unlessFused = "#ifndef FUSED"

// hasOwnEntry reports whether a file with a body defines the entry point itself, which
// is then used where the kernel isn't fused. None of the built-in files does, but one
// in a folder may, to try what the template can't say.
func (k *Kernel) hasOwnEntry(text string) bool {
	text = blankComments(text)
	return strings.Contains(text, unlessFused) || regexp.MustCompile(`\b`+k.Entry()+`\s*\(`).MatchString(text)
}

// maps gives a kernel the sizes of one with body: map: those of the walks of its
// inputs that broadcast.
func (k *Kernel) maps(spread []string) {
	k.Sizes = sizes("n int = numel(out)")
	if len(spread) > 0 {
		k.Sizes = append(k.Sizes, sizes("dims shape = out")...)
	}
	for _, in := range spread {
		k.Sizes = append(k.Sizes, sizes(fmt.Sprintf("%s_strides strides = broadcast(%[1]s, out)", in))...)
	}
}

// reduces gives a kernel the sizes and work-items of one with body: reduce, which
// reduces a shape of this name: those of the walks from row to row, and through a
// row, of the shape and of the inputs that broadcast to it.
func (k *Kernel) reduces(shape string, spread []string) {
	k.Sizes = sizes("rows int = numel(out)", "count int = numel(pick("+shape+", dim))", "team int = team_of(count, group)")
	for _, part := range []struct{ name, of string }{{"kept", "drop"}, {"reduced", "pick"}} {
		k.Sizes = append(k.Sizes, sizes(
			fmt.Sprintf("%s shape = %s(%s, dim)", part.name, part.of, shape),
			fmt.Sprintf("%s_strides strides = %s(strides(%s), dim)", part.name, part.of, shape))...)
		for _, in := range spread {
			k.Sizes = append(k.Sizes, sizes(fmt.Sprintf("%s_%s strides = %s(broadcast(%[1]s, %[4]s), dim)", in, part.name, part.of, shape))...)
		}
	}
	k.Grid.Items = []Scalar{{Name: "items", Type: "int", Expr: "rows * team", program: &program{text: "rows * team", where: "the number of work-items"}}}
}

// sizes makes sizes of texts as they stand in the manifest, which are known to be
// right.
func sizes(texts ...string) []Scalar {
	var all []Scalar
	for _, text := range texts {
		declared, expr, _ := strings.Cut(text, " = ")
		name, kind, _ := strings.Cut(declared, " ")
		s := Scalar{Name: name, Type: kind, Expr: expr}
		if !isIdentifier(expr) {
			s.program = &program{text: expr, where: "the size " + name + " that a body implies"}
		}
		all = append(all, s)
	}
	return all
}
