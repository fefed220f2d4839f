// Package expr owns the expressions of a spec: their syntax and the positions of
// their parts.
//
// The syntax is that of expr-lang, whose parser is used, with named arguments and without
// builtins; this package's syntax tree is the closed list of what an expression can be. What
// looks like another language, or is ambiguous, is refused with a hint. The length of a text
// and the depth of its brackets are bounded before it is parsed. The package knows no
// operation and no name.
package expr

import "github.com/flowrun/flowrun/diag"

// Expr is a node of the syntax tree. At is its range in the file, brackets
// around it not included.
type Expr interface{ At() diag.Range }

// Position is embedded in every node.
type Position struct{ Range diag.Range }

// At gives the range.
func (p Position) At() diag.Range { return p.Range }

// The nodes.
type (
	// Name is a name by itself: x.
	Name struct {
		Position
		Name string
	}
	// Literal is an int, float64, bool or string, or nil.
	Literal struct {
		Position
		Value any
	}
	// List is [a, b].
	List struct {
		Position
		Items []Expr
	}
	// Index is x[i].
	Index struct {
		Position
		X, Index Expr
	}
	// Member is x.name.
	Member struct {
		Position
		X    Expr
		Name string
	}
	// Unary is -x, +x or not x.
	Unary struct {
		Position
		Op string
		X  Expr
	}
	// Binary is x + y and its like; the operators are those of the table Ops.
	Binary struct {
		Position
		Op   string
		X, Y Expr
	}
	// Cond is test ? then : otherwise.
	Cond struct {
		Position
		Test, Then, Else Expr
	}
	// Call is f(a, b, name=c).
	Call struct {
		Position
		Name   string
		NameAt diag.Range
		Args   []Expr
		Named  []Named
		// Target is what the name was found to mean, set once by whoever
		// resolves names; nil where that failed.
		Target any
	}
)

// Named is a named argument.
type Named struct {
	Name   string
	NameAt diag.Range
	Value  Expr
}

// binaryOperators are the operators with two operands.
var binaryOperators = []string{"+", "-", "*", "/", "%", "**", "==", "!=", "<", "<=", ">", ">=", "and", "or"}

// Walk calls f for e and everything inside of it, outside in. Where f gives
// false the inside is left out.
func Walk(e Expr, f func(Expr) bool) {
	if e == nil || !f(e) {
		return
	}
	switch e := e.(type) {
	case *List:
		for _, item := range e.Items {
			Walk(item, f)
		}
	case *Index:
		Walk(e.X, f)
		Walk(e.Index, f)
	case *Member:
		Walk(e.X, f)
	case *Unary:
		Walk(e.X, f)
	case *Binary:
		Walk(e.X, f)
		Walk(e.Y, f)
	case *Cond:
		Walk(e.Test, f)
		Walk(e.Then, f)
		Walk(e.Else, f)
	case *Call:
		for _, a := range e.Args {
			Walk(a, f)
		}
		for _, n := range e.Named {
			Walk(n.Value, f)
		}
	}
}
