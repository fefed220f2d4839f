package ops_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"text/scanner"

	"github.com/flowrun/flowrun/ir"
)

// A small reader of expressions, so that tests can be written, and reference
// cases and documented examples read, as a spec would write them. It knows
// calls, named arguments, literals, lists and operators.

type (
	name string
	list []any // of expressions
	call struct {
		fn    string
		args  []any
		named map[string]any
	}
)

type reader struct {
	scanner.Scanner
	tok rune
}

// read parses an expression into names, calls, lists, ints, floats, bools and
// strings; operators are calls.
func read(text string) (expr any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: %v", text, r)
		}
	}()
	r := &reader{}
	r.Init(strings.NewReader(text))
	r.Mode = scanner.ScanIdents | scanner.ScanInts | scanner.ScanFloats | scanner.ScanStrings
	r.Error = func(_ *scanner.Scanner, msg string) { panic(msg) }
	r.next()
	expr = r.binary(0)
	if r.tok != scanner.EOF {
		panic("unexpected " + r.TokenText())
	}
	return expr, nil
}

func (r *reader) next() { r.tok = r.Scan() }

func (r *reader) expect(tok rune) {
	if r.tok != tok {
		panic(fmt.Sprintf("expected %c, found %s", tok, r.TokenText()))
	}
	r.next()
}

var operators = []map[string]string{
	{"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"},
	{"+": "add", "-": "sub"},
	{"*": "mul", "/": "div", "%": "remainder"},
}

func (r *reader) binary(level int) any {
	if level == len(operators) {
		return r.unary()
	}
	x := r.binary(level + 1)
	for {
		op, length := string(r.tok), 1
		if second := string(r.Peek()); operators[level][op+second] != "" {
			op, length = op+second, 2
		} else if op == "*" && second == "*" {
			return x
		}
		fn := operators[level][op]
		if fn == "" {
			return x
		}
		for range length {
			r.next()
		}
		x = call{fn: fn, args: []any{x, r.binary(level + 1)}}
	}
}

func (r *reader) unary() any {
	if r.tok == '-' {
		r.next()
		switch x := r.unary().(type) {
		case int:
			return -x
		case float64:
			return -x
		default:
			return call{fn: "neg", args: []any{x}}
		}
	}
	x := r.primary()
	if r.tok == '*' && r.Peek() == '*' {
		r.next()
		r.next()
		return call{fn: "pow", args: []any{x, r.unary()}}
	}
	return x
}

func (r *reader) primary() any {
	text := r.TokenText()
	tok := r.tok
	r.next()
	switch tok {
	case '(':
		x := r.binary(0)
		r.expect(')')
		return x
	case '[':
		items := list{}
		for r.tok != ']' {
			items = append(items, r.binary(0))
			if r.tok != ']' {
				r.expect(',')
			}
		}
		r.next()
		return items
	case scanner.Int:
		v, err := strconv.Atoi(text)
		if err != nil {
			panic(err)
		}
		return v
	case scanner.Float:
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			panic(err)
		}
		return v
	case scanner.String:
		v, err := strconv.Unquote(text)
		if err != nil {
			panic(err)
		}
		return v
	case scanner.Ident:
		switch {
		case r.tok == '(':
			return r.call(text)
		case text == "true", text == "false":
			return text == "true"
		case text == "inf":
			return math.Inf(1)
		case text == "nan":
			return math.NaN()
		}
		return name(text)
	}
	panic("unexpected " + text)
}

func (r *reader) call(fn string) call {
	c := call{fn: fn, named: map[string]any{}}
	r.expect('(')
	for r.tok != ')' {
		if r.tok == '{' { // as the reference cases write named arguments
			r.options(c.named)
			continue
		}
		arg := r.binary(0)
		if key, ok := arg.(name); ok && r.tok == '=' {
			r.next()
			c.named[string(key)] = r.binary(0)
		} else {
			c.args = append(c.args, arg)
		}
		if r.tok != ')' {
			r.expect(',')
		}
	}
	r.next()
	return c
}

