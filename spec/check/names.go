package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
)

// check resolves the names of an expression. With constant, its value must be known at
// compile time. user is the node that it belongs to.
func (s *scope) check(e expr.Expr, constant bool, user *syntax.Item) {
	switch e := e.(type) {
	case nil:
	case *expr.Name:
		s.name(e, constant, user)
	case *expr.Call:
		s.call(e, constant, user)
	case *expr.List:
		for _, item := range e.Items {
			s.check(item, constant, user)
		}
	case *expr.Index:
		s.check(e.X, constant, user)
		s.check(e.Index, true, user)
	case *expr.Member:
		s.check(e.X, constant, user)
	case *expr.Unary:
		s.check(e.X, constant, user)
	case *expr.Binary:
		s.check(e.X, constant, user)
		s.check(e.Y, constant, user)
	case *expr.Cond:
		s.test(e.Test, user)
		s.check(e.Then, constant, user)
		s.check(e.Else, constant, user)
	}
}

// test resolves the condition of a choice.
func (s *scope) test(e expr.Expr, user *syntax.Item) {
	in := *s
	in.choice = true
	in.check(e, true, user)
}

// find looks a name up: among values first, unless only compile-time names are visible.
func (s *scope) find(name string, constant bool) *symbol {
	if !constant {
		if sym := s.graph[name]; sym != nil {
			return sym
		}
	}
	return s.consts[name]
}

func (s *scope) name(n *expr.Name, constant bool, user *syntax.Item) {
	if sym := s.find(n.Name, constant); sym != nil {
		s.use(sym, user)
		return
	}
	if sym := s.graph[n.Name]; sym != nil {
		sym.used = true
		help := s.choiceHelp("only vars, arguments and dimensions are known at compile time")
		s.list.Add(diag.Diagnostic{Rule: diag.NotCompileTime, Range: n.At(),
			Message: fmt.Sprintf("%s `%s` is not known at compile time", sym.what, n.Name),
			Notes:   definedAt(sym),
			Help:    help})
		return
	}
	if sym := s.hidden[n.Name]; sym != nil {
		sym.used = true
		s.list.Add(diag.Diagnostic{Rule: diag.UnknownName, Range: n.At(),
			Message: fmt.Sprintf("%s `%s` is not visible here", sym.what, n.Name), Notes: definedAt(sym)})
		return
	}
	if s.open {
		return
	}
	s.report(diag.UnknownName, n.At(), s.nameHelp(n.Name, constant), "undefined name %s", syntax.Quoted(n.Name))
}

// choiceHelp says what to write instead of a choice by a value; other is the help elsewhere.
func (s *scope) choiceHelp(other string) string {
	if s.choice {
		return "to select element by element at run time, use where(test, a, b)"
	}
	return other
}

func definedAt(sym *symbol) []diag.Note {
	if !sym.at.Known() {
		return nil
	}
	return []diag.Note{{Message: "declared here", Range: sym.at}}
}

// use marks a name as used, and the node behind it as needed by user.
func (s *scope) use(sym *symbol, user *syntax.Item) {
	if sym.item == nil {
		sym.used = true
		return
	}
	if sym.item != user {
		sym.used, sym.item.Used = true, true
	}
	if user != nil {
		user.Uses = append(user.Uses, sym.item)
	}
}

func (s *scope) nameHelp(name string, constant bool) string {
	if s.list.Full() || len(s.consts)+len(s.graph) > diag.MaxCandidates {
		return ""
	}
	if help, ok := s.hints[name]; ok {
		return help
	}
	if help, ok := foreign.Words[name]; ok {
		return help
	}
	if number, ok := syntax.NearestNumber(name); ok { // in digits of another script
		return "write " + number
	}
	visible := slices.Collect(maps.Keys(s.consts))
	if !constant {
		visible = slices.AppendSeq(visible, maps.Keys(s.graph))
	}
	if help := syntax.Suggestion(s.list, name, visible); help != "" {
		return help
	}
	if s.owner != nil && !s.owner.Root {
		for _, v := range s.vars {
			if v.Name == name {
				return fmt.Sprintf("modules can't use the spec's vars; pass `%s` as an argument of %s", name, s.owner.Name)
			}
		}
	}
	if s.lib.Signature(name) != nil {
		return fmt.Sprintf("to call it, write %s(…)", name)
	}
	if slices.Contains(syntax.TypeNames, name) {
		return fmt.Sprintf("quote dtypes: %q", name)
	}
	if here := foreign.DTypes[name]; here != "" && !foreign.IsAdvice(here) {
		return fmt.Sprintf("quote dtypes: %q", here)
	}
	if here, _ := foreign.Function(name); here != "" && s.lib.Signature(here) != nil {
		return fmt.Sprintf("write %s(…)", here)
	}
	if foreign.Namespaces[name] {
		return "omit the namespace `" + name + "`"
	}
	if constant && (s.owner == nil || s.owner.Root) && expr.IsName(name) {
		return "declare it as a var: vars: {" + name + ": …}"
	}
	return syntax.ThereIs(visible)
}

// call finds what a call's name means, and binds its arguments.
func (s *scope) call(c *expr.Call, constant bool, user *syntax.Item) {
	if c.Name == "next" {
		s.next(c, constant, user)
		return
	}
	t := &Target{Module: s.lib.Modules[c.Name]}
	var sig *syntax.Signature
	if t.Module != nil {
		sig = syntax.SignatureOf(t.Module)
		s.calls[t.Module] = true
	} else if t.Op = syntax.LookupOp(c.Name); t.Op != nil {
		t.Function, sig = t.Op.Scalar, syntax.OpSignature(t.Op)
	} else if t.Function = comptime.ListFunctions[c.Name]; t.Function != nil {
		sig = &syntax.Signature{Name: c.Name, Params: []syntax.Param{{Name: "x"}}}
	}
	if sig == nil {
		s.unknownFunction(c)
		s.arguments(c, false, user)
		return
	}
	if constant && t.Function == nil {
		s.report(diag.NotCompileTime, c.At(), s.choiceHelp(""), "`%s` can't be evaluated at compile time", c.Name)
		s.arguments(c, false, user)
		return
	}
	s.bind(c, t, sig, constant, user)
}

