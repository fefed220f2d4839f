package syntax

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// options decodes the keys that a kind of file adds, out of those that are given.
func (d *decoder) options(fields map[string]*tree.Node, keys []table.Key, absent table.Options) table.Options {
	options := table.Options{}
	for _, k := range keys {
		n := fields[k.Name]
		if n == nil {
			if o, ok := absent[k.Name]; ok {
				options[k.Name] = o
			}
			continue
		}
		o := table.Option{At: n.Range} // without a value, if that was reported
		if v, ok := d.option(n, k); ok {
			o.Value = v
		}
		options[k.Name] = o
	}
	return options
}

// option decodes the value of a kind's key; see table.Form for its type.
func (d *decoder) option(n *tree.Node, k table.Key) (value any, ok bool) {
	switch k.Form {
	case table.FormBool:
		return d.boolean(n, k.Name)
	case table.FormCount:
		return d.count(n, k.Name, 1)
	case table.FormLength:
		return d.count(n, k.Name, 0)
	case table.FormInt:
		return d.integer(n, k.Name)
	case table.FormCharacter:
		return d.character(n, k.Name)
	case table.FormChoice:
		return d.choose(n, k.Name, k.Values)
	case table.FormTexts:
		return d.texts(n, k.Name)
	}
	return d.text(n, k.Name)
}

// atLeast decodes an int of at least so much.
func (d *decoder) atLeast(n *tree.Node, what string, least int64) (int64, bool) {
	v, ok := d.integer(n, what)
	if ok && v < least {
		d.report(diag.InvalidValue, n.Range, "", "%s must be at least %d, got %d", what, least, v)
		return v, false
	}
	return v, ok
}

// count decodes an int of at least so much, or the name of a var that is one.
func (d *decoder) count(n *tree.Node, what string, least int64) (int64, bool) {
	if n, ok := d.ofVar(n, what); ok {
		return d.atLeast(n, what, least)
	}
	return 0, false
}

// ofVar is a node with the value of the var that it names, or the node itself if it is
// nothing that could be a name. ok is false if that fails, which was reported.
func (d *decoder) ofVar(n *tree.Node, what string) (_ *tree.Node, ok bool) {
	if n.Broken || n.Kind != tree.String {
		return n, true
	}
	if found, ok := foreign.FindPlaceholder(n.Text); ok {
		message, _ := found.Explain(n.Text)
		d.report(diag.ForeignSyntax, n.Range, "write the var's name alone, as in batch: size", "%s", message)
		return nil, false
	}
	if !expr.IsName(n.Text) {
		return n, true
	}
	v := d.varNamed(d.name(n.Text))
	switch {
	case v == nil && d.spec.OpenVars:
		return nil, false
	case v == nil:
		d.report(diag.UnknownName, n.Range, d.countVarHelp(n.Text, what), "%s must be an int, or a var that is one; %s is no var", what, diag.Quote(n.Text))
		return nil, false
	}
	v.Used = true
	value, whole := wholeOf(v.Value).(int)
	switch {
	case IsBad(v.Value):
		return nil, false
	case !whole:
		d.list.Add(diag.Diagnostic{Rule: diag.InvalidValue, Range: n.Range,
			Message: fmt.Sprintf("%s must be an int, and the var %s is %s", what, v.Name, Article(kindOf(v.Value))),
			Notes:   []diag.Note{{Message: "the var has its value here", Range: v.Node.Range}}})
		return nil, false
	}
	valued := *n
	valued.Kind, valued.Text = tree.Int, strconv.Itoa(value)
	return &valued, true
}

// nameOrPlaceholder reports whether a node may be meant to name a var.
func nameOrPlaceholder(n *tree.Node) bool {
	_, found := foreign.FindPlaceholder(n.Text)
	return n.Kind == tree.String && (found || expr.IsName(n.Text))
}

// countVarHelp says what to do about a name that no var has.
func (d *decoder) countVarHelp(name, what string) string {
	var names []string
	for _, v := range d.spec.Vars {
		if _, ok := v.Value.(int); ok {
			names = append(names, v.Name)
		}
	}
	help := fmt.Sprintf("declare it, as in vars: {%s: 32}", diag.Cut(name))
	if what == "classes" {
		help = classesHelp
	}
	return cmp.Or(Suggestion(d.list, name, names), help)
}

