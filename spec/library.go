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
	modules, optimizers map[string]*module
	own                 []*module // the file's own
	uses                []*use    // what it imports
	open                bool      // names are missing because of what was reported
}

// extend makes a library that begins with the same modules.
func (l *library) extend() *library {
	return &library{modules: maps.Clone(l.modules), optimizers: maps.Clone(l.optimizers)}
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
	names := keysOf(l.modules)
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
	name     string
	isModule bool
	params   []param
	byName   map[string]int // where there are many
}

// param is a parameter as calls see it.
type param struct {
	name     string
	optional bool
	text     bool // YAML text is taken as it is: a string, an enum or a dtype
	constant bool // known at compile time
	variadic bool // a list of tensors
}

// index is the place of a parameter, or -1.
func (s *signature) index(name string) int {
	if s.byName == nil {
		return slices.IndexFunc(s.params, func(p param) bool { return p.name == name })
	}
	if i, ok := s.byName[name]; ok {
		return i
	}
	return -1
}

func (s *signature) find(name string) *param {
	if i := s.index(name); i >= 0 {
		return &s.params[i]
	}
	return nil
}

func (s *signature) has(name string) bool { return s.find(name) != nil }

func (s *signature) at(i int) *param {
	if i < len(s.params) {
		return &s.params[i]
	}
	return nil
}

func (s *signature) names() []string {
	names := make([]string, len(s.params))
	for i, p := range s.params {
		names[i] = p.name
	}
	return names
}

// signature gives the signature of a module or operation, or nil.
func (l *library) signature(name string) *signature {
	if m := l.modules[name]; m != nil {
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
	s := &signature{name: m.name, isModule: true}
	for _, in := range m.inputs {
		s.params = append(s.params, param{name: in.name})
	}
	for _, a := range m.args {
		s.params = append(s.params, param{name: a.name, optional: a.optional, text: a.kind == argString, constant: a.kind != argScalar})
	}
	if len(s.params) > 32 {
		s.byName = make(map[string]int, len(s.params))
		for i, p := range s.params {
			s.byName[p.name] = i
		}
	}
	return s
}

var opSignatures sync.Map // *ir.Op → *signature

func opSignature(op *ir.Op) *signature {
	if s, ok := opSignatures.Load(op); ok {
		return s.(*signature)
	}
	s := &signature{name: op.Name}
	for _, p := range op.Params {
		if p.Hidden {
			continue
		}
		s.params = append(s.params, param{
			name:     p.Name,
			optional: p.Optional,
			text:     p.Kind == ir.KString || p.Kind == ir.KDType,
			constant: !p.Kind.IsTensor(),
			variadic: p.Kind == ir.KTensors,
		})
	}
	opSignatures.Store(op, s)
	return s
}
