package kernels

import (
	"fmt"
	"strings"
)

// fused adds the source of a fused kernel: the files of its parts, each with its
// type variables defined before it, and the entry point.
func (a *assembly) fused(k *Kernel) {
	r := k.fused
	a.generated(k.Name, "#define FUSED\n")
	included := map[string]bool{}
	for i := range r.Parts {
		p := &r.Parts[i]
		types := r.types(p)
		if body := bodyOf(p.Kernel.Name, types); !included[body] {
			included[body] = true
			a.generated(k.Name, typeDefinitions(types))
			a.file(a.language.path(p.Kernel.Name))
		}
	}
	a.wrap(r.wrapper(k, a.language))
}

// typeDefinitions defines type variables anew.
func typeDefinitions(types map[string]string) string {
	var b strings.Builder
	for _, v := range []string{"T", "U", "I"} {
		if dtype := types[v]; dtype != "" {
			fmt.Fprintf(&b, "#undef %s\n#define %[1]s %s\n", v, sourceDType(dtype))
		}
	}
	return b.String()
}

// wrapper makes the fused kernel's wrapper. Each part but a reduction is a statement,
// whose value is rounded as if it had been stored.
func (r *Recipe) wrapper(k *Kernel, l *language) wrapper {
	w := wrapper{kernel: k, body: MapBody}
	for i, in := range r.Inputs {
		w.elements = append(w.elements, element{sourceDType(in.DType), inputName(i), operandValue(Operand{Index: i}), in.Walk})
	}
	last := Operand{Index: len(r.Parts) - 1, Part: true}
	maps := r.Parts
	if r.reduces() {
		w.body, w.reduce = ReduceBody, bodyOf(r.last().Kernel.Name+"_##what", r.types(r.last()))
		last, maps = r.last().Operands[0], maps[:len(maps)-1]
	}
	for i := range maps {
		w.parts = append(w.parts, r.statement(i, l.member))
	}
	w.result = operandValue(last)
	return w
}

// statement computes part i. Its scalars are parameters, or members of one.
func (r *Recipe) statement(i int, member string) string {
	p := &r.Parts[i]
	var args []string
	for _, o := range p.Operands {
		args = append(args, operandValue(o))
	}
	for _, s := range r.scalars(i) {
		args = append(args, member+s.Name)
	}
	t := sourceDType(p.DType)
	return fmt.Sprintf("COMPUTE(%s) %s = STORED(%[1]s, %[3]s(%[4]s));", t, operandValue(Operand{Index: i, Part: true}),
		bodyOf(p.Kernel.Name, r.types(p)), strings.Join(args, ", "))
}

// operandValue is the variable that holds an element.
func operandValue(o Operand) string {
	if o.Part {
		return fmt.Sprint("v", o.Index)
	}
	return fmt.Sprint("in", o.Index)
}

// Text is the source as one text for people: what was generated and the last
// file, which has the kernel; for the others, which can be read where they are, a
// line with their name.
func (s Source) Text() string {
	var b strings.Builder
	for i, f := range s.Files {
		if f.Generated || i == len(s.Files)-1 {
			b.WriteString(f.Text)
		} else {
			fmt.Fprintf(&b, "#include %q\n", f.Name)
		}
	}
	return b.String()
}
