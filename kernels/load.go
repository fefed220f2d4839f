package kernels

import (
	"fmt"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// loader turns YAML trees into kernels and collects what is wrong.
type loader struct {
	file     string
	base     int                 // lines before the text that is being read
	sets     map[string][]string // the named sets of dtypes
	problems []error
}

func (l *loader) errorf(at *yaml.Node, format string, args ...any) {
	l.errorAt(at.Line, at.Column, format, args...)
}

func (l *loader) errorAt(line, column int, format string, args ...any) {
	l.problems = append(l.problems, fmt.Errorf("%s:%d:%d: %s", l.file, l.base+line, column, fmt.Sprintf(format, args...)))
}

// read parses a piece of the file.
func (l *loader) read(text string) *yaml.Node {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		l.problems = append(l.problems, fmt.Errorf("%s, in what begins at line %d: %w", l.file, l.base+1, err))
		return nil
	}
	if len(doc.Content) == 0 {
		return nil
	}
	return doc.Content[0]
}

// entries calls f for each key of a mapping, and refuses what isn't one and
// keys that are given twice.
func (l *loader) entries(n *yaml.Node, what string, f func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		l.errorf(n, "%s must be a mapping", what)
		return
	}
	seen := make(map[string]bool, len(n.Content)/2)
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		if seen[key.Value] {
			l.errorf(key, "%s has %q twice", what, key.Value)
			continue
		}
		seen[key.Value] = true
		f(key, n.Content[i+1])
	}
}

// text gives a scalar's text.
func (l *loader) text(n *yaml.Node, what string) string {
	if n.Kind != yaml.ScalarNode || n.Value == "" {
		l.errorf(n, "%s must be text", what)
		return ""
	}
	return n.Value
}

// dtypes reads "f16 bf16 f32": names of dtypes or of sets of them.
func (l *loader) dtypes(n *yaml.Node, what string) []string {
	var all []string
	for _, word := range strings.Fields(l.text(n, what)) {
		switch set, ok := l.sets[word]; {
		case ok:
			all = append(all, set...)
		case DTypeSize(word) > 0:
			all = append(all, word)
		default:
			l.errorf(n, "%s: there is no dtype or set of dtypes %q", what, word)
		}
	}
	return all
}

