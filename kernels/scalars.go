package kernels

import (
	"fmt"
	"maps"
	"math"
	"sync"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// EvalScalars computes a launch's scalars, in the manifest's order, from the
// op's arguments by name and the shapes of the buffers. An argument that the
// spec left out is nil. The results have the Go types that ScalarTypes tells.
func (k *Kernel) EvalScalars(attr func(name string) (value any, ok bool), inputs [][]int, output []int) ([]any, error) {
	if len(k.Scalars) == 0 {
		return nil, nil
	}
	values := make([]any, len(k.Scalars))
	for i := range k.Scalars {
		s := &k.Scalars[i]
		var v any
		if s.program == nil {
			var ok bool
			if v, ok = attr(s.Expr); !ok {
				return nil, fmt.Errorf("kernel %s: the op has no argument %s", k.Name, s.Expr)
			}
		} else {
			var err error
			lookup := func(name string) any { return k.lookup(name, attr, inputs, output) }
			if v, err = s.program.eval(lookup); err != nil {
				return nil, err
			}
		}
		var ok bool
		if values[i], ok = s.convert(v); !ok {
			return nil, fmt.Errorf("kernel %s: the scalar %s must be of type %s, got %v (%T)", k.Name, s.Name, s.Type, v, v)
		}
	}
	return values, nil
}

// convert brings a value into the scalar's type.
func (s *Scalar) convert(v any) (any, bool) {
	switch s.Type {
	case "int":
		v, ok := v.(int)
		return v, ok
	case "float":
		switch v := v.(type) {
		case float64:
			return v, true
		case int:
			return float64(v), true
		}
	case "bool":
		v, ok := v.(bool)
		return v, ok
	case "ints":
		switch v := v.(type) {
		case []int:
			return v, true
		case [][2]int:
			flat := make([]int, 0, 2*len(v))
			for _, pair := range v {
				flat = append(flat, pair[0], pair[1])
			}
			return flat, true
		}
	case "number":
		switch v := v.(type) {
		case int, float64:
			return v, true
		case bool:
			if v {
				return 1, true
			}
			return 0, true
		}
	}
	return nil, false
}

// shape is a buffer as expressions see it.
type shape []int

// lookup gives what an expression may name besides the functions: the buffers
// and the op's arguments.
func (k *Kernel) lookup(name string, attr func(string) (any, bool), inputs [][]int, output []int) any {
	if name == "out" {
		return shape(output)
	}
	for i, b := range k.Inputs {
		if b.Name == name && i < len(inputs) {
			return shape(inputs[i])
		}
	}
	v, _ := attr(name)
	return v
}

// program is an expression that is compiled at its first use: most runs need
// few of the manifest's expressions, and compiling one takes longer than
// reading a dozen kernels.
type program struct {
	text, where string

	once  sync.Once
	code  *vm.Program
	names []string // the identifiers in it
	err   error
}

// functions are what expressions can call.
var functions = map[string]any{
	"inf":      math.Inf(1),
	"numel":    func(s shape) int { return Numel(s) },
	"rank":     func(s shape) int { return len(s) },
	"ceil_div": func(a, b int) int { return (a + b - 1) / b },
	"size": func(s shape, dim int) (int, error) {
		if dim < -len(s) || dim >= len(s) {
			return 0, fmt.Errorf("dim %d is out of range for a shape of %d dimensions", dim, len(s))
		}
		return s[(dim+len(s))%len(s)], nil
	},
}

func (p *program) compile() {
	tree, err := parser.Parse(p.text)
	if err != nil {
		p.err = fmt.Errorf("%s: %w", p.where, err)
		return
	}
	ast.Walk(&tree.Node, p)
	env := make(map[string]any, len(functions))
	maps.Copy(env, functions)
	p.code, p.err = expr.Compile(p.text, expr.Env(env), expr.AllowUndefinedVariables(), expr.DisableAllBuiltins())
	if p.err != nil {
		p.err = fmt.Errorf("%s: %w", p.where, p.err)
	}
}

// Visit collects the identifiers of an expression.
func (p *program) Visit(n *ast.Node) {
	if id, ok := (*n).(*ast.IdentifierNode); ok && functions[id.Value] == nil {
		p.names = append(p.names, id.Value)
	}
}

func (p *program) eval(lookup func(name string) any) (any, error) {
	p.once.Do(p.compile)
	if p.err != nil {
		return nil, p.err
	}
	env := make(map[string]any, len(functions)+len(p.names))
	maps.Copy(env, functions)
	for _, name := range p.names {
		env[name] = lookup(name)
	}
	v, err := expr.Run(p.code, env)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.where, err)
	}
	return v, nil
}