func (s *scope) arguments(c *expr.Call, constant bool, user *syntax.Item) {
	for _, a := range c.Args {
		s.check(a, constant, user)
	}
	for _, n := range c.Named {
		s.check(n.Value, constant, user)
	}
}

func (s *scope) unknownFunction(c *expr.Call) {
	if s.list.Full() || s.lib.Open {
		return
	}
	help := s.lib.ForeignHelp(c.Name)
	if sym := s.graph[c.Name]; help == "" && sym != nil {
		help = fmt.Sprintf("%s `%s` is a value, not an operation", sym.what, c.Name)
		if sym.item != nil && moduleName(sym.item.Def) != "" {
			help += fmt.Sprintf("; to apply its module again with the same parameters, write {%s: x, share: %s}", moduleName(sym.item.Def), c.Name)
		}
	}
	if help == "" {
		help = s.lib.FunctionHelp(s.list, c.Name)
	}
	s.report(diag.UnknownFunction, c.NameAt, help, "unknown operation or module %s", syntax.Quoted(c.Name))
}

// moduleName is the name that a node calls, if the node is a call as a whole.
func moduleName(def *syntax.Node) string {
	if c, ok := def.Value.(*expr.Call); ok && syntax.LookupOp(c.Name) == nil {
		return c.Name
	}
	return ""
}

// next resolves next(s).
func (s *scope) next(c *expr.Call, constant bool, user *syntax.Item) {
	if constant {
		s.report(diag.NotCompileTime, c.At(), "", "next(…) is not known at compile time")
		return
	}
	if len(c.Args) == 1 && len(c.Named) == 0 {
		if n, ok := c.Args[0].(*expr.Name); ok {
			it, state := s.writes[n.Name]
			switch {
			case !state && s.find(n.Name, false) == nil:
				s.name(n, false, user)
			case !state:
				s.report(diag.InvalidArgument, n.At(), "", "next(…) requires a state of this module; `%s` is not one", n.Name)
			case it == nil:
				s.report(diag.InvalidArgument, n.At(), "add it to `update`", "the state `%s` is never written", n.Name)
			default:
				c.Target = &Target{Next: n.Name}
				if sym := s.graph[n.Name]; sym != nil {
					sym.used = true
				}
				if user != nil {
					user.Uses = append(user.Uses, it)
				}
			}
			return
		}
	}
	s.report(diag.InvalidArgument, c.At(), "write next(name)", "next(…) requires the name of a state")
}

// bind matches a call's arguments with the parameters, and puts them into their order.
func (s *scope) bind(c *expr.Call, t *Target, sig *syntax.Signature, constant bool, user *syntax.Item) {
	s.list.Budget.Spend(diag.Comparing, syntax.LookCost*4*len(sig.Params))
	t.Sig = sig
	t.Args = make([]expr.Expr, len(sig.Params))
	if s.oneByOne(c, t) {
		return
	}
	good := true
	fail := func(rule diag.Rule, at diag.Range, help, format string, args ...any) {
		good = false
		if t.Module != nil && t.Module.Open {
			return // its arguments aren't all known
		}
		s.report(rule, at, help, format, args...)
	}
	for i, a := range c.Args {
		if i >= len(sig.Params) {
			help := "its arguments are " + strings.Join(sig.Names(), ", ")
			if last := sig.Params[max(len(sig.Params)-1, 0):]; len(last) == 1 && last[0].Variadic {
				help += "; " + last[0].Name + " is a list: [a, b]"
			}
			fail(diag.TooManyArguments, a.At(), help,
				"%s takes %s, got %d", c.Name, diag.Count(len(sig.Params), "argument"), len(c.Args))
			break
		}
		t.Args[i] = a
		s.check(a, constant || sig.Params[i].Constant, user)
	}
	for _, n := range c.Named {
		i := sig.Index(n.Name)
		switch {
		case i < 0:
			// What its value may see isn't known, so it isn't checked.
			fail(diag.UnknownArgument, n.NameAt, sig.ArgumentHelp(n.Name, s.list), "%s has no argument `%s`", c.Name, diag.Cut(n.Name))
		case t.Args[i] != nil:
			help := ""
			if sig.Params[0].Variadic {
				help = "pass a list of tensors as one argument: [[a, b]]"
			}
			fail(diag.DuplicateArgument, n.NameAt, help, "the argument `%s` of %s is given twice", n.Name, c.Name)
		default:
			t.Args[i] = n.Value
		}
		if i >= 0 {
			s.check(n.Value, constant || sig.Params[i].Constant, user)
		}
	}
	for i, p := range sig.Params {
		taken := c == s.shares && t.Module != nil && i >= len(t.Module.Inputs)
		if t.Args[i] == nil && !p.Optional && !taken && good {
			fail(diag.MissingArgument, c.At(), "its arguments are "+strings.Join(sig.Names(), ", "),
				"%s requires the argument `%s`", c.Name, p.Name)
		}
	}
	if good {
		c.Target = t
	}
}

// Target is what a call's name was found to mean, with its arguments in the
// order of the parameters; absent ones are nil.
type Target struct {
	Op       *ir.Op
	Module   *syntax.Module
	Function comptime.Function // of arguments known at compile time: the op's, or one of a list
	Next     string            // of next(s): the state
	Args     []expr.Expr
	Sig      *syntax.Signature
}
