package check

import (
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
	"github.com/flowrun/flowrun/spec/expr"
)

// oneByOne reports a call that passes the items of a list as arguments of their own, as
// other libraries do (reshape(x, 4, 8), concat(a, b)), and says how to write it.
func (s *scope) oneByOne(c *expr.Call, t *Target) bool {
	first, ok := foreign.Sized[c.Name]
	if !ok || t.Op == nil || len(c.Args) <= first {
		return false
	}
	if _, isList := c.Args[first].(*expr.List); isList {
		return false
	}
	last := len(c.Args)
	if t.Sig.Params[first].Variadic {
		for last > first+1 && isInt(c.Args[last-1]) {
			last-- // the dim
		}
	}
	if last == first+1 && !isInt(c.Args[first]) || s.list.Full() {
		return false
	}
	texts := make([]string, len(c.Args))
	for i, a := range c.Args {
		texts[i] = s.textAt(a.At())
	}
	help := "pass them as a list"
	if text := s.textAt(c.At()); strings.HasPrefix(text, c.Name) {
		list := []string{"[" + strings.Join(texts[first:last], ", ") + "]"}
		all := slices.Concat(texts[:first], list, texts[last:])
		for _, n := range c.Named {
			all = append(all, n.Name+"="+s.textAt(n.Value.At()))
		}
		help = "write " + c.Name + "(" + strings.Join(all, ", ") + ")"
	} else if t.Sig.Params[first].Variadic {
		help = "pass a list of tensors as one argument: [[a, b]]"
	}
	s.report(diag.InvalidArgument, c.Args[first].At(), help, "the argument `%s` of %s must be a list", t.Sig.Params[first].Name, c.Name)
	return true
}

func isInt(e expr.Expr) bool {
	if u, ok := e.(*expr.Unary); ok {
		e = u.X
	}
	l, ok := e.(*expr.Literal)
	if !ok {
		return false
	}
	_, ok = l.Value.(int)
	return ok
}

// lineCost is the cost of skipping a line of a text.
const lineCost = 20

// textAt is the text at a range within one line; "" for any other range.
func (s *scope) textAt(at diag.Range) string {
	if at.Start.Line != at.End.Line {
		return ""
	}
	s.list.Budget.Spend(diag.Telling, lineCost*at.Start.Line)
	text := s.list.Sources[at.File]
	for range at.Start.Line - 1 {
		_, text, _ = strings.Cut(text, "\n")
	}
	text, _, _ = strings.Cut(text, "\n")
	line := []rune(text)
	if at.Start.Col < 1 || at.End.Col > len(line)+1 || at.End.Col < at.Start.Col {
		return ""
	}
	return string(line[at.Start.Col-1 : at.End.Col-1])
}
