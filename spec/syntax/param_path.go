package syntax

import (
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// ParamPath is the path of a parameter that isn't called by its own name: texts, and
// arguments whose values stand between them.
type ParamPath struct {
	Outer bool // from the caller's path on, not from the module's own
	Parts []string
	Args  []string // Args[i] stands between Parts[i] and Parts[i+1]
}

const paramPathHelp = "write a name, in which {argument} stands for an argument's value; .. before it stands for the path of the caller: ..weight_l{layer}"

// paramPath decodes the key name of a parameter; nil if there is none, or it was reported.
func (d *decoder) paramPath(n *tree.Node, m *Module) *ParamPath {
	if n == nil {
		return nil
	}
	text, ok := d.text(n, "name")
	if !ok {
		return nil
	}
	p := &ParamPath{}
	rest, outer := strings.CutPrefix(text, "..")
	p.Outer = outer
	for {
		before, after, more := strings.Cut(rest, "{")
		p.Parts = append(p.Parts, before)
		if !more {
			break
		}
		arg, behind, closed := strings.Cut(after, "}")
		if !closed || !m.hasArg(arg) {
			d.report(diag.UnknownName, n.Range, paramPathHelp, "%s has no argument `%s`", m.Name, diag.Cut(arg))
			return nil
		}
		p.Args = append(p.Args, arg)
		rest = behind
	}
	if plain := strings.Join(p.Parts, "1"); !expr.IsName(strings.TrimSuffix(plain, ".")) || strings.HasSuffix(plain, ".") {
		d.report(diag.InvalidName, n.Range, paramPathHelp, "`%s` is not a valid name of a parameter", diag.Cut(text))
		return nil
	}
	return p
}

func (m *Module) hasArg(name string) bool {
	for _, a := range m.Args {
		if a.Name == name {
			return true
		}
	}
	return false
}
