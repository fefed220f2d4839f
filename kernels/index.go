package kernels

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	yaml "go.yaml.in/yaml/v4"
)

//go:embed kernels.yaml
var manifestText string

// Load gives the manifest that the program was built with.
var Load = sync.OnceValues(func() (*Manifest, error) { return index("kernels.yaml", manifestText) })

// ManifestText is the text of the manifest that the program was built with.
func ManifestText() string { return manifestText }

// Parse reads a manifest and checks all of it. The error joins the file's
// problems, each as "file:line:column: message". The file's format is described
// in kernels.yaml.
func Parse(file, text string) (*Manifest, error) {
	m, err := index(file, text)
	if err != nil {
		return nil, err
	}
	var problems []error
	for _, e := range m.entries {
		_, err := e.read()
		problems = append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return m, nil
}

// Manifest is the content of kernels.yaml.
type Manifest struct {
	entries []*entry // in the file's order
	byName  map[string]*entry
	byOp    map[string][]*entry
}

// entry is a kernel's part of the file, which is read at its first use.
type entry struct {
	name string
	ops  []string
	line int // where it begins
	text string
	load loader

	once   sync.Once
	kernel *Kernel
	err    error
}

// Kernels lists all kernels in the file's order.
func (m *Manifest) Kernels() []*Kernel {
	all := make([]*Kernel, len(m.entries))
	for i, e := range m.entries {
		all[i] = e.get()
	}
	return all
}

// Kernel finds a kernel by name, or nil.
func (m *Manifest) Kernel(name string) *Kernel {
	if e := m.byName[name]; e != nil {
		return e.get()
	}
	return nil
}

// Find gives the first kernel that serves an op on operands and a result of
// these dtypes, or nil.
func (m *Manifest) Find(op string, inputs []string, output string) *Kernel {
	for _, e := range m.byOp[op] {
		if k := e.get(); k.Serves(inputs, output) {
			return k
		}
	}
	return nil
}

// Lacks reports whether an op has kernels, but none in a language; "" is Go.
func (m *Manifest) Lacks(op, language string) bool {
	for _, e := range m.byOp[op] {
		if e.get().In(language) {
			return false
		}
	}
	return len(m.byOp[op]) > 0
}

// get is read for an entry that is known to be right: Parse has read it, or it
// is built in.
func (e *entry) get() *Kernel {
	k, err := e.read()
	if err != nil {
		panic(err)
	}
	return k
}

func (e *entry) read() (*Kernel, error) {
	e.once.Do(func() {
		l := &e.load
		root := l.read(e.text)
		if root != nil {
			l.entries(root, "a kernel", func(key, value *yaml.Node) { e.kernel = l.kernel(key, value) })
		}
		if e.kernel != nil && !slices.Equal(e.kernel.Ops, e.ops) {
			l.errorAt(1, 1, "kernel %s: ops must be plain text in a line of its own", e.name)
		}
		e.err = errors.Join(l.problems...)
	})
	return e.kernel, e.err
}

// index finds the entries of a manifest without reading them. That asks for more
// than YAML does: the kernels come last, and each begins with its name, indented
// by two spaces.
func index(file, text string) (*Manifest, error) {
	m := &Manifest{byName: map[string]*entry{}, byOp: map[string][]*entry{}}
	l := &loader{file: file, sets: map[string][]string{}}
	const section = "kernels:\n"
	start := len(text) // of the kernels
	if strings.HasPrefix(text, section) {
		start = 0
	} else if i := strings.Index(text, "\n"+section); i >= 0 {
		start = i + 1
	}
	l.head(l.read(text[:start]))
	number := strings.Count(text[:start], "\n") + 1
	var e *entry
	from := 0 // where e begins
	rest := strings.TrimPrefix(text[start:], section)
	at := 0
	for line := range strings.Lines(rest) {
		number++
		switch bare := strings.TrimSpace(line); {
		case bare == "" || bare[0] == '#':
		case strings.HasPrefix(line, "  ") && line[2] != ' ':
			e.end(rest[from:at])
			e, from = m.begin(l, number, bare), at
		case e == nil || !strings.HasPrefix(line, "    "):
			l.errorAt(number, 1, "a kernel must begin with its name, indented by two spaces")
		case strings.HasPrefix(bare, "ops: "):
			e.ops = strings.Fields(bare[len("ops:"):])
		}
		at += len(line)
	}
	e.end(rest[from:])
	if len(m.entries) == 0 && len(l.problems) == 0 {
		return nil, fmt.Errorf("%s: the manifest has no kernels", file)
	}
	for _, e := range m.entries {
		e.load.sets = l.sets
		for _, op := range e.ops {
			m.byOp[op] = append(m.byOp[op], e)
		}
	}
	return m, errors.Join(l.problems...)
}

// end sets the text of the entry that the next one follows, if there is one.
func (e *entry) end(text string) {
	if e != nil {
		e.text = text
	}
}

// begin adds the entry that begins with a line.
func (m *Manifest) begin(l *loader, number int, line string) *entry {
	name, _, ok := strings.Cut(line, ":")
	e := &entry{name: name, ops: []string{name}, line: number}
	e.load = loader{file: l.file, base: number - 1}
	switch {
	case !ok || !isIdentifier(name):
		l.errorAt(number, 3, "%q can't be a kernel's name, which is in snake_case", name)
	case m.byName[name] != nil:
		l.errorAt(number, 3, "the kernel %s is there already, at line %d", name, m.byName[name].line)
	}
	m.byName[name] = e
	m.entries = append(m.entries, e)
	return e
}

// head reads what stands beside the kernels.
func (l *loader) head(root *yaml.Node) {
	if root == nil {
		return
	}
	l.entries(root, "the manifest", func(key, value *yaml.Node) {
		if key.Value != "dtypes" {
			l.errorf(key, "unknown key %q; a manifest has dtypes and kernels", key.Value)
			return
		}
		l.entries(value, "dtypes", func(name, set *yaml.Node) { l.sets[name.Value] = l.dtypes(set, name.Value) })
	})
}
