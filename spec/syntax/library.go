package syntax

import (
	"maps"
	"slices"
	"sync"

	"github.com/flowrun/flowrun/ir"
	_ "github.com/flowrun/flowrun/ir/ops" // the operations of the language
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
	text     bool // YAML text is taken as it is: a string, an enum or a dtype
	Constant bool // known at compile time
	Variadic bool // a list of tensors
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
		s.Params = append(s.Params, Param{Name: a.Name, Optional: a.Optional, text: a.Kind == argString, Constant: a.Kind != ArgScalar})
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
			Constant: !p.Kind.IsTensor(),
			Variadic: p.Kind == ir.KTensors,
		})
	}
	opSignatures.Store(op, s)
	return s
}
