package syntax

import (
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// interpolated is the name of a file with the values of string vars in place of {var}; {{ and
// }} are braces. ok is false if that fails, which was reported.
func (d *decoder) interpolated(n *tree.Node, text string) (name string, ok bool) {
	if !strings.ContainsAny(text, "{}") {
		return text, true
	}
	fail := func(rule diag.Rule, help, format string, args ...any) (string, bool) {
		d.report(rule, n.Range, help, format, args...)
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c != '{' && c != '}':
			b.WriteByte(c)
			continue
		case strings.HasPrefix(text[i+1:], text[i:i+1]):
			b.WriteByte(c)
			i++
			continue
		case c == '}':
			return fail(diag.InvalidValue, "write }} for a brace", "the file name %s has a } without a {", diag.CutPath(text))
		}
		inner, _, closed := strings.Cut(text[i+1:], "}")
		if !closed {
			return fail(diag.InvalidValue, "write {{ for a brace", "the file name %s has a { without a }", diag.CutPath(text))
		}
		v := d.varNamed(d.name(strings.TrimSpace(inner)))
		if i > 0 && text[i-1] == '$' {
			if v == nil { // a shell's: used literally, with a warning
				b.WriteString(text[i : i+len(inner)+2])
				i += len(inner) + 1
				continue
			}
			return fail(diag.ForeignSyntax, "write {"+v.Name+"}", "`${%s}` belongs to another language", diag.Cut(inner))
		}
		switch {
		case v == nil && d.spec.OpenVars:
			return "", false
		case v == nil:
			return fail(diag.UnknownName, d.fileVarHelp(inner), "the file name %s has %s in braces, which is no var", diag.CutPath(text), diag.Quote(inner))
		}
		v.Used = true
		value, isText := v.Value.(string)
		if IsBad(v.Value) {
			return "", false
		}
		if !isText {
			return fail(diag.InvalidValue, "quote the var's value to make it a string", "only vars that are strings can be part of a file name; %s is %s", v.Name, Article(kindOf(v.Value)))
		}
		b.WriteString(value)
		i += len(inner) + 1
	}
	return b.String(), true
}

func (d *decoder) varNamed(name string) *Var {
	d.list.Budget.Spend(diag.Comparing, LookCost*len(d.spec.Vars))
	for _, v := range d.spec.Vars {
		if v.Name == name {
			return v
		}
	}
	return nil
}

// fileVarHelp says what to do about braces that hold no var's name.
func (d *decoder) fileVarHelp(inner string) string {
	var names []string
	for _, v := range d.spec.Vars {
		if _, ok := v.Value.(string); ok {
			names = append(names, v.Name)
		}
	}
	if help := Suggestion(d.list, inner, names); help != "" {
		return help
	}
	return fmt.Sprintf("declare the var, as in vars: {data: folder}, or write {{%s}} for braces", diag.Cut(inner))
}
