package kernels

import (
	"fmt"
	"math"
	"sync"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// program is an expression that is compiled at its first use: most runs need
// few of the manifest's expressions, and compiling one takes longer than
// reading a dozen kernels.
type program struct {
	text, where string

	once sync.Once
	code *compiled
	err  error
}

// compiled is an expression ready to run.
type compiled struct {
	code  *vm.Program
	names []string // the identifiers in it
}

// compiledTexts holds every expression by its text: many kernels have the same.
var compiledTexts sync.Map // string → *compiled

// eval computes the expression. lookup gives what its identifiers stand for.
func (p *program) eval(lookup func(name string) any) (any, error) {
	p.once.Do(func() { p.code, p.err = compileText(p.text) })
	if p.err != nil {
		return nil, fmt.Errorf("%s: %w", p.where, p.err)
	}
	env := make(map[string]any, len(p.code.names))
	for _, name := range p.code.names {
		if name == "inf" {
			env[name] = math.Inf(1)
			continue
		}
		env[name] = lookup(name)
	}
	v, err := expr.Run(p.code.code, env)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.where, err)
	}
	return v, nil
}

func compileText(text string) (*compiled, error) {
	if c, ok := compiledTexts.Load(text); ok {
		return c.(*compiled), nil
	}
	tree, err := parser.Parse(text)
	if err != nil {
		return nil, err
	}
	c := &compiled{}
	ast.Walk(&tree.Node, c)
	c.code, err = expr.Compile(text, options()...)
	if err != nil {
		return nil, err
	}
	compiledTexts.Store(text, c)
	return c, nil
}

// options are what expressions are compiled with.
var options = sync.OnceValue(func() []expr.Option {
	all := []expr.Option{expr.Env(map[string]any{}), expr.AllowUndefinedVariables(), expr.DisableAllBuiltins()}
	for name, f := range functions {
		all = append(all, expr.Function(name, func(args ...any) (any, error) { return f(args), nil }))
	}
	return all
})

// Visit collects the identifiers of an expression that are no functions.
func (c *compiled) Visit(n *ast.Node) {
	if id, ok := (*n).(*ast.IdentifierNode); ok && functions[id.Value] == nil {
		c.names = append(c.names, id.Value)
	}
}
