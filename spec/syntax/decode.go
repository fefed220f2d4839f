package syntax

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// decoder turns nodes of the text into definitions.
type decoder struct {
	list     *diag.List
	lib      *Library
	importer *importer // nil in the standard library
	file     string    // whose text it decodes
	spec     *Spec     // of which that is the text; nil in a file of modules

	refused   map[string]*refusedName // invalid names, by their text
	misplaced map[string]bool         // keys that were found in the wrong section
}

func (d *decoder) report(rule diag.Rule, at diag.Range, help, format string, args ...any) {
	d.list.Add(diag.Diagnostic{Rule: rule, Range: at, Help: help, Message: fmt.Sprintf(format, args...)})
}

// is reports whether a value is of a kind. It says what must be if it isn't, unless that
// was reported before; an absent value isn't.
func (d *decoder) is(n *tree.Node, kind tree.Kind, help, must string) bool {
	if n == nil || n.Broken {
		return false
	}
	if n.Kind != kind {
		d.report(diag.WrongType, n.Range, help, "%s, not %s", must, n.Kind)
	}
	return n.Kind == kind
}

// fields checks a mapping against its section. ok is false if the node isn't a mapping
// or was reported before.
func (d *decoder) fields(n *tree.Node, s *Section) (fields map[string]*tree.Node, ok bool) {
	if n.Kind != tree.Map {
		help := cmp.Or(examples[s], "its keys are "+keyNames(s))
		if s == paramSection && n.Kind == tree.List && len(n.Items) > 0 && n.Items[0].IsScalar() {
			help = "write {shape: [" + diag.Cut(n.Items[0].Text)
			for _, item := range n.Items[1:min(len(n.Items), 8)] {
				help += ", " + diag.Cut(item.Text)
			}
			help += "], init: 0}"
		}
		if s == PlacementSection && deviceNames.MatchString(n.Text) {
			help = "write {default: " + n.Text + "}"
		}
		d.is(n, tree.Map, help, s.name+" must be a mapping")
	}
	if n.Broken || n.Kind != tree.Map {
		return nil, false
	}
	fields = make(map[string]*tree.Node, len(n.Entries))
	unknown := false
	for _, e := range n.Entries {
		k := s.Key(e.Key.Text)
		if k == nil {
			unknown = true
			continue
		}
		if k.Value == "note" { // nothing else looks at it
			if _, ok := d.text(e.Value, k.Name); !ok {
				continue
			}
		}
		fields[e.Key.Text] = e.Value
	}
	if unknown {
		d.recover(n, s, fields)
	}
	for _, k := range s.Keys {
		if k.Required && fields[k.Name] == nil && !n.Partial && !d.misplaced[k.Name] {
			d.report(diag.MissingKey, keyRange(n), k.Name+": "+k.doc, "%s requires the key `%s`", s.name, k.Name)
		}
	}
	return fields, true
}

// examples are the help of sections where the value isn't a mapping.
var examples = map[*Section]string{
	PlacementSection:  "write {default: cpu}",
	GenerateSection:   "write {context: 256}",
	evalSection:       "write {data: NAME, every: 500, metrics: {loss: loss}}",
	checkpointSection: "write {every: 1000}",
	earlyStopSection:  "write {metric: NAME, patience: 1000}",
	bestSection:       "write {metric: NAME}",
	paramSection:      "write {shape: [out_features], init: 0}",
	ruleSection:       "write {match: NAME, device: cpu}",
}

// keyRange is where a mapping begins: its first key, or all of an empty one.
func keyRange(n *tree.Node) diag.Range {
	if len(n.Entries) > 0 && !n.Flow {
		return n.Entries[0].Key.Range
	}
	r := n.Range
	if r.End.Line != r.Start.Line {
		r.End = diag.Pos{Line: r.Start.Line, Col: r.Start.Col + 1}
	}
	return r
}

func keyNames(s *Section) string {
	var names []string
	for _, k := range s.Keys {
		names = append(names, k.Name)
	}
	return strings.Join(names, ", ")
}

// entries gives the entries of a mapping whose keys are names, without invalid ones.
func (d *decoder) entries(n *tree.Node, what string) []tree.Entry {
	if n == nil || !d.is(n, tree.Map, entriesHelp(n, what), what+" must be a mapping") {
		return nil
	}
	var good []tree.Entry
	for _, e := range n.Entries {
		if e.Key = d.checkName(e.Key, n); e.Key != nil {
			good = append(good, e)
		}
	}
	return good
}

// entriesHelp says how to write the mapping that a value was probably meant to be.
func entriesHelp(n *tree.Node, what string) string {
	if n.Kind == tree.String && n.Plain {
		line, _, _ := strings.Cut(n.Text, "\n")
		if meant, message := tree.Mend(line); strings.Contains(meant, ": ") {
			return message + ": write " + diag.Cut(meant)
		}
	}
	switch {
	case n.Kind == tree.Null:
		return "write its entries below, indented by two more spaces"
	case n.Kind == tree.List && !n.Flow && len(n.Items) > 0 && n.Items[0].Kind == tree.Map:
		return "write its entries without `-`"
	case n.Kind == tree.String && what == "metrics", n.Kind == tree.List && what == "metrics":
		return "give each a name: {loss: loss}"
	case n.Kind == tree.List && what == "inputs":
		return `write {x: "f32[1, 8]"}`
	case n.Kind == tree.List && what == "args":
		return "write {size: int}"
	case n.Kind == tree.List:
		return "write {name: value}"
	}
	return ""
}