// str decodes a string where a number or bool isn't one.
func (d *decoder) str(n *tree.Node, help, what, must string) (string, bool) {
	if !d.is(n, tree.String, help, what+" must be "+must) {
		return "", false
	}
	return n.Text, true
}

// character decodes a string of one character.
func (d *decoder) character(n *tree.Node, what string) (string, bool) {
	text, ok := d.str(n, "put it in quotes", what, "one character")
	if !ok {
		return "", false
	}
	if count := utf8.RuneCountInString(text); count != 1 {
		help := ""
		if escaped := map[string]string{`\t`: "\t", "tab": "\t", "comma": ",", "semicolon": ";", "space": " "}[text]; escaped != "" {
			help = "write " + quoted(escaped)
		}
		d.report(diag.InvalidValue, n.Range, help, "%s must be one character, got %s", what, diag.Quote(text))
		return "", false
	}
	return text, true
}

// quoted writes a character as YAML does in double quotes.
func quoted(text string) string {
	return `"` + strings.ReplaceAll(text, "\t", `\t`) + `"`
}

// choose decodes one of several words.
func (d *decoder) choose(n *tree.Node, what string, words []string) (string, bool) {
	one := strings.Join(words, ", ")
	if len(words) > 1 {
		one = strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
	}
	text, ok := d.str(n, "", what, one)
	if !ok {
		return "", false
	}
	if !slices.Contains(words, text) {
		d.report(diag.InvalidValue, n.Range, Suggestion(d.list, text, words), "%s must be %s, got %s", what, one, diag.Quote(text))
		return "", false
	}
	return text, true
}

// texts decodes a text or a list of texts.
func (d *decoder) texts(n *tree.Node, what string) ([]string, bool) {
	if n.Kind != tree.List {
		if !n.Broken && (n.Kind == tree.Map || n.Kind == tree.Null) {
			d.report(diag.WrongType, n.Range, "write [a, b]", "%s must be a string or a list of strings, not %s", what, n.Kind)
			return nil, false
		}
		text, ok := d.text(n, what)
		return []string{text}, ok
	}
	d.list.Budget.Spend(diag.Listing, ElementCost*len(n.Items)) // aliases are met again and again
	texts := make([]string, 0, len(n.Items))
	good := !n.Broken
	for _, item := range n.Items {
		text, ok := d.text(item, "an item of "+what)
		good = good && ok
		texts = append(texts, text)
	}
	return texts, good
}

// distinct decodes a text or a list of texts of which none may be there twice.
func (d *decoder) distinct(n *tree.Node, what string) ([]string, bool) {
	texts, ok := d.texts(n, what)
	if !ok {
		return nil, false
	}
	if len(texts) == 0 {
		d.report(diag.InvalidValue, n.Range, "", "%s is empty", what)
		return nil, false
	}
	first := map[string]bool{}
	for i, text := range texts {
		if first[text] {
			d.report(diag.DuplicateName, n.Items[i].Range, "", "%s has %s twice", what, diag.Quote(text))
			return nil, false
		}
		first[text] = true
	}
	return texts, true
}

// field decodes a field of a data source.
func (d *decoder) field(e tree.Entry, o *origin) *Field {
	f := &Field{Name: e.Key.Text, At: e.Key.Range}
	f.Decl = table.Field{Name: f.Name, At: f.At, Options: table.Options{}}
	fields, ok := d.fields(e.Value, o.field)
	if !ok {
		return f
	}
	f.Type = d.typed(fields["type"], "the field "+f.Name)
	f.Decl.Options = d.options(fields, o.kind.FieldKeys, o.absent)
	if n := fields["classes"]; n != nil {
		f.Decl.Classes = d.classes(n)
		f.refused = f.Decl.Classes == nil
	}
	if n := fields["unknown"]; n != nil {
		d.unknown(n, f)
	}
	if n := fields["normalize"]; n != nil {
		f.normalizeAt = n.Range
		text, _ := d.choose(n, "normalize", Forms["normalize"].Enum)
		f.Decl.Normalize = table.Normalize(text)
		if fields["classes"] != nil && text != "" {
			d.report(diag.InvalidValue, n.Range, "remove it", "a field with classes can't be normalized: its values are ids")
			f.Decl.Normalize = ""
		}
	}
	if n := fields["fill"]; n != nil {
		f.fillAt = n.Range
		f.Decl.Fill = d.fill(n, fields["classes"] != nil)
	}
	return f
}

