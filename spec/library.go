package spec

import (
	"maps"
	"slices"
	"sync"

	"github.com/flowrun/flowrun/ir"
	_ "github.com/flowrun/flowrun/ir/ops" // the operations of the language
)

// library is what calls can name: the modules and optimizers of a spec over
// those of the standard library. Operations are in ir's registry.
type library struct {
	Modules, Optimizers map[string]*module
	Own                 []*module // the file's own
	Uses                []*use    // what it imports
	Open                bool      // names are missing because of what was reported
}

// extend makes a library that begins with the same modules.
func (l *library) extend() *library {
	return &library{Modules: maps.Clone(l.Modules), Optimizers: maps.Clone(l.Optimizers)}
}

// internalOps are made by the program itself.
var internalOps = []string{"state", "const", "source", "copy", "prod_of_others"}

// lookupOp finds an operation that specs can call.
func lookupOp(name string) *ir.Op {
	if slices.Contains(internalOps, name) {
		return nil
	}
	return ir.LookupOp(name)
}

// names lists all that can be called.
func (l *library) names() []string {
	names := keysOf(l.Modules)
	for name := range ir.Ops() {
		if !slices.Contains(internalOps, name) {
			names = append(names, name)
		}
	}
	return append(names, "next")
}

func keysOf(m map[string]*module) []string { return slices.Collect(maps.Keys(m)) }

// signature is how something is called.
type signature struct {
	Name     string
	isModule bool
	Params   []param
	byName   map[string]int // where there are many
}

// param is a parameter as calls see it.
type param struct {
	Name     string
	Optional bool
	text     bool // YAML text is taken as it is: a string, an enum or a dtype
	Constant bool // known at compile time
	Variadic bool // a list of tensors
}

// Index is the place of a parameter, or -1.
func (s *signature) Index(name string) int {
	if s.byName == nil {
		return slices.IndexFunc(s.Params, func(p param) bool { return p.Name == name })
	}
	if i, ok := s.byName[name]; ok {
		return i
	}
	return -1
}

func (s *signature) find(name string) *param {
	if i := s.Index(name); i >= 0 {
		return &s.Params[i]
	}
	return nil
}

func (s *signature) has(name string) bool { return s.find(name) != nil }

func (s *signature) at(i int) *param {
	if i < len(s.Params) {
		return &s.Params[i]
	}
	return nil
}

func (s *signature) Names() []string {
	names := make([]string, len(s.Params))
	for i, p := range s.Params {
		names[i] = p.Name
	}
	return names
}

// Signature gives the signature of a module or operation, or nil.
func (l *library) Signature(name string) *signature {
	if m := l.Modules[name]; m != nil {
		return signatureOf(m)
	}
	if op := lookupOp(name); op != nil {
		return opSignature(op)
	}
	return nil
}

// signatureOf gives the signature of a module whose header is decoded.
func signatureOf(m *module) *signature {
	if m.sig != nil {
		return m.sig
	}
	s := &signature{Name: m.Name, isModule: true}
	for _, in := range m.Inputs {
		s.Params = append(s.Params, param{Name: in.Name})
	}
	for _, a := range m.Args {
		s.Params = append(s.Params, param{Name: a.Name, Optional: a.Optional, text: a.Kind == argString, Constant: a.Kind != argScalar})
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

func opSignature(op *ir.Op) *signature {
	if s, ok := opSignatures.Load(op); ok {
		return s.(*signature)
	}
	s := &signature{Name: op.Name}
	for _, p := range op.Params {
		if p.Hidden {
			continue
		}
		s.Params = append(s.Params, param{
			Name:     p.Name,
			Optional: p.Optional,
			text:     p.Kind == ir.KString || p.Kind == ir.KDType,
			Constant: !p.Kind.IsTensor(),
			Variadic: p.Kind == ir.KTensors,
		})
	}
	opSignatures.Store(op, s)
	return s
}
