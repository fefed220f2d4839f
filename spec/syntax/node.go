package syntax

import (
	"cmp"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// nodes decodes a mapping of nodes, or the entries of an update.
func (d *decoder) nodes(n *tree.Node) []*Item {
	var items []*Item
	for _, e := range d.entries(n, "nodes") {
		items = append(items, &Item{Name: e.Key.Text, At: e.Key.Range, Def: d.node(e.Value, "the node "+e.Key.Text)})
	}
	return items
}

// node decodes the right side of a node. If it has neither a value nor a choice, that was
// reported.
func (d *decoder) node(n *tree.Node, what string) *Node {
	switch {
	case n.Broken:
		return &Node{At: n.Range}
	case n.Kind == tree.Map && n.Get("if") != nil:
		return d.choice(n, what)
	case n.Kind == tree.Map:
		return d.mappingNode(n, what)
	}
	return &Node{At: n.Range, Value: d.expression(n, what)}
}

// choice decodes {if, then, else}.
func (d *decoder) choice(n *tree.Node, what string) *Node {
	def := &Node{At: n.Range}
	fields, ok := d.fields(n, IfSection)
	if !ok {
		return def
	}
	test := d.expression(fields["if"], "if")
	if test == nil || fields["then"] == nil || fields["else"] == nil {
		return def
	}
	def.Test = test
	def.Then = d.node(fields["then"], what)
	def.Else = d.node(fields["else"], what)
	return def
}

// mappingNode decodes {operation: inputs, argument: value, …} into a call.
func (d *decoder) mappingNode(n *tree.Node, what string) *Node {
	def := &Node{At: n.Range}
	n = d.renamed(n)
	key := d.operationKey(n, what)
	if key == nil {
		return def
	}
	sig := d.lib.Signature(key.Text)
	call := &expr.Call{Position: expr.Position{Range: n.Range}, Name: key.Text, NameAt: key.Range}
	good := d.positional(call, n.Get(key.Text), sig)
	for _, e := range n.Entries {
		name := e.Key.Text
		switch {
		case e.Key == key:
		case isReserved(name) && !(name == "dtype" && sig.has("dtype")):
			d.nodeKey(def, e, sig)
		default:
			value := d.argument(e.Value, sig.find(name), "the argument "+name)
			good = good && value != nil
			call.Named = append(call.Named, expr.Named{Name: name, NameAt: e.Key.Range, Value: value})
		}
	}
	d.checkShare(def, n)
	d.checkRecompute(def)
	if good && !n.Partial {
		def.Value = call
	}
	return def
}

// isReserved reports whether a key of a mapping node is no argument.
func isReserved(key string) bool { return key == "if" || NodeSection.Key(key) != nil }

// operationKey finds the key that names an operation or module. An operation's name may
// also be an argument of another (normal has a mean): it is the key for which all other
// keys are arguments.
func (d *decoder) operationKey(n *tree.Node, what string) *tree.Node {
	var candidates, others []*tree.Node
	for _, e := range n.Entries {
		switch {
		case d.lib.Signature(e.Key.Text) != nil:
			candidates = append(candidates, e.Key)
		case !isReserved(e.Key.Text):
			others = append(others, e.Key)
		}
	}
	for _, c := range candidates[:min(len(candidates), 8)] {
		sig := d.lib.Signature(c.Text)
		fits := true
		for _, k := range n.Entries {
			fits = fits && (k.Key == c || isReserved(k.Key.Text) || sig.has(k.Key.Text))
		}
		if fits {
			return c
		}
	}
	if len(candidates) > 0 {
		return candidates[0]
	}
	if d.lib.Open || n.Partial || d.list.Full() {
		return nil // an import may have had it, or its help is not worth a search
	}
	if len(others) == 0 {
		d.report(diag.UnknownFunction, keyRange(n), "write {operation: inputs, argument: value}", "%s has no operation or module", what)
		return nil
	}
	help := ""
	if slices.Contains(typeKeys, others[0].Text) {
		if name := n.Get(others[0].Text); d.lib.Signature(name.Text) != nil {
			help = "use the operation as the key and its inputs as the value: {" + name.Text + ": x, …}"
		}
	}
	if help == "" {
		help = d.lib.FunctionHelp(d.list, others[0].Text)
	}
	d.report(diag.UnknownFunction, others[0].Range, help, "unknown operation or module %s", Quoted(others[0].Text))
	return nil
}

// typeKeys are keys that name what a node is in other formats.
var typeKeys = strings.Fields("type op operation layer module kind class function name")

// positional decodes the value of a mapping node's operation: one argument, or
// a list of several.
func (d *decoder) positional(call *expr.Call, n *tree.Node, sig *Signature) bool {
	if n.Broken {
		return false
	}
	values := []*tree.Node{n}
	switch n.Kind {
	case tree.Null:
		values = nil
	case tree.List:
		values = n.Items
	case tree.Map:
		d.report(diag.WrongType, n.Range, "write {operation: inputs, argument: value}",
			"the value of `%s` must be its inputs, not a mapping", call.Name)
		return false
	}
	good := true
	for i, v := range values {
		x := d.argument(v, sig.at(i), "an argument of "+call.Name)
		good = good && x != nil
		call.Args = append(call.Args, x)
	}
	return good
}

// argument decodes an argument: a text where a string is expected, else an expression.
func (d *decoder) argument(n *tree.Node, p *Param, what string) expr.Expr {
	if p != nil && (p.text || slices.Contains(p.words, n.Text)) && n.IsScalar() && n.Kind != tree.Null && !n.Broken {
		return &expr.Literal{Position: expr.Position{Range: n.Range}, Value: n.Text}
	}
	return d.expression(n, what)
}

// nodeKey decodes a reserved key of a mapping node.
func (d *decoder) nodeKey(def *Node, e tree.Entry, sig *Signature) {
	name := e.Key.Text
	if !sig.isModule && name != "device" && name != "repeat" && name != "precision" {
		d.report(diag.UnknownArgument, e.Key.Range, "remove it", "`%s` applies only to modules; %s is an operation", name, sig.Name)
		return
	}
	switch name {
	case "device":
		def.Device = d.device(e.Value)
	case "dtype":
		text, ok := d.text(e.Value, name)
		if !ok || text == Inherit {
			return
		}
		dtype, ok := ir.ParseDType(text)
		if !ok || !dtype.IsFloat() {
			d.report(diag.InvalidValue, e.Value.Range, "use f16, bf16, f32 or f64, or inherit for the dtype of the enclosing node", "parameters can't have the dtype `%s`", diag.Cut(text))
			return
		}
		def.Dtype = dtype
	case "name":
		if text, ok := d.text(e.Value, name); ok {
			if !isPath(text) {
				d.report(diag.InvalidName, e.Value.Range, "use names or numbers separated by dots: encoder.0", "`%s` is not a valid name for parameters", diag.Cut(text))
				return
			}
			def.Path = text
		}
	case "trainable":
		if v, ok := d.boolean(e.Value, name); ok {
			def.Frozen = !v
		}
	case "repeat":
		def.Repeat, def.HasRepeat = d.expression(e.Value, name), true
	case "precision":
		def.Precision = d.precision(e.Value)
	case "share":
		def.Share = d.share(e.Value)
	case "checkpoint_activations":
		def.Recompute = d.recompute(e.Value)
	case "scan":
		def.Scan = d.scan(e.Value)
	}
}

// precisions are the dtypes that products can be computed in.
var precisions = []string{ir.BF16.String(), ir.F16.String(), ir.F32.String()}

// precision decodes the key precision; it is ir.Invalid if there is none.
func (d *decoder) precision(n *tree.Node) ir.DType {
	if n == nil {
		return ir.Invalid
	}
	text, ok := d.text(n, "precision")
	if !ok {
		return ir.Invalid
	}
	if !slices.Contains(precisions, text) {
		help := "use bf16, f16 or f32"
		if here := foreign.DTypes[text]; slices.Contains(precisions, here) {
			help = "write " + here
		}
		if text == ir.F64.String() {
			help = "f64 is a dtype of parameters and inputs: write dtype: f64"
		}
		d.report(diag.InvalidValue, n.Range, help, "precision can't be %s", Quoted(text))
		return ir.Invalid
	}
	dtype, _ := ir.ParseDType(text)
	return dtype
}

// Inherit is the dtype of the node around a node.
const Inherit = "inherit"

// isPath reports whether a text can name parameters: names or numbers separated by dots,
// as in weight files.
func isPath(s string) bool {
	for _, part := range strings.Split(s, ".") {
		if !expr.IsName("_"+part) || part == "" {
			return false
		}
	}
	return true
}

// optimizerHelp shows the form, with the optimizer that a value probably names.
func (d *decoder) optimizerHelp(n *tree.Node) string {
	name := n.Text
	for _, key := range typeKeys {
		if v := n.Get(key); v != nil {
			name = v.Text
		}
	}
	name, _, _ = strings.Cut(name, "(")
	name = name[strings.LastIndexByte(name, '.')+1:]
	if d.lib.Optimizers[name] == nil {
		name = d.list.DidYouMean(name, keysOf(d.lib.Optimizers))
	}
	return "write {" + cmp.Or(name, "SGD") + ": {lr: 0.1}}"
}

// optimizerCall decodes {SGD: {lr: 0.1}}.
func (d *decoder) optimizerCall(n *tree.Node) *expr.Call {
	if n == nil || n.Broken || n.Kind == tree.Map && n.Partial && len(n.Entries) == 0 {
		return nil
	}
	if n.Kind == tree.Map {
		n = d.renamed(n)
	}
	if n.Kind != tree.Map || len(n.Entries) != 1 {
		d.report(diag.WrongType, n.Range, d.optimizerHelp(n), "optimizer must be one optimizer with a mapping of its arguments")
		return nil
	}
	key, value := n.Entries[0].Key, n.Entries[0].Value
	call := &expr.Call{Position: expr.Position{Range: n.Range}, Name: key.Text, NameAt: key.Range}
	m := d.lib.Optimizers[key.Text]
	if m == nil && d.lib.Open {
		return nil
	}
	if m == nil {
		known := keysOf(d.lib.Optimizers)
		help := cmp.Or(Suggestion(d.list, key.Text, known), ThereIs(known))
		d.report(diag.UnknownFunction, key.Range, help, "unknown optimizer %s", Quoted(key.Text))
		return nil
	}
	if value.Broken || value.Partial || n.Partial {
		return nil
	}
	if value.Kind == tree.Null {
		return call
	}
	if !d.is(value, tree.Map, "write {"+key.Text+": {lr: 0.1}}", "an optimizer's arguments must be a mapping") {
		return nil
	}
	sig := SignatureOf(m)
	for _, e := range value.Entries {
		x := d.argument(e.Value, sig.find(e.Key.Text), "the argument "+e.Key.Text)
		if x == nil {
			return nil
		}
		call.Named = append(call.Named, expr.Named{Name: e.Key.Text, NameAt: e.Key.Range, Value: x})
	}
	return call
}
