package syntax

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// vars decodes the vars and their overrides, and checks what they are then.
func (d *decoder) vars(n *tree.Node, o Options) []*Var {
	var vars []*Var
	byName := map[string]*Var{}
	decl := map[string]map[string]*tree.Node{}
	for _, e := range d.entries(n, "vars") {
		v := &Var{Name: e.Key.Text, At: e.Key.Range, Node: e.Value, Value: Bad{}}
		vars, byName[v.Name] = append(vars, v), v
		if e.Value.Kind != tree.Map {
			v.Value = d.constant(e.Value, "the var "+v.Name)
			continue
		}
		fields, ok := d.fields(e.Value, varSection)
		if !ok || fields["value"] == nil {
			continue
		}
		v.Node = fields["value"]
		v.Value = d.constant(v.Node, "the var "+v.Name)
		decl[v.Name] = fields
	}
	for _, file := range o.VarsFiles {
		d.varsFile(byName, file, o.Texts)
	}
	for _, s := range o.Set {
		d.setting(byName, s)
	}
	for _, v := range vars {
		if fields := decl[v.Name]; fields != nil {
			d.checkVar(v, fields)
		}
	}
	return vars
}

// setting applies a --set. The value is read as YAML, so that it means what it
// would mean in the spec.
func (d *decoder) setting(vars map[string]*Var, s Setting) {
	file := "--set " + s.Key
	if v := d.overridden(vars, s.Key, diag.Range{File: file}); v != nil {
		if n := tree.Parse(file, s.Value, d.list); n != nil {
			d.override(v, n)
		}
	}
}

// varsFile applies a --vars: a file that is a mapping of vars to their values.
func (d *decoder) varsFile(vars map[string]*Var, file string, texts map[string]string) {
	var src []byte
	var err error
	if text, read := texts[file]; read {
		src = []byte(text)
	} else {
		src, err = ReadFile(file)
	}
	if err != nil {
		d.report(diag.Unreadable, diag.Range{File: file}, "", "%s", Reason(err))
		return
	}
	n := tree.Parse(file, string(src), d.list)
	empty := n != nil && n.Kind == tree.Null // no overrides
	if empty || !d.is(n, tree.Map, "write NAME: VALUE", "a vars file must be a mapping") {
		return
	}
	for _, e := range n.Entries {
		if v := d.overridden(vars, e.Key.Text, e.Key.Range); v != nil {
			d.override(v, e.Value)
		}
	}
}

// overridden finds the var that an override names; nil was reported.
func (d *decoder) overridden(vars map[string]*Var, name string, at diag.Range) *Var {
	if v := vars[name]; v != nil {
		return v
	}
	if d.list.Full() {
		return nil
	}
	d.report(diag.UnknownVar, at, d.list.Suggestion(name, slices.Collect(maps.Keys(vars))), "the spec has no var `%s`", diag.Cut(name))
	return nil
}

// override gives a var another value, of the same kind.
func (d *decoder) override(v *Var, n *tree.Node) {
	old := v.Value
	v.Node, v.Value, v.Overridden = n, d.constant(n, "the var "+v.Name), true
	if IsBad(old) || IsBad(v.Value) {
		return
	}
	number := func(k argKind) bool { return k == ArgInt || k == ArgFloat }
	if kindOf(old) == ArgInt {
		v.Value = wholeOf(v.Value)
	}
	if was, is := kindOf(old), kindOf(v.Value); was != is && !(number(was) && number(is)) {
		d.report(diag.WrongType, n.Range, "", "the var %s has type %s in the spec, not %s", v.Name, was, is)
		v.Value = Bad{}
	}
}

// checkVar checks a var against its declared type and range.
func (d *decoder) checkVar(v *Var, fields map[string]*tree.Node) {
	if IsBad(v.Value) {
		return
	}
	if n := fields["type"]; n != nil {
		k, ok := d.kind(n)
		if !ok {
			return
		}
		if k >= ArgScalar {
			d.report(diag.InvalidValue, n.Range, "write float, or list", "a var can't have type %s", k)
			return
		}
		if k == ArgInt {
			v.Value = wholeOf(v.Value)
		}
		value, ok := OfKind(v.Value, k)
		if !ok {
			d.list.Add(diag.Diagnostic{Rule: diag.WrongType, Range: v.Node.Range,
				Message: fmt.Sprintf("the value of the var %s must be of type %s, not %s", v.Name, k, kindOf(v.Value)),
				Notes:   []diag.Note{{Message: "declared here", Range: n.Range}}})
			v.Value = Bad{}
			return
		}
		v.Value = value
	}
	for _, bound := range []struct{ key, op, words string }{{"min", "<", "below its minimum"}, {"max", ">", "above its maximum"}} {
		n := fields[bound.key]
		if n == nil {
			continue
		}
		limit := d.limit(n, bound.key)
		if IsBad(limit) {
			continue
		}
		if _, err := comptime.Apply(bound.op, v.Value, limit); err != nil {
			d.report(diag.WrongType, n.Range, "", "%s can't bound the var %s: %s", bound.key, v.Name, err)
			continue
		}
		if beyond(bound.op, v.Value, limit) {
			d.list.Add(diag.Diagnostic{Rule: diag.InvalidValue, Range: v.Node.Range,
				Message: fmt.Sprintf("the var %s is %v, %s of %v", v.Name, v.Value, bound.words, limit),
				Notes:   []diag.Note{{Message: bound.key + " is " + n.Text, Range: n.Range}}})
			return
		}
	}
}

// wholeOf is the int that a float without a fraction stands for where an int is
// declared (1e3); any other value is itself.
func wholeOf(v any) any {
	if f, ok := v.(float64); ok && f == math.Trunc(f) && f >= math.MinInt && f < -math.MinInt {
		return int(f)
	}
	return v
}
