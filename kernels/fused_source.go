package kernels

import (
	"fmt"
	"strings"
)

// fusedTemplate is the file that a fused kernel's source ends with: the kernel
// itself, in terms of what is generated.
func (r *Recipe) fusedTemplate() string {
	if r.reduces() {
		return "fused_reduce"
	}
	return "fused_map"
}

// fusedSource puts a fused kernel's source together: what comes before every kernel; the files of
// its parts, each with its type variables defined before it; what is generated,
// which knows nothing of any language but the words of its prelude; the
// template.
func (s *Sources) fusedSource(language string, k *Kernel) (Source, error) {
	r, extension := k.fused, languages[language].extension
	source, err := s.files(language, languages[language].before...)
	if err != nil {
		return Source{}, err
	}
	generated := func(text string) {
		source.Files = append(source.Files, File{Name: "generated/" + k.Name + extension, Text: text, Generated: true})
	}
	generated("#define FUSED\n")
	included := map[string]bool{}
	for i := range r.Parts {
		p := &r.Parts[i]
		types := r.types(p)
		body := bodyOf(p.Kernel.Name, types)
		if included[body] {
			continue
		}
		included[body] = true
		part, err := s.files(language, p.Kernel.Name+extension)
		if err != nil {
			return Source{}, err
		}
		generated(typeDefinitions(types))
		source.Files = append(source.Files, part.Files...)
	}
	generated(r.definitions(k, language))
	template, err := s.files(language, r.fusedTemplate()+extension)
	source.Files = append(source.Files, template.Files...)
	return source, err
}

// fuses reports whether a language has what fused kernels are made with.
func (s *Sources) fuses(language string) bool {
	_, err := s.file(language + "/fused_map" + languages[language].extension)
	return err == nil
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

// definitions are what the template is written in terms of.
func (r *Recipe) definitions(k *Kernel, language string) string {
	var b strings.Builder
	if members := k.Members(language); len(members) > 0 {
		fmt.Fprintf(&b, "struct arguments {\n    %s;\n};\n", strings.Join(members, ";\n    "))
	}
	fmt.Fprintf(&b, "#define FUSED_ENTRY %s\n", k.Entry())
	fmt.Fprintf(&b, "#define FUSED_PARAMETERS %s\n", strings.Join(k.Parameters(language), ", "))
	b.WriteString("#define FUSED_SPREAD(F)")
	for _, in := range r.spread() {
		fmt.Fprintf(&b, " F(%s)", in)
	}
	var lines []string
	for i, in := range r.Inputs {
		t, name := sourceDType(in.DType), inputName(i)
		at := map[Walk]string{Whole: "WHOLE", Single: "0", Spread: "AT(" + name + ")"}[in.Walk]
		lines = append(lines, fmt.Sprintf("COMPUTE(%s) %s = LOAD(%[1]s, %[3]s, %[4]s);", t, operandValue(Operand{Index: i}), name, at))
	}
	maps := r.Parts
	if r.reduces() {
		maps = maps[:len(maps)-1]
	}
	for i := range maps {
		lines = append(lines, r.statement(i, languages[language].member))
	}
	b.WriteString("\n#define FUSED_PARTS \\\n    " + strings.Join(lines, " \\\n    ") + "\n")
	value := Operand{Index: len(r.Parts) - 1, Part: true}
	if r.reduces() {
		value = r.last().Operands[0]
		fmt.Fprintf(&b, "#define FUSED_REDUCE(what) %s\n", bodyOf(r.last().Kernel.Name+"_##what", r.types(r.last())))
	}
	fmt.Fprintf(&b, "#define FUSED_VALUE %s\n#define FUSED_DTYPE %s\n", operandValue(value), sourceDType(k.Output.DType))
	return b.String()
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
