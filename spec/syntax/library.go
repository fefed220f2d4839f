package syntax

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	_ "github.com/flowrun/flowrun/ir/ops" // the operations of the language
	"github.com/flowrun/flowrun/spec/std"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// Library is what calls can name: the modules and optimizers of a spec, which override
// those of the standard library. Operations are in ir's registry.
type Library struct {
	Modules, Optimizers map[string]*Module
	Own                 []*Module // the file's own
	Uses                []*Import // what it imports
	Open                bool      // names are missing because of what was reported
}

// extend makes a library that begins with the same modules.
func (l *Library) extend() *Library {
	return &Library{Modules: maps.Clone(l.Modules), Optimizers: maps.Clone(l.Optimizers)}
}

// Named gives its optimizers, or its other modules.
func (l *Library) Named(optimizers bool) map[string]*Module {
	if optimizers {
		return l.Optimizers
	}
	return l.Modules
}

// LookupOp finds an operation that specs can call.
func LookupOp(name string) *ir.Op {
	if op := ir.LookupOp(name); op != nil && op.Family != "" {
		return op
	}
	return nil
}

// names lists all that can be called.
func (l *Library) names() []string {
	names := keysOf(l.Modules)
	for name, op := range ir.Ops() {
		if op.Family != "" {
			names = append(names, name)
		}
	}
	return append(names, "next")
}

func keysOf(m map[string]*Module) []string { return slices.Collect(maps.Keys(m)) }

// Signature is how something is called.
type Signature struct {
	Name     string
	isModule bool
	Params   []Param
	byName   map[string]int // where there are many
}

// Param is a parameter as calls see it.
type Param struct {
	Name     string
	Optional bool
	text     bool     // YAML text is taken as it is: a string, an enum or a dtype
	words    []string // texts that are taken as they are, where it isn't text otherwise
	Constant bool     // known at compile time
	Variadic bool     // a list of tensors
}

// Index is the index of a parameter, or -1.
func (s *Signature) Index(name string) int {
	if s.byName == nil {
		return slices.IndexFunc(s.Params, func(p Param) bool { return p.Name == name })
	}
	if i, ok := s.byName[name]; ok {
		return i
	}
	return -1
}

func (s *Signature) find(name string) *Param {
	if i := s.Index(name); i >= 0 {
		return &s.Params[i]
	}
	return nil
}

func (s *Signature) has(name string) bool { return s.find(name) != nil }

func (s *Signature) at(i int) *Param {
	if i < len(s.Params) {
		return &s.Params[i]
	}
	return nil
}

func (s *Signature) Names() []string {
	names := make([]string, len(s.Params))
	for i, p := range s.Params {
		names[i] = p.Name
	}
	return names
}

// Signature gives the signature of a module or operation, or nil.
func (l *Library) Signature(name string) *Signature {
	if m := l.Modules[name]; m != nil {
		return SignatureOf(m)
	}
	if op := LookupOp(name); op != nil {
		return OpSignature(op)
	}
	return nil
}

// SignatureOf gives the signature of a module whose header is decoded.
func SignatureOf(m *Module) *Signature {
	if m.sig != nil {
		return m.sig
	}
	s := &Signature{Name: m.Name, isModule: true}
	for _, in := range m.Inputs {
		s.Params = append(s.Params, Param{Name: in.Name})
	}
	for _, a := range m.Args {
		s.Params = append(s.Params, Param{Name: a.Name, Optional: a.Optional, text: a.Kind == argString, words: a.words(), Constant: !a.Kind.IsValue()})
	}
	if len(s.Params) > 32 {
		s.byName = make(map[string]int, len(s.Params))
		for i, p := range s.Params {
			s.byName[p.Name] = i
		}
	}
	return s
}

var opSignatures sync.Map // *ir.Op → *signature

func OpSignature(op *ir.Op) *Signature {
	if s, ok := opSignatures.Load(op); ok {
		return s.(*Signature)
	}
	s := &Signature{Name: op.Name}
	for _, p := range op.Params {
		if p.Hidden {
			continue
		}
		s.Params = append(s.Params, Param{
			Name:     p.Name,
			Optional: p.Optional,
			text:     p.Kind == ir.KString || p.Kind == ir.KDType,
			words:    p.Enum,
			Constant: !p.Kind.IsTensor(),
			Variadic: p.Kind == ir.KTensors,
		})
	}
	opSignatures.Store(op, s)
	return s
}

// Standard is the standard library, decoded once.
var Standard = sync.OnceValue(func() *Library {
	var list diag.List
	lib := loadStandard(&list)
	if len(list.Items) > 0 {
		panic("spec: invalid standard library:\n" + list.Text())
	}
	return lib
})

var stdSection = &Section{name: "a file of the standard library", Doc: "Modules and optimizers by name.", Keys: []Key{
	{Name: "title", Value: "note", doc: "what its modules have in common"},
	{Name: "modules", Value: "modules", doc: "modules by name"},
	{Name: "optimizers", Value: "optimizers", doc: "optimizers by name"},
}}

// loadStandard decodes the files of the standard library.
func loadStandard(list *diag.List) *Library {
	lib := &Library{Modules: map[string]*Module{}, Optimizers: map[string]*Module{}}
	d := &decoder{list: list, lib: lib}
	var bodies []moduleBody
	EachStandard(list, func(root *tree.Node, _ string) {
		fields, _ := d.fields(root, stdSection)
		bodies = append(bodies, d.headers(fields["modules"], false)...)
		bodies = append(bodies, d.headers(fields["optimizers"], true)...)
	})
	for _, b := range bodies {
		d.body(b.m, b.fields)
	}
	return lib
}

// EachStandard parses the library's files, in the order of their names.
func EachStandard(list *diag.List, visit func(root *tree.Node, src string)) {
	files, err := fs.ReadDir(std.Files, ".")
	if err != nil {
		panic(fmt.Sprintf("spec: %v", err))
	}
	for _, f := range files {
		src, err := std.Files.ReadFile(f.Name())
		if err != nil {
			panic(fmt.Sprintf("spec: %v", err))
		}
		if root := tree.Parse(standardFolder+f.Name(), string(src), list); root != nil {
			visit(root, string(src))
		}
	}
}

// standardFolder begins the names of the standard library's files in positions.
const standardFolder = "std/"

// StandardText is the text of a file of the standard library, by its name in
// positions.
func StandardText(file string) string {
	src, err := std.Files.ReadFile(strings.TrimPrefix(file, standardFolder))
	if err != nil {
		panic(fmt.Sprintf("spec: %v", err))
	}
	return string(src)
}