// options reads {name: expression, …}.
func (r *reader) options(named map[string]any) {
	r.expect('{')
	for r.tok != '}' {
		key := r.TokenText()
		r.next()
		r.expect(':')
		named[key] = r.binary(0)
		if r.tok != '}' {
			r.expect(',')
		}
	}
	r.next()
}

// build makes the nodes of an expression over named inputs.
func build(b *ir.Builder, expr any, inputs map[string]*ir.Node) (*ir.Node, error) {
	switch e := expr.(type) {
	case name:
		if n := inputs[string(e)]; n != nil {
			return n, nil
		}
		return nil, fmt.Errorf("there is no input %s", e)
	case call:
		return buildCall(b, e, inputs)
	}
	t, err := literal(expr)
	if err != nil {
		return nil, err
	}
	return b.Const(t), nil
}

func buildCall(b *ir.Builder, c call, inputs map[string]*ir.Node) (*ir.Node, error) {
	op := ir.LookupOp(c.fn)
	if op == nil {
		return nil, fmt.Errorf("there is no op %s", c.fn)
	}
	args := make([]any, max(len(op.Params), len(c.args)))
	copy(args, c.args)
	for key, arg := range c.named {
		i := op.Param(key)
		if i < 0 {
			return nil, fmt.Errorf("%s has no parameter %s", op.Name, key)
		}
		args[i] = arg
	}
	for i, p := range op.Params {
		var err error
		if args[i], err = argument(b, p, args[i], inputs); err != nil {
			return nil, err
		}
	}
	return b.Call(op, args)
}

// argument turns an expression into what Call takes for a parameter.
func argument(b *ir.Builder, p ir.Param, arg any, inputs map[string]*ir.Node) (any, error) {
	if p.Hidden && p.Optional {
		return nil, nil
	}
	if p.Name == "step" && p.Hidden {
		step, _ := arg.(int)
		return b.Scalar(ir.I64, step), nil
	}
	items, isList := arg.(list)
	switch {
	case p.Hidden && arg == nil:
		return 0, nil // the key
	case p.Kind == ir.KTensors && isList:
		nodes := make([]any, len(items))
		for i, item := range items {
			n, err := build(b, item, inputs)
			if err != nil {
				return nil, err
			}
			nodes[i] = n
		}
		return nodes, nil
	case p.Kind.IsTensor():
		switch arg.(type) {
		case name, call, list:
			return build(b, arg, inputs)
		}
		return arg, nil
	}
	return plain(arg), nil
}

// plain turns lists into what compile-time arguments are.
func plain(arg any) any {
	if arg == name("nil") {
		return nil
	}
	items, ok := arg.(list)
	if !ok {
		return arg
	}
	out := make([]any, len(items))
	for i, item := range items {
		out[i] = plain(item)
	}
	return out
}

// literal makes a tensor of nested lists of numbers: f32 if one is a float, i32
// if all are ints that fit, or else i64, or bool.
func literal(expr any) (*ir.Tensor, error) {
	var shape ir.Shape
	var flat []any
	var walk func(e any, depth int) error
	walk = func(e any, depth int) error {
		items, ok := e.(list)
		if !ok {
			flat = append(flat, e)
			return nil
		}
		if depth == len(shape) {
			shape = append(shape, len(items))
		}
		if shape[depth] != len(items) {
			return fmt.Errorf("ragged list %v", expr)
		}
		for _, item := range items {
			if err := walk(item, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	if err := walk(expr, 0); err != nil {
		return nil, err
	}
	dtype := ir.Bool
	for _, v := range flat {
		switch v := v.(type) {
		case bool:
		case int:
			if int(int32(v)) != v {
				dtype = max(dtype, ir.I64)
			}
			dtype = max(dtype, ir.I32)
		case float64:
			dtype = max(dtype, ir.F32)
		default:
			return nil, fmt.Errorf("%v is no number", v)
		}
	}
	t := ir.NewTensor(ir.Type{DType: dtype, Shape: shape})
	for i, v := range flat {
		one := ir.ScalarTensor(dtype, v)
		copy(t.Data[i*dtype.Size():], one.Data)
	}
	return t, nil
}