// isIdentifier tells a name in snake_case.
func isIdentifier(s string) bool {
	for i, c := range []byte(s) {
		if c != '_' && (c < 'a' || c > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// isVariable tells the name of a type variable, one capital letter.
func isVariable(s string) bool { return len(s) == 1 && s[0] >= 'A' && s[0] <= 'Z' }

// kernel reads an entry.
func (l *loader) kernel(name, body *yaml.Node) *Kernel {
	k := &Kernel{Name: name.Value, Ops: []string{name.Value}}
	k.Grid = Grid{Items: []Scalar{everyElement}, Group: []int{defaultGroup}, Launches: once}
	var output, inPlace, sizes *yaml.Node
	own := map[string]*yaml.Node{} // by language
	l.entries(body, "kernel "+k.Name, func(key, value *yaml.Node) {
		switch what := k.Name + "." + key.Value; key.Value {
		case "doc":
			k.Doc = l.text(value, what)
		case "ops":
			k.Ops = strings.Fields(l.text(value, what))
		case "types":
			l.types(k, value, what)
		case "inputs":
			l.inputs(k, value, what)
		case "output":
			k.Output = Buffer{Name: "out", DType: l.text(value, what)}
			output = value
		case "scalars":
			k.Scalars = l.scalars(k, value, what, ScalarTypes)
		case "sizes":
			k.Sizes = l.scalars(k, value, what, SizeTypes)
			sizes = value
		case "items":
			l.items(k, value, what)
			sizes = value
		case "group":
			k.Grid.Group = l.powersOfTwo(value, what)
		case "languages":
			k.Absent = l.absent(value, what)
		case "header":
			k.header = l.text(value, what)
		case "launches":
			k.Grid.Launches = l.launches(k, value, what)
		case "in_place":
			k.InPlace = strings.Fields(l.text(value, what))
			inPlace = value
		case "body":
			k.Body = l.body(value, what)
		default:
			if languages[key.Value] != nil {
				own[key.Value] = value
				return
			}
			l.errorf(key, "unknown key %q; a kernel has doc, ops, types, inputs, scalars, output, body, in_place, languages, header, sizes, items, group, launches, and keys of one language under the name of that language", key.Value)
		}
	})
	if k.Doc == "" {
		l.errorf(name, "kernel %s has no doc", k.Name)
	}
	if output == nil {
		l.errorf(name, "kernel %s has no output", k.Name)
		return k
	}
	l.bufferType(k, output, k.Output)
	if len(k.Grid.Items) != len(k.Grid.Group) {
		l.errorf(name, "kernel %s has items in %d dimension(s), and groups in %d", k.Name, len(k.Grid.Items), len(k.Grid.Group))
	}
	if k.Body != NoBody {
		l.implied(k, sizes)
	}
	l.variants(k, own)
	for _, in := range k.InPlace {
		if !slices.ContainsFunc(k.Inputs, func(b Buffer) bool { return b.Name == in }) {
			l.errorf(inPlace, "%s.in_place: there is no input %q", k.Name, in)
		}
	}
	return k
}

// variants makes the kernels that languages see which have something of their own.
func (l *loader) variants(k *Kernel, own map[string]*yaml.Node) {
	for name, language := range languages {
		v := *k
		differs := false
		if k.Grid.Items[0].program == everyElement.program && language.batches {
			v.Grid.Items = []Scalar{everyBatch}
			differs = true
		}
		if n := own[name]; n != nil {
			l.variant(&v, n, k.Name+"."+name)
			differs = true
		}
		if differs {
			k.variants = append(k.variants, variant{name, &v})
		}
	}
}

// variant reads what is a language's own.
func (l *loader) variant(k *Kernel, n *yaml.Node, what string) {
	k.Sizes = slices.Clone(k.Sizes)
	l.entries(n, what, func(key, value *yaml.Node) {
		switch key.Value {
		case "sizes":
			for _, s := range l.scalars(k, value, what+".sizes", SizeTypes) {
				l.replaceSize(k, value, what, s)
			}
		case "items":
			l.items(k, value, what+".items")
		case "group":
			k.Grid.Group = l.powersOfTwo(value, what+".group")
		default:
			l.errorf(key, "unknown key %q; a language has sizes, items and group of its own", key.Value)
		}
	})
	if len(k.Grid.Items) != len(k.Grid.Group) {
		l.errorf(n, "%s has items in %d dimension(s), and groups in %d", what, len(k.Grid.Items), len(k.Grid.Group))
	}
}

// replaceSize gives a size another value.
func (l *loader) replaceSize(k *Kernel, n *yaml.Node, what string, s Scalar) {
	i := slices.IndexFunc(k.Sizes, func(old Scalar) bool { return old.Name == s.Name && old.Type == s.Type })
	if i < 0 {
		l.errorf(n, "%s.sizes: the kernel has no size %s %s whose value could be another", what, s.Name, s.Type)
		return
	}
	k.Sizes[i] = s
}

// types reads "T number, U bool i32, V T wide(T)".
func (l *loader) types(k *Kernel, n *yaml.Node, what string) {
	k.DTypes = map[string][]string{}
	for _, field := range splitFields(l.text(n, what)) {
		name, set, _ := strings.Cut(field, " ")
		switch {
		case !isVariable(name):
			l.errorf(n, "%s: %q can't be a type variable, which is one capital letter", what, name)
		case k.DTypes[name] != nil:
			l.errorf(n, "%s has %s twice", what, name)
		case len(k.DTypes) == maxVariables:
			l.errorf(n, "%s: at most %d type variables are possible", what, maxVariables)
		}
		if t, of, is := follows(name, set, k.DTypes); is {
			k.ties, k.DTypes[name] = append(k.ties, t), of
			continue
		}
		at := *n
		at.Value = set
		k.DTypes[name] = l.dtypes(&at, what)
	}
}

// follows reads what a type variable may be where that depends on another one: what that is,
// T, what that is computed in, wide(T), or both. It gives all dtypes that it may be, too.
func follows(name, set string, known map[string][]string) (t tie, all []string, is bool) {
	t.variable = name
	for _, word := range strings.Fields(set) {
		of, isWide := strings.CutPrefix(word, "wide(")
		of = strings.TrimSuffix(of, ")")
		if known[of] == nil || t.of != "" && t.of != of {
			return tie{}, nil, false
		}
		t.of, t.same, t.wide = of, t.same || !isWide, t.wide || isWide
		for _, d := range known[of] {
			if isWide {
				d = wide(d)
			}
			if !slices.Contains(all, d) {
				all = append(all, d)
			}
		}
	}
	return t, all, t.of != ""
}

// inputs reads "a T, b T" or "tensors T...".
func (l *loader) inputs(k *Kernel, n *yaml.Node, what string) {
	for _, field := range splitFields(l.text(n, what)) {
		name, dtype, _ := strings.Cut(field, " ")
		b := Buffer{Name: name}
		b.DType, b.Variadic = strings.CutSuffix(strings.TrimSpace(dtype), "...")
		l.newName(k, n, what, name)
		l.bufferType(k, n, b)
		if len(k.Inputs) > 0 && k.Inputs[len(k.Inputs)-1].Variadic {
			l.errorf(n, "%s: %s comes after a variadic input, which must be the last", what, name)
		}
		k.Inputs = append(k.Inputs, b)
	}
}

// scalars reads "dim int, n int = numel(out)".
func (l *loader) scalars(k *Kernel, n *yaml.Node, what string, types []string) []Scalar {
	var all []Scalar
	for _, field := range splitFields(l.text(n, what)) {
		declared, text, computed := strings.Cut(field, "=")
		name, kind, _ := strings.Cut(strings.TrimSpace(declared), " ")
		s := Scalar{Name: name, Type: strings.TrimSpace(kind), Expr: name}
		l.newName(k, n, what, name)
		if slices.ContainsFunc(all, func(s Scalar) bool { return s.Name == name }) {
			l.errorf(n, "%s has %s twice", what, name)
		}
		if !slices.Contains(types, s.Type) {
			l.errorf(n, "%s: %s has the type %q; the types are %s", what, name, s.Type, strings.Join(types, ", "))
		}
		if computed {
			s.Expr = strings.TrimSpace(text)
		}
		if s.Type == "strides" && !slices.ContainsFunc(all, func(s Scalar) bool { return s.Type == "shape" }) {
			l.errorf(n, "%s: the strides %s come before their shape", what, name)
		}
		l.compileLater(k, n, &s)
		all = append(all, s)
	}
	return all
}

// compileLater gives a scalar its program.
func (l *loader) compileLater(k *Kernel, n *yaml.Node, s *Scalar) {
	if !isIdentifier(s.Expr) {
		s.program = &program{text: s.Expr, where: fmt.Sprintf("%s:%d: %s.%s", l.file, l.base+n.Line, k.Name, s.Name)}
	}
}

// absent reads "go opencl", the languages that a kernel exists in, Go among them, and
// gives those that it doesn't exist in.
func (l *loader) absent(n *yaml.Node, what string) []string {
	all := strings.Fields(l.text(n, what))
	for _, word := range all {
		if word != "go" && languages[word] == nil {
			l.errorf(n, "%s: there is no language %q; the languages are go %s", what, word, strings.Join(Languages, " "))
		}
	}
	if !slices.Contains(all, "go") {
		l.errorf(n, "%s lacks go, in which every kernel exists", what)
	}
	return slices.DeleteFunc(slices.Clone(Languages), func(language string) bool { return slices.Contains(all, language) })
}

// body reads "map" or "reduce".
func (l *loader) body(n *yaml.Node, what string) Body {
	switch b := Body(l.text(n, what)); b {
	case MapBody, ReduceBody:
		return b
	default:
		l.errorf(n, "%s: %q is neither map nor reduce", what, b)
		return NoBody
	}
}

// newName refuses a parameter's name that is malformed or taken.
func (l *loader) newName(k *Kernel, n *yaml.Node, what, name string) {
	taken := slices.ContainsFunc(k.Inputs, func(b Buffer) bool { return b.Name == name }) ||
		slices.ContainsFunc(k.Scalars, func(s Scalar) bool { return s.Name == name })
	switch {
	case !isIdentifier(name) || name == "out" || name == "group" || functions[name] != nil:
		l.errorf(n, "%s: %q can't be a parameter's name", what, name)
	case taken:
		l.errorf(n, "%s: the kernel has a parameter %s already", what, name)
	}
}

// bufferType refuses a buffer whose dtype is neither a dtype nor a variable.
func (l *loader) bufferType(k *Kernel, n *yaml.Node, b Buffer) {
	if k.DTypes[b.DType] == nil && DTypeSize(b.DType) == 0 {
		l.errorf(n, "%s: %s has the dtype %q, which is neither a dtype nor one of the kernel's types (types comes first)",
			k.Name, b.Name, b.DType)
	}
}

// splitFields splits at commas that are not in brackets.
func splitFields(text string) []string {
	var fields []string
	depth, start := 0, 0
	for i, c := range text {
		switch c {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case ',':
			if depth == 0 {
				fields = append(fields, strings.TrimSpace(text[start:i]))
				start = i + 1
			}
		}
	}
	return append(fields, strings.TrimSpace(text[start:]))
}