const classesHelp = "write how many there are, or list them: [yes, no]"

// classes decodes the number of a field's classes, or their list; nil if that fails.
func (d *decoder) classes(n *tree.Node) *table.Classes {
	switch {
	case n.Broken:
		return nil
	case n.Kind == tree.List:
		names, ok := d.distinct(n, "classes")
		if !ok {
			return nil
		}
		return &table.Classes{Count: len(names), Names: names, Unknown: -1}
	case n.Kind != tree.Int && n.Kind != tree.Float && !nameOrPlaceholder(n):
		d.report(diag.WrongType, n.Range, classesHelp, "classes must be an int or a list of strings, not %s", strange(n))
		return nil
	}
	count, ok := d.count(n, "classes", 1)
	if ok && count > maxClasses {
		d.report(diag.InvalidValue, n.Range, "", "classes must be at most %d, got %d", maxClasses, count)
	}
	if !ok || count > maxClasses {
		return nil
	}
	d.list.Budget.Spend(diag.Listing, ElementCost*int(count)) // kinds may name them
	return &table.Classes{Count: int(count), Unknown: -1}
}

// maxClasses bounds the classes of a field: all are kept in memory and in weight files.
const maxClasses = 1 << 20

// unknown decodes the id of texts that are no class.
func (d *decoder) unknown(n *tree.Node, f *Field) {
	id, ok := d.count(n, "unknown", 0)
	switch c := f.Decl.Classes; {
	case !ok || f.refused:
	case c == nil:
		d.report(diag.InvalidValue, n.Range, "add `classes`, or remove it", "`unknown` applies only to fields with classes")
	case id > int64(c.Count):
		d.report(diag.InvalidValue, n.Range, "", "unknown must be at most %d, one more than the last class's id, got %d", c.Count, id)
	default:
		c.Unknown = id
	}
}

// fills are the words of `fill`; of a field of classes only drop is one.
var fills = []string{string(table.FillDrop), string(table.FillMean), string(table.FillMedian)}

// fill decodes what takes the place of missing values.
func (d *decoder) fill(n *tree.Node, classes bool) table.Fill {
	switch {
	case n.Broken:
		return table.Fill{}
	case n.Kind != tree.String && n.Kind != tree.Int && n.Kind != tree.Float:
		d.report(diag.WrongType, n.Range, "", "fill must be a number or a string, not %s", n.Kind)
		return table.Fill{}
	case n.Text == string(table.FillDrop):
		return table.Fill{By: table.FillDrop}
	case classes:
		return table.Fill{By: table.FillText, Text: n.Text}
	case n.Kind == tree.String && slices.Contains(fills, n.Text):
		return table.Fill{By: table.FillBy(n.Text)}
	case n.Kind == tree.String:
		number, _ := NearestNumber(n.Text)
		help := cmp.Or(map[string]string{"average": `did you mean "mean"?`, "ffill": "values don't depend on their neighbours: write drop, mean or a number", "zero": "write 0"}[n.Text], Suggestion(d.list, n.Text, fills))
		if number != "" {
			help = "write " + number
		}
		d.report(diag.InvalidValue, n.Range, help, "fill must be drop, mean, median or a number, got %s", diag.Quote(n.Text))
		return table.Fill{}
	}
	v, ok := d.float(n, "fill")
	if !ok {
		return table.Fill{}
	}
	if v-v != 0 {
		d.report(diag.InvalidValue, n.Range, "", "fill must be finite, got %v", v)
		return table.Fill{}
	}
	return table.Fill{By: table.FillValue, Value: v}
}