// incomplete reports whether names may be missing from a mapping because of what was
// reported about it. A name that isn't found there is no error then.
func incomplete(n *tree.Node) bool {
	return n != nil && (n.Broken || n.Partial || n.Kind != tree.Map)
}

// Words are names that expressions can't refer to.
var Words = strings.Fields("true false nil inf nan and or not in if else let matches contains startsWith endsWith")

// text decodes a string. Of a number or bool it is the text.
func (d *decoder) text(n *tree.Node, what string) (string, bool) {
	if n == nil || n.Broken {
		return "", false
	}
	if !n.IsScalar() || n.Kind == tree.Null {
		d.report(diag.WrongType, n.Range, "", "%s must be a string, not %s", what, n.Kind)
		return "", false
	}
	return n.Text, true
}

// placeholder reports a template's placeholder where no expression is allowed.
func (d *decoder) placeholder(n *tree.Node) bool {
	if n.Kind != tree.String {
		return false
	}
	found, ok := foreign.FindPlaceholder(n.Text)
	if !ok {
		return false
	}
	message, _ := found.Explain(n.Text)
	d.report(diag.ForeignSyntax, n.Range, "write the value itself; vars can't be used here", "%s", message)
	return true
}

// word decodes a string that names something.
func (d *decoder) word(n *tree.Node, what string) (string, bool) {
	text, ok := d.text(n, what)
	if !ok || d.placeholder(n) {
		return "", false
	}
	return d.name(text), true
}

// boolHelp says how to write a bool of YAML 1.1 or Python; "" for any other text.
func boolHelp(text string) string {
	switch strings.ToLower(text) {
	case "true", "yes", "on", "y":
		return "write true; `" + text + "` is a string here"
	case "false", "no", "off", "n":
		return "write false; `" + text + "` is a string here"
	}
	return ""
}

// boolean decodes a bool.
func (d *decoder) boolean(n *tree.Node, what string) (value, ok bool) {
	if n == nil || !d.is(n, tree.Bool, cmp.Or(boolHelp(n.Text), "write true or false"), what+" must be a bool") {
		return false, false
	}
	return strings.EqualFold(n.Text, "true"), true
}

// expression decodes an expression: a scalar, or a list of expressions. It is nil if
// that fails, which was reported.
func (d *decoder) expression(n *tree.Node, what string) expr.Expr {
	if n == nil || n.Broken {
		return nil
	}
	at := expr.Position{Range: n.Range}
	switch n.Kind {
	case tree.Null:
		help := ""
		if n.Text != "" {
			help = "write nil"
		}
		d.report(diag.WrongType, n.Range, help, "%s requires an expression, but has no value", what)
		return nil
	case tree.Map:
		d.report(diag.WrongType, n.Range, "", "%s must be an expression, not a mapping", what)
		return nil
	case tree.List:
		list := &expr.List{Position: at}
		for _, item := range n.Items {
			x := d.expression(item, what)
			if x == nil {
				return nil
			}
			list.Items = append(list.Items, x)
		}
		return list
	case tree.Bool:
		return &expr.Literal{Position: at, Value: strings.EqualFold(n.Text, "true")}
	case tree.Int, tree.Float:
		v, ok := d.number(n, what)
		if !ok {
			return nil
		}
		return &expr.Literal{Position: at, Value: v}
	}
	if strings.TrimSpace(n.Text) == "" {
		d.report(diag.ExpressionSyntax, n.Range, "", "%s requires an expression, but is empty", what)
		return nil
	}
	src, ok := d.source(n)
	if !ok {
		return nil
	}
	before := len(d.list.Items)
	e := expr.Parse(src, d.list)
	if e == nil && n.CutByComment && unfinished(n.Text) && len(d.list.Items) > before {
		if last := &d.list.Items[len(d.list.Items)-1]; last.Rule == diag.ExpressionSyntax {
			last.Notes = append(last.Notes, diag.Note{Message: "` #` starts a comment in YAML unless it is quoted"})
		}
	}
	return e
}

// unfinished reports whether an expression seems to be cut off.
func unfinished(text string) bool {
	opened := strings.Count(text, "(") + strings.Count(text, "[") - strings.Count(text, ")") - strings.Count(text, "]")
	return opened > 0 || strings.Count(text, "'")%2 == 1 || strings.Count(text, `"`)%2 == 1 ||
		strings.LastIndexAny(text, "+-*/%<>=,(") == len(text)-1
}

// typed decodes a type.
func (d *decoder) typed(n *tree.Node, what string) *expr.Type {
	text, ok := d.text(n, what)
	if !ok {
		if n != nil && (n.Kind == tree.List || n.Kind == tree.Map) && !n.Broken {
			d.list.Items[len(d.list.Items)-1].Help = `write a type like "f32[1, 8]"`
		}
		return nil
	}
	if strings.TrimSpace(text) == "" {
		d.report(diag.ExpressionSyntax, n.Range, `write a type like "f32[1, 8]"`, "%s has no type", what)
		return nil
	}
	src, ok := d.source(n)
	if !ok {
		return nil
	}
	return expr.ParseType(src, d.list)
}
